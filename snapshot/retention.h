/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * retention.h - which snapshots of one lineage stay, by a policy such as
 * '48h 14d 8w 12m'.  Knows no file system and no clock.
 */
#ifndef SNAPSHOT_RETENTION_H
#define SNAPSHOT_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum retention_unit {
	RETENTION_NEWEST,	/* each snapshot by itself */
	RETENTION_HOUR,
	RETENTION_DAY,
	RETENTION_WEEK,		/* of ISO 8601: from Monday */
	RETENTION_MONTH,
	RETENTION_YEAR,
	RETENTION_UNITS
};

/* For each unit how many periods are kept; 0: the policy has no such term. */
struct retention {
	uint32_t keep[RETENTION_UNITS];
};

struct retention_item {
	int64_t time;		/* when it was taken: seconds since 1970, UTC */
	bool stays;		/* the decision */
};

/*
 * Parse a policy: terms between blanks, each a number from 1 on and one of the
 * units h, d, w, m, y, or none for the newest; each unit once.  ERR_USAGE for
 * anything else; *policy then keeps nothing.
 */
int retention_parse(const char *text, struct retention *policy,
    struct err *err);

/*
 * Decide.  items are in the order in which they were taken, as their lineage
 * counts them; times need not ascend, since clocks are set back.
 *
 * A term of N hours keeps the newest item of each of the last N calendar hours
 * (UTC) that have an item, and so on.  An item stays if any term keeps it; the
 * newest always does.  A policy without terms keeps everything.  ERR_FAILED
 * without memory: everything stays.
 */
int retention_decide(const struct retention *policy,
    struct retention_item *items, size_t count, struct err *err);

/*
 * The number of the calendar period (not RETENTION_NEWEST) that a time falls
 * into: equal for all times of a period, one more for the next.
 */
int64_t retention_period(enum retention_unit unit, int64_t time);

#endif
