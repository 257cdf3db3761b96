/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reserve.h - free space that snapshots and replicas never use up.
 *
 * A btrfs that is full can fail to delete clones and turns read-only: the way
 * out of a full disk must stay open.
 */
#ifndef SNAPSHOT_RESERVE_H
#define SNAPSHOT_RESERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct reserve {
	bool given;		/* bytes was given by the user */
	uint64_t bytes;
	uint64_t most;		/* bytes in use there at most; 0: no limit */
};

/*
 * ERR_UNABLE if less than the reserve, and needed bytes above it, are free on
 * the file system of fd, or if more than the limit would be in use there, or it
 * is reached.  By default the reserve is the larger of 256 MiB and 2 % of the
 * file system.
 *
 * *unseen is what the caller wrote and the file system may not count yet.  If
 * that could hide a lack, it is made to count it, which can take its time, and
 * *unseen becomes 0.
 */
int reserve_check(const struct reserve *reserve, int fd, uint64_t needed,
    uint64_t *unseen, struct err *err);

#endif
