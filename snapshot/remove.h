/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * remove.h - delete a snapshot.
 */
#ifndef SNAPSHOT_REMOVE_H
#define SNAPSHOT_REMOVE_H

#include <stdbool.h>

#include "common/err.h"
#include "common/notify.h"

/*
 * Delete one snapshot, durably.
 *
 * Refused: a file that no refsnap or refrecv made (ERR_IDENTITY; use rm), one
 * that is not what its seal says unless force (ERR_IDENTITY), one that is
 * held (ERR_FAILED, naming the tags), one that is being sent, received onto or
 * compared (ERR_LOCKED).  The immutable flag is taken off first.
 */
int remove_snapshot(const char *path, bool force, const struct notify *notify,
    struct err *err);

#endif
