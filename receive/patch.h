/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * patch.h - a record on its way into a file.
 *
 * The record that the stream reader hands out is gone with the next one; a
 * patch has a copy, and decodes it in any thread.
 */
#ifndef RECEIVE_PATCH_H
#define RECEIVE_PATCH_H

#include <stdint.h>

#include "common/err.h"
#include "stream-format/record.h"

struct patch {
	struct record record;	/* points into the patch */
	const uint8_t *bytes;	/* DATA, decoded: raw_length bytes */
	/* What these point to. */
	struct record_range *ranges;	/* RECORD_PIECES_MAX */
	struct record_range prefix_ranges[RECORD_PREFIX_RANGES_MAX];
	uint8_t *encoded;
	uint8_t *raw;		/* RECORD_RAW_MAX bytes */
	uint8_t *prefix;	/* likewise */
	struct decompressor *decompressor;
};

/* NULL without memory. */
struct patch *patch_new(void);
void patch_free(struct patch *patch);

/* Copy a record. */
void patch_take(struct patch *patch, const struct record *record);

/*
 * Decode DATA and check its hash; base_fd, or -1, is what prefixes are read
 * from.  path is for messages.  ERR_STREAM if it cannot be decoded, or its hash
 * is wrong.
 */
int patch_decode(struct patch *patch, int base_fd, const char *path,
    struct err *err);

#endif
