/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dialogue.h - the messages between refsync and the far side, as refsync(5)
 * specifies them.
 *
 * The near side asks, the far side answers; one request is answered at a time,
 * by any number of messages and then DONE or ERROR.  As in record.h, encoders
 * write one payload and decoders check one to the byte; neither does any I/O.
 */
#ifndef STREAM_FORMAT_DIALOGUE_H
#define STREAM_FORMAT_DIALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "common/err.h"
#include "common/sha256.h"
#include "common/uuid.h"
#include "stream-format/record.h"
#include "stream-format/token.h"

#define DIALOGUE_VERSION 1
#define DIALOGUE_HEADER_SIZE 24u
#define DIALOGUE_PAYLOAD_MAX 65536u
#define DIALOGUE_PATH_MAX 4095u
#define DIALOGUE_TEXT_MAX 1023u		/* of an error: what struct err holds */
#define DIALOGUE_TAG_MAX 128u		/* as HOLD_TAG_MAX */
#define DIALOGUE_TAG_PREFIX "refsync."	/* others' holds are not touched */
#define DIALOGUE_POLICY_MAX 255u
#define DIALOGUE_HASHES_MAX 1024u
#define DIALOGUE_PATCH_MAX 32768u	/* bytes of one PATCH */
#define DIALOGUE_LEVEL_AUTO UINT32_MAX
#define DIALOGUE_KEEP_MAX 1024u		/* ids that PRUNE spares */
#define DIALOGUE_AHEAD_MAX 1024u	/* snapshots that PRUNE is told of */

enum dialogue_type {
	DIALOGUE_HELLO = 1,	/* both sides, first */
	DIALOGUE_OPEN = 2,	/* the directory that all else is about */
	DIALOGUE_LIST = 3,	/* answered by HELD */
	DIALOGUE_HELD = 4,
	DIALOGUE_HOLD = 5,
	DIALOGUE_STREAM = 6,	/* a stream follows; answered by RECEIVED */
	DIALOGUE_RECEIVED = 7,
	DIALOGUE_PRUNE = 8,	/* answered by PRUNED */
	DIALOGUE_PRUNED = 9,
	DIALOGUE_DONE = 10,
	DIALOGUE_ERROR = 11,	/* the dialogue ends with it */
	DIALOGUE_ALIVE = 12,	/* at any time, means nothing */
	DIALOGUE_BYE = 13,
	DIALOGUE_CREATE = 14,	/* take a snapshot; answered by HELD */
	DIALOGUE_SEND = 15,	/* answered by STREAM, and a stream */
	DIALOGUE_VERIFY = 16,	/* answered by HASHES */
	DIALOGUE_HASHES = 17,
	DIALOGUE_MEND = 18,	/* PATCHes follow, and SEAL; each answered by DONE */
	DIALOGUE_PATCH = 19,
	DIALOGUE_SEAL = 20,
	DIALOGUE_UNFINISHED = 21,	/* answered by TOKEN */
	DIALOGUE_TOKEN = 22,
	DIALOGUE_DURABLE = 23,	/* during a stream */
	DIALOGUE_LIVE = 24,	/* publish the live file of what is there */
};

struct dialogue_hello {
	uint32_t version;	/* DIALOGUE_VERSION */
	uint32_t stream;	/* STREAM_VERSION */
	uint64_t features;	/* of streams that this side reads or writes */
	char program[RECORD_NAME_MAX + 1];	/* name and version, to be shown */
};

struct dialogue_open {
	bool make;		/* make the last component if it is missing */
	char path[DIALOGUE_PATH_MAX + 1];
};

/* Of one lineage; nil: of all. */
struct dialogue_list {
	struct uuid lineage;
};

struct dialogue_held {
	struct uuid id;
	struct uuid lineage;
	uint64_t generation;
	uint64_t cut;
	uint64_t size;
	struct timespec created;
	bool valid;		/* its seal is good */
	bool held;		/* from being deleted */
	char origin[RECORD_NAME_MAX + 1];	/* empty: a plain copy */
	char name[RECORD_NAME_MAX + 1];
};

/*
 * Hold a snapshot under a tag, and nothing else of its lineage under that tag
 * any more.
 */
struct dialogue_hold {
	struct uuid id;
	char tag[DIALOGUE_TAG_MAX + 1];
};

struct dialogue_stream {
	bool live;		/* publish the live file too */
	char as[RECORD_NAME_MAX + 1];	/* other name of the file, or empty */
};

