/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prune.h - delete the snapshots that a policy does not keep.
 */
#ifndef SNAPSHOT_PRUNE_H
#define SNAPSHOT_PRUNE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/notify.h"
#include "common/uuid.h"
#include "snapshot/catalog.h"
#include "snapshot/retention.h"

/* What became of a snapshot. */
enum prune_fate {
	PRUNE_DELETED,		/* in a dry run: would be deleted */
	PRUNE_KEPT,		/* by the policy */
	PRUNE_PROTECTED,	/* by the caller */
	PRUNE_HELD,
	PRUNE_BROKEN,		/* not what its seal says */
	PRUNE_IN_USE,
	PRUNE_FAILED,		/* could not be deleted */
	PRUNE_GONE,		/* another run deleted it meanwhile */
	PRUNE_FATES
};

struct prune_options {
	struct retention keep;
	bool dry_run;		/* delete nothing */
	const struct uuid *protected;	/* ids that stay all the same */
	size_t protected_count;
	const struct notify *notify;
	/* Told of each snapshot when its fate is known; path lasts as long. */
	void (*told)(void *cookie, const struct catalog_entry *entry,
	    const char *path, enum prune_fate fate);
	void *cookie;
};

/*
 * Delete what the policy does not keep of the snapshots of the live file path,
 * which need not exist any more, or of all live files of the directory path:
 * of each file and lineage by itself, oldest first.
 *
 * Held snapshots and those that are not what their seals say stay; of plain
 * copies nothing is told.  A snapshot in use stays for now: it is told as a
 * warning, like every failure, the others are deleted, and the result is
 * ERR_LOCKED, or the code of the first other failure.  In a dry run nobody is
 * asked whether a snapshot is in use.  ERR_FAILED if path is a name that no
 * snapshot was taken of and no file has.
 */
int prune_snapshots(const char *path, const struct prune_options *options,
    struct err *err);

#endif
