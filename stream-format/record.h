/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record.h - the records of a stream, as refstream(5) specifies them.
 *
 * Encoders write the payload of one record; decoders check a payload to the
 * byte and give it meaning.  Neither touches a file.  Rules that span records
 * (order, ascending ranges, counts) are in order.h.
 */
#ifndef STREAM_FORMAT_RECORD_H
#define STREAM_FORMAT_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "common/err.h"
#include "common/hash.h"
#include "common/metadata.h"
#include "common/uuid.h"

#define RECORD_RAW_MAX 1048576u		/* raw bytes of a DATA record */
#define RECORD_PIECES_MAX 65536u	/* pieces or ranges of a record */
#define RECORD_PREFIX_RANGES_MAX 1024u	/* ranges of a prefix */
#define RECORD_PAYLOAD_MAX 2162688u	/* payload of a frame */
#define RECORD_NAME_MAX 255		/* NAME_MAX of Linux */
#define RECORD_CHECKPOINT_BYTES 33554432u	/* from one to the next, at most */

enum record_type {
	RECORD_BEGIN = 1,
	RECORD_DATA = 2,
	RECORD_ZERO = 3,
	RECORD_HOLE = 4,
	RECORD_CLONE = 5,
	RECORD_META = 6,
	RECORD_CHECKPOINT = 7,
	RECORD_RESUME = 8,
	RECORD_DIGEST = 9,
	RECORD_END = 10,
};

enum digest_algorithm {
	DIGEST_NONE = 0,
	DIGEST_XXH3_128 = 1,	/* refstream(5), DIGESTS */
};

#define DIGEST_VALUE_SIZE 32
#define DIGEST_BLOCK_SIZE 65536u

/* An algorithm that is not known counts as DIGEST_NONE, but is passed on. */
struct record_digest {
	uint16_t algorithm;	/* DIGEST_*, or as it came */
	uint32_t block_size;
	uint8_t value[DIGEST_VALUE_SIZE];
};

#define RECORD_BEGIN_PLAIN 1u	/* flags: not made by refsnap */

struct record_begin {
	struct uuid stream;
	struct uuid snapshot;
	struct uuid base;	/* nil: sent whole */
	struct uuid lineage;
	uint64_t generation;
	uint64_t cut;
	uint64_t size;
	uint64_t base_size;
	struct timespec created;
	struct timespec mtime;
	uint32_t block_size;
	uint32_t source_type;
	uint32_t files;
	uint32_t flags;
	struct record_digest base_digest;
	struct record_digest result_digest;
	/* NUL-terminated; origin is empty if plain */
	char origin[RECORD_NAME_MAX + 1];
	char name[RECORD_NAME_MAX + 1];
	char base_name[RECORD_NAME_MAX + 1];
};

/* A range of the snapshot, in bytes. */
struct record_range {
	uint64_t offset;
	uint64_t length;
};

enum record_encoding {
	RECORD_RAW = 0,
	RECORD_ZSTD = 1,
};

enum record_prefix {
	RECORD_PREFIX_NONE = 0,
	RECORD_PREFIX_SAME = 1,		/* the base at the pieces */
	RECORD_PREFIX_RANGES = 2,	/* the ranges of the base that it names */
	RECORD_PREFIX_BOTH = 3,		/* those, then the base at the pieces */
};

struct record_data {
	uint32_t file;
	uint8_t encoding;
	uint8_t prefix;
	uint16_t source;
	uint32_t piece_count;
	uint32_t raw_length;
	uint32_t encoded_length;
	struct hash128 hash;		/* of the raw bytes */
	uint32_t prefix_count;		/* of ranges, in any order */
	uint32_t prefix_length;		/* their bytes */
	const struct record_range *prefix_ranges;
	const struct record_range *pieces;	/* length fits 32 bits */
	const uint8_t *data;		/* encoded_length bytes */
};

/* ZERO and HOLE. */
struct record_ranges {
	uint32_t file;
	uint32_t count;
	const struct record_range *ranges;
};

struct record_clone {
	uint32_t file;
	uint32_t source;
	uint64_t offset;
	uint64_t length;
	uint64_t source_offset;
};

struct record_meta {
	uint32_t file;
	struct metadata metadata;
};

struct record_checkpoint {
	uint32_t file;
	uint64_t offset;
	uint64_t wire;
};

struct record_resume {
	struct uuid stream;
	struct uuid snapshot;
	uint32_t file;
	uint64_t offset;
};

struct record_end {
	uint64_t records;
	uint64_t data;
	uint64_t zeros;
	uint64_t holes;
	struct hash128 hash;
	struct record_digest result_digest;
	bool last;
};

/*
 * One decoded record.  Pointers in it belong to the decoder's struct
 * record_space or to the payload, and are good until the next decode.
 */
struct record {
	enum record_type type;
	union {
		struct record_begin begin;
		struct record_data data;
		struct record_ranges zero;
		struct record_ranges hole;
		struct record_clone clone;
		struct record_meta meta;
		struct record_checkpoint checkpoint;
		struct record_resume resume;
		struct record_end end;
	} u;
};

/* What a decoder needs beside the payload; one for each reader. */
struct record_space;

struct record_space *record_space_new(void);	/* NULL without memory */
void record_space_free(struct record_space *space);

/*
 * Decode one payload of a known type (1 to 10; DIGEST has no fields here).
 *
 * Refuses (ERR_STREAM) fields outside their limits, reserved fields that are
 * not zero, unsafe names, ranges that overflow or descend within the record,
 * and bytes left over.  The text names the record's type; the caller adds the
 * position.
 */
int record_decode(enum record_type type, const uint8_t *payload, size_t length,
    struct record_space *space, struct record *record, struct err *err);

/*
 * Encode the payload of one record into buffer, of size bytes; for DATA
 * without the encoded bytes, which the writer appends.  *length receives the
 * number of bytes.  Fails (ERR_FAILED) if it does not fit: only possible for
 * META, with more attributes than a record may hold.
 */
int record_encode(const struct record *record, uint8_t *buffer, size_t size,
    size_t *length, struct err *err);

/* The name of a type for messages and dumps, or "unknown". */
const char *record_type_name(uint32_t type);

/*
 * Is this a safe single component of a path: not empty, not "." or "..", no
 * slash, no NUL, at most RECORD_NAME_MAX bytes?
 */
bool record_name_safe(const uint8_t *name, size_t length);

#endif
