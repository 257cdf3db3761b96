/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * remove.h - delete a snapshot.
 */
#ifndef SNAPSHOT_REMOVE_H
#define SNAPSHOT_REMOVE_H

#include <stdbool.h>

#include "common/err.h"
#include "common/notify.h"
#include "common/uuid.h"

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

/* What stays by the rules of remove_by_rule(), beside errors. */
enum remove_result {
	REMOVE_HELD = 1,	/* it is held, as NOTIFY_VERBOSE tells */
	REMOVE_GONE,		/* it is not there any more, or about to go */
};

/*
 * The same where no user has named it: path is deleted only if it is snapshot
 * id.  dry_run says to delete nothing, and not to ask whether it is in use,
 * which would disturb whoever begins to.  Returns 0 or an enum remove_result.
 */
int remove_by_rule(const char *path, const struct uuid *id, bool dry_run,
    const struct notify *notify, struct err *err);

#endif
