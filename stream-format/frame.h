/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frame.h - the stream header and the header of a frame, see refstream(5).
 */
#ifndef STREAM_FORMAT_FRAME_H
#define STREAM_FORMAT_FRAME_H

#include <stdint.h>

#include "common/err.h"
#include "common/uuid.h"

#define STREAM_VERSION 1
#define STREAM_HEADER_SIZE 64
#define FRAME_HEADER_SIZE 32
#define FRAME_OPTIONAL 1u		/* flags: skip if the type is unknown */

#define FEATURE_ZSTD (1u << 0)
#define FEATURE_PREFIX (1u << 1)
#define FEATURE_CLONE (1u << 2)
#define FEATURE_FILES (1u << 3)		/* reserved */
#define FEATURE_RESUME (1u << 4)
#define FEATURES_SUPPORTED (FEATURE_ZSTD | FEATURE_PREFIX | FEATURE_CLONE | \
    FEATURE_RESUME)

struct stream_header {
	uint64_t required;		/* FEATURE_* */
	uint64_t optional;
	struct uuid stream;
};

struct frame_header {
	uint16_t type;
	uint16_t flags;
	uint64_t sequence;
	uint32_t length;		/* of the payload */
	uint64_t checksum;		/* of header and payload */
};

void stream_header_encode(const struct stream_header *header,
    uint8_t bytes[STREAM_HEADER_SIZE]);

/*
 * Check and decode a stream header.  ERR_STREAM if it is none, of another
 * version, damaged, or requires a feature that is not supported; the text
 * tells these apart.
 */
int stream_header_decode(const uint8_t bytes[STREAM_HEADER_SIZE],
    struct stream_header *header, struct err *err);

/* The seed of frame checksums in this stream. */
uint64_t frame_seed(const struct uuid *stream);

/* Encode header; its checksum is computed over it and the payload, and set. */
void frame_header_encode(struct frame_header *header, uint64_t seed,
    const uint8_t *payload, uint8_t bytes[FRAME_HEADER_SIZE]);

/*
 * Decode a frame header and check what can be checked without the payload:
 * magic, sequence number, reserved bytes, length.  Until frame_check() has
 * passed, only header->length may be used.
 */
int frame_header_decode(const uint8_t bytes[FRAME_HEADER_SIZE],
    uint64_t sequence, struct frame_header *header, struct err *err);

/* Check the checksum of a whole frame, then its flags. */
int frame_check(const uint8_t bytes[FRAME_HEADER_SIZE], uint64_t seed,
    const struct frame_header *header, const uint8_t *payload,
    struct err *err);

#endif
