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

struct removal {
	const char *path;
	const struct notify *notify;
	bool by_rule;		/* no user has named it */
	struct place place;
	int fd;
	struct seal seal;
};

static int
open_snapshot(struct removal *r, struct err *err)
{
	const int rc = place_open(r->path, false, &r->place, err);

	if (rc != 0)
		return rc;
	r->fd = openat(place_directory(&r->place), r->place.name,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (r->fd >= 0)
		return 0;
	if (errno == ENOENT && r->by_rule)
		return REMOVE_GONE;
	return err_sys(err, ERR_FAILED, "%s", r->path);
}

/* Is it a snapshot, and still what it was? */
static int
check_seal(struct removal *r, bool force, struct err *err)
{
	struct identity identity;
	char text[128];
	int rc;

	rc = seal_read(r->fd, r->path, &r->seal, err);
	if (rc > 0)
		return err_set(err, ERR_IDENTITY, "%s: no snapshot of refsnap; "
		    "use rm to delete it", r->path);
	if (rc == 0)
		rc = identity_read(r->fd, r->path, &identity, err);
	if (rc != 0 || force)
		return rc;
	if (seal_check(&r->seal, &identity, text, sizeof(text)) == SEAL_BROKEN)
		return err_set(err, ERR_IDENTITY, "%s is not the snapshot that "
		    "its seal says: %s; --force deletes it all the same",
		    r->path, text);
	return 0;
}

/* Who holds it, by commas. */
static void
join_tags(const struct holds *holds, char *tags, size_t size)
{
	tags[0] = '\0';
	for (size_t i = 0; i < holds->count; i++) {
		const size_t used = strlen(tags);

		snprintf(tags + used, size - used, "%s%s", i > 0 ? ", " : "",
		    holds->tags[i]);
	}
}

static int
check_holds(struct removal *r, struct err *err)
{
	struct holds holds;
	char tags[512];
	int rc;

	rc = hold_list(&r->place.store, &r->seal.id, &holds, err);
	if (rc != 0)
		return rc;
	join_tags(&holds, tags, sizeof(tags));
	if (holds.count > 0 && r->by_rule) {
		notify_line(r->notify, NOTIFY_VERBOSE, "%s is held by %s: it "
		    "stays", r->path, tags);
		rc = REMOVE_HELD;
	} else if (holds.count > 0) {
		rc = err_set(err, ERR_FAILED, "%s is held by %s: release it "
		    "first (refsnap release)", r->path, tags);
	}
	holds_free(&holds);
	return rc;
}

/* 0 if the name is still that of the open file, else REMOVE_GONE. */
static int
check_name(const struct removal *r, struct err *err)
{
	struct stat open_st, name_st;

	if (fstat(r->fd, &open_st) != 0)
		return err_sys(err, ERR_FAILED, "%s", r->path);
	if (fstatat(place_directory(&r->place), r->place.name, &name_st,
	    AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? REMOVE_GONE :
		    err_sys(err, ERR_FAILED, "%s", r->path);
	return open_st.st_ino == name_st.st_ino &&
	    open_st.st_dev == name_st.st_dev ? 0 : REMOVE_GONE;
}

/* Readers share their lock; another run that deletes it does not. */
static int
lock_snapshot(struct removal *r, struct err *err)
{
	int rc = 0;

	if (flock(r->fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return err_sys(err, ERR_FAILED, "cannot lock %s", r->path);
	if (r->by_rule && flock(r->fd, LOCK_SH | LOCK_NB) != 0 &&
	    errno == EWOULDBLOCK)
		rc = REMOVE_GONE;
	else if (r->by_rule)
		rc = check_name(r, err);
	return rc != 0 ? rc : err_set(err, ERR_LOCKED, "%s is in use by "
	    "another run", r->path);
}

static int
unlink_snapshot(struct removal *r, struct err *err)
{
	const int dirfd = place_directory(&r->place);
	bool immutable;
	int rc;

	if (fs_get_immutable(r->fd, &immutable) != 0 ||
	    (immutable && fs_set_immutable(r->fd, false) != 0))
		return err_sys(err, ERR_FAILED,
		    "%s: cannot take off the immutable flag", r->path);
	rc = check_name(r, err);
	if (rc == REMOVE_GONE && !r->by_rule)
		return err_set(err, ERR_FAILED, "%s was replaced meanwhile",
		    r->path);
	if (rc != 0)
		return rc;
	if (unlinkat(dirfd, r->place.name, 0) != 0)
		return err_sys(err, ERR_FAILED, "cannot delete %s", r->path);
	if (io_sync_directory(dirfd) != 0)
		return err_sys(err, ERR_FAILED,
		    "cannot sync the directory of %s", r->path);
	return 0;
}

/*
 * Whoever holds a snapshot has it open meanwhile, and may have made the store
 * for that: so holds are certain under the lock only.  Before it, they tell
 * what is held from what is in use.
 */
static int
remove_checked(struct removal *r, struct err *err)
{
	int rc;

	rc = lock_snapshot(r, err);
	if (rc != 0)
		return rc;
	place_close(&r->place);
	rc = place_open(r->path, false, &r->place, err);
	if (rc == 0)
		rc = check_holds(r, err);
	if (rc == 0)
		rc = unlink_snapshot(r, err);
	return rc;
}

static void
close_snapshot(struct removal *r)
{
	if (r->fd >= 0)
		close(r->fd);
	place_close(&r->place);
}

int
remove_snapshot(const char *path, bool force, const struct notify *notify,
    struct err *err)
{
	struct removal r = { .path = path, .notify = notify,
	    .place = PLACE_INIT, .fd = -1 };
	int rc;

	rc = open_snapshot(&r, err);
	if (rc == 0)
		rc = check_seal(&r, force, err);
	if (rc == 0)
		rc = check_holds(&r, err);
	if (rc == 0)
		rc = remove_checked(&r, err);
	if (rc == 0)
		notify_line(notify, NOTIFY_VERBOSE, "deleted %s", path);
	close_snapshot(&r);
	return rc;
}

int
remove_by_rule(const char *path, const struct uuid *id, bool dry_run,
    const struct notify *notify, struct err *err)
{
	struct removal r = { .path = path, .notify = notify, .by_rule = true,
	    .place = PLACE_INIT, .fd = -1 };
	int rc;

	rc = open_snapshot(&r, err);
	if (rc == 0)
		rc = check_seal(&r, false, err);
	if (rc == 0 && !uuid_equal(&r.seal.id, id))
		rc = REMOVE_GONE;
	if (rc == 0)
		rc = check_holds(&r, err);
	if (rc == 0 && !dry_run)
		rc = remove_checked(&r, err);
	close_snapshot(&r);
	return rc;
}
