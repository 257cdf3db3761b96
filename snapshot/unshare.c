/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unshare.c - give a live file blocks of its own.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/metadata.h"
#include "snapshot/content.h"
#include "snapshot/partial.h"
#include "snapshot/partial_kept.h"
#include "snapshot/snapshot.h"
#include "snapshot/unshare.h"

#define STEP ((uint64_t)1 << 30)	/* bytes between two progress reports */

/*
 * Unshare range by range: on a hole, XFS would allocate.  Returns 1 if the
 * file system cannot.
 */
static int
unshare_in_place(int fd, const char *path, const struct notify *notify,
    struct err *err)
{
	uint64_t offset = 0, start, end;
	struct stat st;
	int rc;

	if (fstat(fd, &st) != 0)
		return err_sys(err, ERR_FAILED, "%s", path);
	while ((rc = content_next_data(fd, offset, (uint64_t)st.st_size,
	    &start, &end)) > 0) {
		const uint64_t length = bytes_min(end - start, STEP);

		if (fallocate(fd, FALLOC_FL_UNSHARE_RANGE |
		    FALLOC_FL_KEEP_SIZE, (off_t)start, (off_t)length) != 0) {
			if (errno == EOPNOTSUPP)
				return 1;
			return err_sys(err, ERR_FAILED, "cannot unshare %s",
			    path);
		}
		offset = start + length;
		notify_progress(notify, offset, (uint64_t)st.st_size);
	}
	if (rc != 0 || fsync(fd) != 0)
		return err_sys(err, ERR_FAILED, "cannot unshare %s", path);
	return 0;
}

/* Contents and metadata of fd, in a partial of its own. */
static int
copy_whole(int fd, const char *path, struct partial *partial,
    const struct notify *notify, struct err *err)
{
	struct metadata metadata;
	bool cloned;
	mode_t mode;
	int rc;

	rc = metadata_capture(fd, path, &metadata, err);
	if (rc != 0)
		return rc;
	rc = content_duplicate(fd, partial->fd, REFLINK_NEVER, path, &cloned,
	    err);
	if (rc == 0)
		rc = metadata_apply(partial->fd, path, &metadata, true, notify,
		    &mode, err);
	if (rc == 0 && fchmod(partial->fd, mode) != 0)
		rc = err_sys(err, ERR_FAILED, "%s", path);
	if (rc == 0)
		rc = metadata_apply_times(partial->fd, path, &metadata, err);
	if (rc == 0 && fsync(partial->fd) != 0)
		rc = err_sys(err, ERR_FAILED, "cannot sync %s", path);
	metadata_free(&metadata);
	return rc;
}

/* Replace the file by a copy that shares nothing. fd becomes the guard's. */
static int
unshare_by_copy(int fd, struct place *place, const char *path,
    const struct notify *notify, struct err *err)
{
	struct snapshot_guard guard = SNAPSHOT_GUARD_INIT;
	struct partial partial = PARTIAL_INIT;
	struct stat st;
	int rc;

	rc = snapshot_guard(fd, path, &guard, err);
	if (rc == 0 && fstat(fd, &st) != 0)
		rc = err_sys(err, ERR_FAILED, "%s", path);
	if (rc == 0 && st.st_nlink != 1)
		rc = err_set(err, ERR_FAILED, "%s has several names (hard "
		    "links): it cannot be replaced by a copy", path);
	if (rc == 0)
		rc = store_make(&place->store, err);
	if (rc == 0) {
		partial_sweep(&place->store);
		rc = partial_create(&place->store, &partial, err);
	}
	if (rc == 0)
		rc = copy_whole(fd, path, &partial, notify, err);
	if (rc == 0)
		rc = partial_replace(&partial, place_directory(place),
		    place->name, path, &guard, err);
	partial_discard(&partial);
	snapshot_guard_release(&guard);
	return rc;
}

/* Open it, for writing if that is permitted, and refuse snapshots. */
static int
open_file(const struct place *place, const char *path, int flags, int *fd,
    struct err *err)
{
	struct identity identity;
	struct seal seal;
	struct stat st;
	char text[128];
	int rc;

	*fd = openat(place_directory(place), place->name,
	    flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (*fd < 0 || fstat(*fd, &st) != 0)
		return err_sys(err, ERR_FAILED, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_FAILED, "%s: not a regular file", path);
	rc = seal_read(*fd, path, &seal, err);
	if (rc != 0)
		return rc > 0 ? 0 : rc;
	rc = identity_read(*fd, path, &identity, err);
	if (rc == 0 && seal_check(&seal, &identity, text, sizeof(text)) !=
	    SEAL_BROKEN)
		rc = err_set(err, ERR_IDENTITY, "%s is a snapshot: only live "
		    "files are unshared", path);
	return rc;
}

int
unshare_file(const char *path, const struct notify *notify, bool *in_place,
    struct err *err)
{
	struct place place = PLACE_INIT;
	int fd = -1, rc;

	*in_place = false;
	rc = place_open(path, false, &place, err);
	if (rc == 0)
		rc = open_file(&place, path, O_RDWR, &fd, err);
	if (rc == 0)
		rc = unshare_in_place(fd, path, notify, err);
	*in_place = rc == 0;
	if (rc > 0) {
		/* A lease is to be had only without a writer: not even this. */
		close(fd);
		rc = open_file(&place, path, O_RDONLY, &fd, err);
		if (rc == 0) {
			rc = unshare_by_copy(fd, &place, path, notify, err);
			fd = -1;
		}
	}
	if (fd >= 0)
		close(fd);
	place_close(&place);
	return rc;
}
