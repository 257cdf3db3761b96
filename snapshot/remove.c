/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * remove.c - delete a snapshot.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fsioctl.h"
#include "common/io.h"
#include "snapshot/hold.h"
#include "snapshot/remove.h"
#include "snapshot/seal.h"
#include "snapshot/store.h"

/* Is it a snapshot, and still what it was? */
static int
check_seal(int fd, const char *path, bool force, struct seal *seal,
    struct err *err)
{
	struct identity identity;
	char text[128];
	int rc;

	rc = seal_read(fd, path, seal, err);
	if (rc > 0)
		return err_set(err, ERR_IDENTITY, "%s: no snapshot of refsnap; "
		    "use rm to delete it", path);
	if (rc == 0)
		rc = identity_read(fd, path, &identity, err);
	if (rc != 0 || force)
		return rc;
	if (seal_check(seal, &identity, text, sizeof(text)) == SEAL_BROKEN)
		return err_set(err, ERR_IDENTITY, "%s is not the snapshot that "
		    "its seal says: %s; --force deletes it all the same", path,
		    text);
	return 0;
}

static int
check_holds(const struct store *store, const char *path,
    const struct uuid *id, struct err *err)
{
	struct holds holds;
	char tags[512] = "";
	int rc;

	rc = hold_list(store, id, &holds, err);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < holds.count; i++) {
		const size_t used = strlen(tags);

		snprintf(tags + used, sizeof(tags) - used, "%s%s",
		    i > 0 ? ", " : "", holds.tags[i]);
	}
	if (holds.count > 0)
		rc = err_set(err, ERR_FAILED, "%s is held by %s: release it "
		    "first (refsnap release)", path, tags);
	holds_free(&holds);
	return rc;
}

/* Is the name still that of the open file? */
static bool
is_same_file(int fd, int dirfd, const char *name)
{
	struct stat open_st, name_st;

	return fstat(fd, &open_st) == 0 &&
	    fstatat(dirfd, name, &name_st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    open_st.st_ino == name_st.st_ino &&
	    open_st.st_dev == name_st.st_dev;
}

static int
unlink_snapshot(int fd, const struct place *place, const char *path,
    struct err *err)
{
	const int dirfd = place_directory(place);
	bool immutable;

	if (fs_get_immutable(fd, &immutable) != 0 ||
	    (immutable && fs_set_immutable(fd, false) != 0))
		return err_sys(err, ERR_FAILED,
		    "%s: cannot take off the immutable flag", path);
	if (!is_same_file(fd, dirfd, place->name))
		return err_set(err, ERR_FAILED, "%s was replaced meanwhile",
		    path);
	if (unlinkat(dirfd, place->name, 0) != 0)
		return err_sys(err, ERR_FAILED, "cannot delete %s", path);
	if (io_sync_directory(dirfd) != 0)
		return err_sys(err, ERR_FAILED,
		    "cannot sync the directory of %s", path);
	return 0;
}

int
remove_snapshot(const char *path, bool force, const struct notify *notify,
    struct err *err)
{
	struct place place = PLACE_INIT;
	struct seal seal;
	int fd = -1, rc;

	rc = place_open(path, false, &place, err);
	if (rc != 0)
		return rc;
	fd = openat(place_directory(&place), place.name,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		rc = err_sys(err, ERR_FAILED, "%s", path);
	if (rc == 0)
		rc = check_seal(fd, path, force, &seal, err);
	if (rc == 0)
		rc = check_holds(&place.store, path, &seal.id, err);
	if (rc == 0 && flock(fd, LOCK_EX | LOCK_NB) != 0)
		rc = errno == EWOULDBLOCK ? err_set(err, ERR_LOCKED, "%s is in "
		    "use by another run", path) :
		    err_sys(err, ERR_FAILED, "cannot lock %s", path);
	if (rc == 0)
		rc = unlink_snapshot(fd, &place, path, err);
	if (rc == 0)
		notify_line(notify, NOTIFY_VERBOSE, "deleted %s", path);
	if (fd >= 0)
		close(fd);
	place_close(&place);
	return rc;
}
