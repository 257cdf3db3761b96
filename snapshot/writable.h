/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * writable.h - turn a snapshot back into a live file.
 */
#ifndef SNAPSHOT_WRITABLE_H
#define SNAPSHOT_WRITABLE_H

#include <stdbool.h>

#include "common/err.h"
#include "common/notify.h"
#include "snapshot/content.h"
#include "snapshot/snapshot.h"
#include "snapshot/store.h"

/*
 * Make a writable file with the contents, mode, owner, attributes and times of
 * the snapshot, durable, and publish it as name in the directory of the store.
 *
 * If guard holds a file, that one has the name and is replaced in one step,
 * unless somebody gets to write to it before that (ERR_FAILED); the caller has
 * made sure that nothing else is lost.  If it holds none, the name must be
 * free (ERR_IDENTITY).  The new file's identity is recorded as a stamp
 * (stamp.h) if stamp is set.
 */
int writable_publish(const struct snapshot *snapshot, struct store *store,
    const char *name, const struct snapshot_guard *guard, bool stamp,
    enum reflink_mode reflink, const struct notify *notify, struct err *err);

/* Make the writable file path from a snapshot; path must not exist. */
int writable_clone(const char *snapshot, const char *path,
    const struct notify *notify, struct err *err);

/* What a restore did. */
struct restore_result {
	char *target;		/* path that was restored; free() it */
	char *saved;		/* snapshot of what was replaced, or NULL; free() it */
	struct snapshot snapshot;	/* what was restored; snapshot_close() it */
};

/*
 * Replace target, or the origin of the snapshot if target is NULL, by the
 * contents of the snapshot, in one step.
 *
 * A target that changed since its newest snapshot, or has none, is refused
 * (ERR_IDENTITY) without force; with it, it is snapshotted first.  A target
 * that somebody has open for writing is always refused (ERR_FAILED): what he
 * writes would be lost.
 */
int writable_restore(const char *snapshot, const char *target, bool force,
    const struct notify *notify, struct restore_result *result,
    struct err *err);

#endif
