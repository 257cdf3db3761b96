/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * partial.c - make and publish files under construction.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/beneath.h"
#include "common/io.h"
#include "snapshot/partial.h"

#define KEPT "replaced."	/* see keep_replaced() */

/* Open and lock a new name; 1 if somebody else was there. */
static int
try_create(const struct store *store, struct partial *partial)
{
	struct stat st;
	uint64_t number;
	int rc, error;
	bool raced;

	if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
		return -1;
	snprintf(partial->name, sizeof(partial->name), PARTIAL_PREFIX "%016" PRIx64,
	    number);
	partial->fd = beneath_open(store->state, partial->name,
	    O_RDWR | O_CREAT | O_EXCL, 0600);
	if (partial->fd < 0)
		return errno == EEXIST ? 1 : -1;
	rc = flock(partial->fd, LOCK_EX | LOCK_NB);
	if (rc == 0)
		rc = fstat(partial->fd, &st);
	if (rc == 0 && st.st_nlink == 1)
		return 0;
	/* A sweep may have come between: then it holds the lock, or held it. */
	error = errno;
	raced = rc == 0 || error == EWOULDBLOCK;
	if (!raced)
		unlinkat(store->state, partial->name, 0);
	close(partial->fd);
	partial->fd = -1;
	errno = error;
	return raced ? 1 : -1;
}

int
partial_create(const struct store *store, struct partial *partial,
    struct err *err)
{
	int rc;

	partial->store = store;
	do
		rc = try_create(store, partial);
	while (rc > 0);
	if (rc < 0)
		return err_sys(err, ERR_FAILED,
		    "%s: cannot make a file in " STORE_SNAPSHOTS "/"
		    STORE_STATE, store->path);
	return 0;
}

/*
 * Rename without replacing.  File systems without RENAME_NOREPLACE (OCFS2)
 * say EINVAL: link(2) does not replace either.
 */
static int
rename_noreplace(int from_dir, const char *from, int to_dir, const char *to)
{
	if (renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL)
		return -1;
	if (linkat(from_dir, from, to_dir, to, 0) != 0)
		return -1;
	return unlinkat(from_dir, from, 0);
}

/* The name stands: make that durable. */
static int
sync_names(struct partial *partial, int dirfd, const char *path,
    struct err *err)
{
	close(partial->fd);
	partial->fd = -1;
	if (io_sync_directory(dirfd) != 0 ||
	    io_sync_directory(partial->store->state) != 0)
		return err_sys(err, ERR_FAILED,
		    "cannot sync the directory of %s", path);
	return 0;
}

int
partial_publish(struct partial *partial, int dirfd, const char *name,
    const char *path, struct err *err)
{
	if (rename_noreplace(partial->store->state, partial->name, dirfd,
	    name) == 0)
		return sync_names(partial, dirfd, path, err);
	if (errno == EEXIST)
		return err_set(err, ERR_IDENTITY, "%s exists already", path);
	return err_sys(err, ERR_FAILED, "cannot publish %s", path);
}

/* Is it the guarded file that has this name, and did nobody write to it? */
static int
check_replaced(int dirfd, const char *name, const char *path,
    const struct snapshot_guard *guard, bool with_ctime, struct err *err)
{
	struct stat named, guarded;

	if (fstatat(dirfd, name, &named, AT_SYMLINK_NOFOLLOW) != 0 ||
	    fstat(guard->fd, &guarded) != 0)
		return err_sys(err, ERR_FAILED, "%s", path);
	if (named.st_ino != guarded.st_ino || named.st_dev != guarded.st_dev)
		return err_set(err, ERR_FAILED, "%s was given to another file "
		    "meanwhile: it was not replaced", path);
	return snapshot_guard_check(guard, path, with_ctime, err);
}

/*
 * What was replaced must not be lost, but cannot get its name back: give it one
 * that no sweep takes for a partial.
 */
static int
keep_replaced(struct partial *partial, const char *path, struct err *err)
{
	const struct store *store = partial->store;
	char kept[PARTIAL_NAME_SIZE + sizeof(KEPT)];
	struct err why = *err;

	snprintf(kept, sizeof(kept), KEPT "%s",
	    partial->name + strlen(PARTIAL_PREFIX));
	if (renameat(store->state, partial->name, store->state, kept) != 0)
		snprintf(kept, sizeof(kept), "%s", partial->name);
	close(partial->fd);
	partial->fd = -1;
	err_clear(err);
	return err_set(err, why.code, "%s was replaced, though it was opened "
	    "for writing or changed meanwhile; what was there is %s/"
	    STORE_SNAPSHOTS "/" STORE_STATE "/%s", path, store->path, kept);
}

int
partial_replace(struct partial *partial, int dirfd, const char *name,
    const char *path, const struct snapshot_guard *guard, struct err *err)
{
	const int state = partial->store->state;
	int rc;

	rc = check_replaced(dirfd, name, path, guard, true, err);
	if (rc != 0)
		return rc;
	/* What is in the way of a sweep is safe from it while it lies there. */
	flock(guard->fd, LOCK_SH | LOCK_NB);
	if (renameat2(state, partial->name, dirfd, name,
	    RENAME_EXCHANGE) != 0) {
		/* OCFS2 and others cannot exchange. */
		if (errno != EINVAL ||
		    renameat(state, partial->name, dirfd, name) != 0)
			return err_sys(err, ERR_FAILED, "cannot replace %s",
			    path);
		return sync_names(partial, dirfd, path, err);
	}
	rc = check_replaced(state, partial->name, path, guard, false, err);
	if (rc != 0) {
		if (renameat2(state, partial->name, dirfd, name,
		    RENAME_EXCHANGE) != 0)
			rc = keep_replaced(partial, path, err);
		return rc;
	}
	unlinkat(state, partial->name, 0);
	return sync_names(partial, dirfd, path, err);
}

void
partial_discard(struct partial *partial)
{
	if (partial->fd < 0)
		return;
	unlinkat(partial->store->state, partial->name, 0);
	close(partial->fd);
	partial->fd = -1;
}

void
partial_leave(struct partial *partial)
{
	if (partial->fd >= 0)
		close(partial->fd);
	partial->fd = -1;
}
