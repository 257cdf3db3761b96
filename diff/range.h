/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * range.h - a range of the snapshot that maps did not prove to hold what the
 * base holds at the same offset.
 */
#ifndef DIFF_RANGE_H
#define DIFF_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#define RANGE_READ UINT64_MAX	/* source: nowhere, it has to be read */

struct range {
	uint64_t offset;
	uint64_t length;
	uint64_t source;	/* where the base has the same bytes */
};

/* Takes one range; returns 0 to go on. */
struct err;
typedef int range_sink(void *cookie, const struct range *range,
    struct err *err);

/* Does next continue range, there and in the base? */
static inline bool
range_continues(const struct range *range, const struct range *next)
{
	if (range->offset + range->length != next->offset)
		return false;
	if (range->source == RANGE_READ || next->source == RANGE_READ)
		return range->source == next->source;
	return range->source + range->length == next->source;
}

#endif