struct dialogue_received {
	struct uuid id;
	bool present;		/* it was there already */
	uint64_t data;		/* bytes written */
	char file[RECORD_NAME_MAX + 1];	/* its name there */
};

/* Of the live file with this name, what the policy does not keep. */
struct dialogue_prune {
	char origin[RECORD_NAME_MAX + 1];
	bool dry_run;
	char policy[DIALOGUE_POLICY_MAX + 1];
	uint32_t keep_count;
	struct uuid keep[DIALOGUE_KEEP_MAX];
	/* In a dry run: what will be there when it is none (prune_ahead). */
	struct uuid lineage;
	char tag[DIALOGUE_TAG_MAX + 1];	/* or empty */
	uint32_t ahead_count;
	int64_t ahead[DIALOGUE_AHEAD_MAX];	/* seconds since 1970 */
};

struct dialogue_pruned {
	struct uuid id;
	char file[RECORD_NAME_MAX + 1];
};

/* Of the file with this name, in the directory. */
struct dialogue_create {
	char origin[RECORD_NAME_MAX + 1];
};

struct dialogue_send {
	struct uuid id;
	struct uuid base;	/* nil: whole */
	bool between;		/* and what was taken between the two */
	uint32_t level;		/* of zstd; 0: none; DIALOGUE_LEVEL_AUTO */
	bool resume;		/* where token says, if that fits */
	struct token token;
};

/* Of a snapshot that is there; as is as in dialogue_stream. */
struct dialogue_live {
	struct uuid id;
	char as[RECORD_NAME_MAX + 1];
};

/* What of a snapshot cannot be lost any more: all below offset. */
struct dialogue_durable {
	struct uuid id;
	uint64_t offset;
};

struct dialogue_verify {
	struct uuid id;
};

/* Of the next blocks of 1 MiB; the last message holds fewer than can be. */
struct dialogue_hashes {
	uint32_t count;
	struct sha256 hash[DIALOGUE_HASHES_MAX];
};

/* What a snapshot should be: its size, and what blocks_chain() makes of it. */
struct dialogue_mend {
	struct uuid id;
	uint64_t size;
	struct sha256 whole;
};

struct dialogue_patch {
	uint64_t offset;
	uint32_t length;	/* 1 to DIALOGUE_PATCH_MAX */
	uint8_t bytes[DIALOGUE_PATCH_MAX];
};

struct dialogue_error {
	enum err_code code;
	char text[DIALOGUE_TEXT_MAX + 1];
};

struct dialogue {
	enum dialogue_type type;
	union {
		struct dialogue_hello hello;
		struct dialogue_open open;
		struct dialogue_list list;
		struct dialogue_held held;
		struct dialogue_hold hold;
		struct dialogue_stream stream;
		struct dialogue_received received;
		struct dialogue_prune prune;
		struct dialogue_pruned pruned;
		struct dialogue_error error;
		struct dialogue_create create;
		struct dialogue_send send;
		struct dialogue_verify verify;
		struct dialogue_hashes hashes;
		struct dialogue_mend mend;
		struct dialogue_patch patch;
		struct token token;
		struct dialogue_durable durable;
		struct dialogue_live live;
	} u;
};

struct dialogue_header {
	uint16_t type;
	uint32_t length;
	uint64_t checksum;
};

/* The name of a type for messages, or "unknown". */
const char *dialogue_name(uint32_t type);

/*
 * Encode a message with its header into buffer; *length receives the number of
 * bytes.  Fails (ERR_FAILED) if a field is too long.
 */
int dialogue_encode(const struct dialogue *message,
    uint8_t buffer[DIALOGUE_HEADER_SIZE + DIALOGUE_PAYLOAD_MAX],
    size_t *length, struct err *err);

/* Decode a header; ERR_STREAM if it is none, or claims too long a payload. */
int dialogue_decode_header(const uint8_t bytes[DIALOGUE_HEADER_SIZE],
    struct dialogue_header *header, struct err *err);

/*
 * Decode the payload that belongs to a header.  ERR_STREAM for a wrong
 * checksum, an unknown type, a field outside its limits, unsafe names, and
 * bytes left over.
 */
int dialogue_decode(const uint8_t bytes[DIALOGUE_HEADER_SIZE],
    const struct dialogue_header *header, const uint8_t *payload,
    struct dialogue *message, struct err *err);

#endif
