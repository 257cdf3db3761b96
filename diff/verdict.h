/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict.h - what two extent maps prove to be unchanged.
 *
 * The rule that decides between right and wrong, alone in one place.
 */
#ifndef DIFF_VERDICT_H
#define DIFF_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "diff/extent.h"

/* Where the ranges go that are not proven equal. */
struct verdict_sink {
	void (*candidate)(void *cookie, uint64_t offset, uint64_t length);
	void *cookie;
};

/*
 * Hand every part of [from, to) to the sink, ascending, that is not proven to
 * hold the same bytes in both files.
 *
 * Proven is: both are hole; or both are trusted, their addresses and keys
 * agree, and it lies below floor, the smaller of the two sizes: in a block
 * that both share, the bytes past the end of the shorter file are zeros there
 * and data here.  comparable says that both maps speak of one device;
 * without it only holes prove anything.  Both windows cover [from, to).
 */
void verdict(const struct extent_window *base,
    const struct extent_window *snapshot, uint64_t from, uint64_t to,
    uint64_t floor, bool comparable, const struct verdict_sink *sink);

/*
 * Do two extents have the same block, each at a position within it?  It counts
 * only where both maps are known to have been so at one moment.
 */
bool verdict_same_block(const struct extent *a, uint64_t a_position,
    const struct extent *b, uint64_t b_position);

/* Do two windows of one file, both covering [from, to), say the same? */
bool verdict_maps_agree(const struct extent_window *a,
    const struct extent_window *b, uint64_t from, uint64_t to);

#endif
