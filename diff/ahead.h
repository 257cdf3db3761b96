/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ahead.h - a queue of ranges that are about to be read.
 *
 * Changed ranges lie scattered, so the kernel's own read-ahead does not help,
 * and a device that is asked for one range at a time is idle most of the time.
 * Here the kernel is told of each range when it is found, and it is read some
 * time later.
 */
#ifndef DIFF_AHEAD_H
#define DIFF_AHEAD_H

#include <stdint.h>

#include "common/err.h"
#include "diff/range.h"

struct ahead;

/*
 * Ranges will be read from both files, by use; base_fd may be -1.  NULL
 * without memory.
 */
struct ahead *ahead_new(int base_fd, int snapshot_fd, range_sink *use,
    void *cookie);

/*
 * Have early see each range that will be read, when the kernel had its time, and
 * before it is used: 256 MiB are seen first, or 65,536 ranges, if there are so
 * many.  Long ranges come in pieces then.
 */
void ahead_look_early(struct ahead *ahead, range_sink *early, void *cookie);
void ahead_free(struct ahead *ahead);

/* Take a range; ranges that were taken before may be used meanwhile. */
int ahead_put(struct ahead *ahead, const struct range *range,
    struct err *err);

/* Use all that were taken. */
int ahead_finish(struct ahead *ahead, struct err *err);

#endif
