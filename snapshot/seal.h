/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * seal.h - the record in a snapshot that says which snapshot it is, and that
 * it still is.
 *
 * It lies in the extended attribute user.refsend.seal of the file.  A copy of
 * the file, with the attribute or without it, is another file and does not
 * pass; nor does the file after a write, even if its times were put back.
 *
 * It holds the interval in which the file was sealed (interval.h): a ctime
 * outside of it is a later change.
 */
#ifndef SNAPSHOT_SEAL_H
#define SNAPSHOT_SEAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "common/err.h"
#include "common/uuid.h"
#include "snapshot/digest.h"
#include "snapshot/identity.h"

#define SEAL_XATTR "user.refsend.seal"
#define SEAL_NAME_MAX 255

struct seal {
	/* Which snapshot: the same on every host. */
	struct uuid id;
	struct uuid lineage;	/* nil for a plain copy */
	uint64_t generation;	/* 0 until a failover */
	uint64_t cut;		/* place in the lineage, from 1; 0 for a plain copy */
	struct timespec created;
	mode_t mode;		/* of the live file */
	struct digest digest;	/* of the contents, may be "none" */
	char origin[SEAL_NAME_MAX + 1];	/* name of the live file; empty: plain */
	char name[SEAL_NAME_MAX + 1];
	/* This file. */
	struct identity identity;	/* without ctime; mode as sealed */
	struct timespec after, before;	/* the interval of the sealing */
};

enum seal_state {
	SEAL_VALID,
	SEAL_TOUCHED,		/* read-only, and only ctime is later: a rename */
	SEAL_BROKEN,
};

/*
 * Seal an open file: fills seal->identity and the interval, and sets the
 * attribute.  Size, mtime and contents must be final.  mode is the one that
 * the caller gives the file at once after this.  If mode has write
 * permission, this waits (some 20 ms) until the interval has passed, so that
 * any later change shows.  ERR_UNABLE if the file system has no user
 * attributes; ERR_FAILED too if it takes seconds to set one on a file that
 * stays writable.
 */
int seal_write(int fd, const char *path, struct seal *seal, mode_t mode,
    struct err *err);

/*
 * Record the digest of its contents in the seal of an open file, durably.  was
 * is the file's identity from before it was read for that.
 *
 * The seal says no more than that else: identity stays as it was sealed, and
 * a file that was SEAL_TOUCHED stays so.  Of one that was SEAL_VALID the
 * interval begins anew, since setting the attribute moves ctime; a change
 * before that would show in was.  ERR_FAILED if the file changed since, if it
 * has write permission, or if this process may not: only root sets attributes
 * of a read-only file.
 */
int seal_record_digest(int fd, const char *path, const struct identity *was,
    const struct digest *digest, struct seal *seal, struct err *err);

/*
 * Wait until a write to a file with this ctime would give it another one.  Takes
 * a tick of the clock, or up to a second where times are whole seconds.
 */
void seal_settle(const struct timespec *ctime);

/*
 * Read the seal of an open file. Returns 0; 1 if it has none; ERR_IDENTITY if
 * the attribute is malformed.
 */
int seal_read(int fd, const char *path, struct seal *seal, struct err *err);

/*
 * Does the file still have the identity that was sealed? If not, text tells
 * in words what differs.
 */
enum seal_state seal_check(const struct seal *seal,
    const struct identity *identity, char *text, size_t size);

/* Was it made without refsnap? */
bool seal_is_plain(const struct seal *seal);

/*
 * <0, 0, >0 as a was taken before, with or after b: by generation, cut,
 * creation.
 */
int seal_compare_age(const struct seal *a, const struct seal *b);

#endif
