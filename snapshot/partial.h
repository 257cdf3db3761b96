/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * partial.h - a file under construction, invisible until it is whole.
 *
 * It lies in the state directory under a private name, mode 0600, and is
 * locked by its maker.  Publishing renames it; a partial that nobody holds a
 * lock on was left by a run that was killed, and the next run removes it, unless
 * it is one to go on with (partial_kept.h).
 */
#ifndef SNAPSHOT_PARTIAL_H
#define SNAPSHOT_PARTIAL_H

#include "common/err.h"
#include "snapshot/snapshot.h"
#include "snapshot/store.h"

#define PARTIAL_PREFIX "partial."	/* begins the names */
#define PARTIAL_NAME_SIZE 32

struct partial {
	const struct store *store;	/* must outlive it */
	int fd;				/* read and write; -1 once closed */
	char name[PARTIAL_NAME_SIZE];
};

#define PARTIAL_INIT { 0, -1, "" }

/* Make an empty partial; the state of the store must be there. */
int partial_create(const struct store *store, struct partial *partial,
    struct err *err);

/*
 * Give it its final name, which must be free, in the directory dirfd and sync
 * all that is needed for it to stay.  The file itself must have been synced.
 * path is the final name for messages.  ERR_IDENTITY if the name is taken; the
 * partial then stays.  On success the partial is closed.
 */
int partial_publish(struct partial *partial, int dirfd, const char *name,
    const char *path, struct err *err);

/*
 * The same, in place of the file that guard holds and that has the name.
 *
 * Both are exchanged, and the old one is removed only if nobody wrote to it or
 * opened it for writing up to that moment; else they are exchanged back:
 * ERR_FAILED, and everything is as before.  Should that fail as well, the error
 * tells where the old one lies.
 */
int partial_replace(struct partial *partial, int dirfd, const char *name,
    const char *path, const struct snapshot_guard *guard, struct err *err);

/* Remove it. Harmless after partial_publish() and on PARTIAL_INIT. */
void partial_discard(struct partial *partial);

/* Close and unlock it, and let it lie there. Harmless likewise. */
void partial_leave(struct partial *partial);

#endif
