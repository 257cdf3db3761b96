/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stamp.h - remember that a live file holds what a snapshot holds.
 *
 * A live file carries no mark of its own.  When it was just snapshotted,
 * restored or published, its identity (ctime included) and the snapshot's id
 * are written to .refsend/live.HASH, HASH being of its name.  As long as the
 * identity is the same, replacing the file loses nothing.
 */
#ifndef SNAPSHOT_STAMP_H
#define SNAPSHOT_STAMP_H

#include <stdbool.h>

#include "common/err.h"
#include "snapshot/identity.h"
#include "snapshot/store.h"

/*
 * Record it. Does nothing if the store has no state.  A stamp that cannot be
 * written only makes the file look changed later: no error.
 */
void stamp_write(const struct store *store, const char *name,
    const struct identity *identity, const struct uuid *snapshot);

/*
 * Record ahead that the file with this identity is about to be renamed to
 * name, which can move its ctime.  It counts if the run is killed between the
 * rename and stamp_write(), or that fails: a write to the file would have moved
 * its mtime.  So a file that was published never looks changed.
 */
int stamp_announce(const struct store *store, const char *name,
    const struct identity *identity, const struct uuid *snapshot,
    struct err *err);

/*
 * Does the live file still hold a snapshot? True, with the id, if its identity
 * is the recorded one, or the announced one with a ctime of soon after;
 * *uncertain then tells that contents can differ all the same (see
 * identity_uncertain()).  Whether the snapshot still exists is for the caller
 * to see.
 */
bool stamp_matches(const struct store *store, const char *name,
    const struct identity *identity, struct uuid *snapshot, bool *uncertain);

#endif
