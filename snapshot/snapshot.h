/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * snapshot.h - an open snapshot: one made by refsnap or received by refrecv,
 * or a plain copy that the user made.
 */
#ifndef SNAPSHOT_SNAPSHOT_H
#define SNAPSHOT_SNAPSHOT_H

#include <stdbool.h>

#include "common/err.h"
#include "common/notify.h"
#include "snapshot/identity.h"
#include "snapshot/seal.h"

/*
 * While a struct snapshot is open, its descriptor holds a shared flock(2),
 * which keeps refsnap delete away, and its inode, which keeps its blocks.
 */
struct snapshot {
	int fd;			/* read-only */
	char *path;		/* for messages */
	struct identity identity;	/* when it was opened */
	struct seal seal;
	bool sealed;		/* the seal stands in the file */
};

#define SNAPSHOT_INIT { .fd = -1 }

/*
 * Open a snapshot relative to dirfd (or AT_FDCWD) and check its seal.
 *
 * ERR_IDENTITY, naming the difference, if the file is not what its seal says.
 * A file without a seal is a plain copy: its seal is made up, with an id that
 * follows from its identity and ctime.  ERR_FAILED if it is no regular file.
 */
int snapshot_open(int dirfd, const char *name, const char *path,
    const struct notify *notify, struct snapshot *snapshot, struct err *err);

/*
 * Seal a plain copy under its made-up id, so that it keeps the id if a rename
 * moves its ctime.  Does nothing for a sealed snapshot, and where sealing is
 * not permitted.  ERR_FAILED if somebody has it open for writing, or if the
 * sealing fails halfway; ERR_UNABLE if it has write permission where the file
 * system can forget the times of a write, or it is not known since when that is
 * mounted.
 */
int snapshot_seal_plain(struct snapshot *snapshot, struct err *err);

/* ERR_FAILED if the file changed in any way since it was opened. */
int snapshot_recheck(const struct snapshot *snapshot, struct err *err);

/* Close; harmless on SNAPSHOT_INIT. */
void snapshot_close(struct snapshot *snapshot);

/*
 * Has some process the file open for writing?  Asked by taking a read lease
 * (fcntl(2)) on fd, which must be read-only; the lease lasts until fd is
 * closed or snapshot_unlease().  Returns 1 if so, 0 if not or if this process may not ask
 * (it is neither the owner nor privileged).
 */
int snapshot_lease(int fd);
void snapshot_unlease(int fd);

/*
 * A file that is to be replaced, held against writers while that is prepared.
 * The kernel lets a writer in after a while (lease-break-time, 45 s), so
 * snapshot_guard_check() asks again at the last moment.
 */
struct snapshot_guard {
	int fd;			/* read-only, leased; -1: there is no such file */
	bool leased;		/* false if this process may not ask */
	struct identity identity;
};

#define SNAPSHOT_GUARD_INIT { .fd = -1 }

/*
 * Guard an open file; guard->fd is then the guard's to close.  ERR_IDENTITY if
 * it is no regular file, ERR_FAILED if it is open for writing.
 */
int snapshot_guard(int fd, const char *path, struct snapshot_guard *guard,
    struct err *err);

/*
 * ERR_FAILED if somebody wrote to it, or wants to, since it was guarded.
 * with_ctime is false once it was renamed, which moves its ctime.
 */
int snapshot_guard_check(const struct snapshot_guard *guard, const char *path,
    bool with_ctime, struct err *err);

/* Let writers in; harmless on SNAPSHOT_GUARD_INIT. */
void snapshot_guard_release(struct snapshot_guard *guard);

#endif
