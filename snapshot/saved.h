/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * saved.h - does a live file hold what a snapshot holds that is still there?
 * Then replacing it loses nothing.
 */
#ifndef SNAPSHOT_SAVED_H
#define SNAPSHOT_SAVED_H

#include <stdbool.h>

#include "common/err.h"
#include "snapshot/seal.h"
#include "snapshot/snapshot.h"
#include "snapshot/store.h"

/*
 * *saved tells it of the file that guard holds, and *seal is then that of the
 * snapshot.  The stamp of the file says which (see stamp.h).  Where a write
 * need not have moved the times - the file system forgets them, or was mounted
 * anew since - thorough compares the contents, too: that reads both
 * whole.
 */
int saved_find(const struct store *store, const char *name,
    const struct snapshot_guard *guard, bool thorough, struct seal *seal,
    bool *saved, struct err *err);

#endif
