/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * partial_state.h - the record in a partial that says what it will be, and how
 * much of it is there for good.
 *
 * It lies in the extended attribute user.refsend.partial and is written only
 * after what it tells of was synced.  A published file never has it.
 *
 * It is bound to the file: a copy, with the attribute or without it, has none.
 * While the file is being written to, that is all.  When an orderly end of the
 * run has closed the state, it is bound to size, mtime, mode and ctime as well:
 * after any change, even if times were put back, the file has none.  A remount is
 * no change (see mounting.h for what that leaves open).
 */
#ifndef SNAPSHOT_PARTIAL_STATE_H
#define SNAPSHOT_PARTIAL_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "common/err.h"
#include "common/uuid.h"
#include "snapshot/seal.h"

#define PARTIAL_STATE_XATTR "user.refsend.partial"
#define PARTIAL_STATE_DAYS 14	/* after the last checkpoint */

struct partial_state {
	struct uuid snapshot;	/* the id that it will have */
	struct uuid base;	/* nil: it comes whole */
	struct uuid lineage;
	struct uuid stream;	/* that brought it */
	uint64_t generation;	/* of the snapshot, as in its seal */
	uint64_t cut;
	struct timespec created;
	uint64_t size;		/* of the snapshot */
	uint64_t offset;	/* below, contents are those of the snapshot */
	struct timespec written;	/* when it got there */
	char origin[SEAL_NAME_MAX + 1];	/* here; empty: a plain copy */
	char name[SEAL_NAME_MAX + 1];
};

/*
 * Write it into an open partial, which will be written to.  Does not sync it.
 * ERR_UNABLE if the file system has no user attributes.
 */
int partial_state_write(int fd, const char *path,
    const struct partial_state *state, struct err *err);

/*
 * Write it closed: nothing is to be changed any more, until it is written again.
 * Waits some 20 ms, so that any later change shows.
 */
int partial_state_close(int fd, const char *path,
    const struct partial_state *state, struct err *err);

/*
 * Read it.  Returns 0; 1 if there is none, or one that is damaged, of another
 * version, of another file, or closed before the file changed, or if the file is
 * too short for it; ERR_FAILED if nobody can tell.
 */
int partial_state_read(int fd, const char *path, struct partial_state *state,
    struct err *err);

/* Take it out again; that there is none is no failure. */
int partial_state_remove(int fd, const char *path, struct err *err);

/* Is it so long since the last checkpoint that nobody will come for it? */
bool partial_state_expired(const struct partial_state *state);

#endif
