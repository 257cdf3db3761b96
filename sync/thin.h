/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thin.h - delete the snapshots that policies do not keep, here and there.
 */
#ifndef SYNC_THIN_H
#define SYNC_THIN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/notify.h"
#include "common/uuid.h"
#include "sync/peer.h"

/* Files that were deleted, or would be. */
struct thinned {
	char **names;
	size_t count;
};

/*
 * Delete what policy (snapshot/retention.h) does not keep of the live file path;
 * what is held stays, and spared.  *thinned grows; free it with thinned_free().
 */
int thin_here(const char *path, const char *policy, const struct uuid *spared,
    bool dry_run, const struct notify *notify, struct thinned *thinned,
    struct err *err);

/* The same of the file called origin, by an open peer. */
int thin_there(struct peer *peer, const char *origin, const char *policy,
    const struct uuid *spared, bool dry_run, struct thinned *thinned,
    struct err *err);

void thinned_free(struct thinned *thinned);

#endif
