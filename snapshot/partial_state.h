/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * partial_state.h - the record in a partial that says what it will be, and how
 * much of it is there for good.
 *
 * It lies in the extended attribute user.refsend.partial and is written only
 * after what it tells of was synced.  A published file never has it.
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
 * Write it into an open partial.  Does not sync it.  ERR_UNABLE if the file
 * system has no user attributes.
 */
int partial_state_write(int fd, const char *path,
    const struct partial_state *state, struct err *err);

/*
 * Read it.  Returns 0; 1 if there is none, or one that is damaged or of another
 * version, or if the file is too short for it; ERR_FAILED if nobody can tell.
 */
int partial_state_read(int fd, const char *path, struct partial_state *state,
    struct err *err);

/* Take it out again; that there is none is no failure. */
int partial_state_remove(int fd, const char *path, struct err *err);

/* Is it so long since the last checkpoint that nobody will come for it? */
bool partial_state_expired(const struct partial_state *state);

#endif
