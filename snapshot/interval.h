/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * interval.h - an attribute of a file that tells when it was set, so that any
 * later change of the file shows.
 *
 * Setting an attribute moves ctime, so it cannot hold the final ctime: it holds
 * the interval in which it was set, and a ctime outside of it is a later change.
 */
#ifndef SNAPSHOT_INTERVAL_H
#define SNAPSHOT_INTERVAL_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "common/err.h"

struct interval {
	struct timespec after, before;
};

/* The one from now on, ns long, on the clock that file systems stamp with. */
struct interval interval_from_now(int64_t ns);

bool interval_holds(const struct interval *interval,
    const struct timespec *time);

/* Set the attribute, with this interval in it. */
typedef int interval_set(void *cookie, const struct interval *interval,
    struct err *err);

/*
 * Set the attribute name of an open file that stays writable, with an interval
 * that holds the ctime which that gives the file; waits (some 20 ms) until the
 * interval has passed.  ERR_FAILED if it takes seconds to set one; the file then
 * has no such attribute.
 */
int interval_write(int fd, const char *path, const char *name,
    interval_set *set, void *cookie, struct err *err);

/* Wait until the clock of the file system has passed a moment ns ahead. */
void interval_wait(const struct timespec *moment, int64_t ns);

#endif
