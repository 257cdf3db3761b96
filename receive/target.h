/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * target.h - where a replica goes, and what it is built on.
 */
#ifndef RECEIVE_TARGET_H
#define RECEIVE_TARGET_H

#include <stdbool.h>

#include "common/err.h"
#include "common/notify.h"
#include "snapshot/snapshot.h"
#include "snapshot/store.h"
#include "stream-format/record.h"

struct target {
	bool present;		/* the snapshot is there already: skip it */
	struct digest digest;	/* of the one that is present, if it is known */
	bool kept;		/* goes to .snapshot, not to the directory */
	char name[RECORD_NAME_MAX + 1];
	char *path;		/* for messages */
	char origin[RECORD_NAME_MAX + 1];	/* as --as says; empty if plain */
	char snapshot_name[RECORD_NAME_MAX + 1];
	bool based;
	struct snapshot base;	/* open if based */
};

#define TARGET_INIT { .base = SNAPSHOT_INIT }

/*
 * Decide on a BEGIN record; as replaces the origin, or the name of a plain
 * snapshot.  Opens and checks the base.
 *
 * ERR_STREAM: the name is unsafe, or a symbolic link has it.  ERR_NOBASE: the
 * base is not here.  ERR_IDENTITY: the base is here but not what it was, or
 * the name, or the origin, belongs to something else.
 */
int target_choose(const struct store *store, const struct record_begin *begin,
    const char *as, const struct notify *notify, struct target *target,
    struct err *err);

/* Do both digests say what the contents are, and not the same? */
bool target_digest_differs(const struct digest *mine,
    const struct record_digest *theirs);

void target_close(struct target *target);

#endif
