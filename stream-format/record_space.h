/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record_space.h - what the parts of the record decoder share.
 *
 * Private to record_*.c.  Each decoder gets the fields of one payload and
 * checks them; it leaves it to record_decode() to find out that the payload
 * has another length than its fields say, unless it needs to know earlier.
 */
#ifndef STREAM_FORMAT_RECORD_SPACE_H
#define STREAM_FORMAT_RECORD_SPACE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/metadata.h"
#include "stream-format/record.h"

#define RECORD_SIZE_MAX ((uint64_t)INT64_MAX)	/* size of a file */

/*
 * Room for what one payload of the largest length can decode to.  bytes holds
 * names with their NUL and values of attributes: never more than the payload
 * had, since a NUL takes less than the two lengths that it replaces.
 */
struct record_space {
	struct record_range ranges[RECORD_PIECES_MAX];
	struct record_range prefixes[RECORD_PREFIX_RANGES_MAX];
	struct metadata_xattr xattrs[METADATA_XATTRS_MAX];
	uint8_t bytes[RECORD_PAYLOAD_MAX];
};

/* Get a time; false if it is none that this system can hold. */
bool record_get_time(struct buf_reader *r, struct timespec *time);

/*
 * Get a string into text, NUL-terminated; false if it is longer than
 * RECORD_NAME_MAX or holds a NUL.
 */
bool record_get_text(struct buf_reader *r, char text[RECORD_NAME_MAX + 1]);

/* True if length is above 0 and the range ends within RECORD_SIZE_MAX. */
bool record_range_valid(uint64_t offset, uint64_t length);

int record_decode_data(struct buf_reader *r, struct record_space *space,
    struct record_data *data, struct err *err);

/* name is ZERO or HOLE, for messages. */
int record_decode_ranges(struct buf_reader *r, const char *name,
    struct record_space *space, struct record_ranges *ranges,
    struct err *err);

int record_decode_meta(struct buf_reader *r, struct record_space *space,
    struct record_meta *meta, struct err *err);

#endif
