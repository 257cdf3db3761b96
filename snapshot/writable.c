/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * writable.c - turn a snapshot back into a live file.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fsioctl.h"
#include "common/metadata.h"
#include "snapshot/create.h"
#include "snapshot/partial.h"
#include "snapshot/partial_kept.h"
#include "snapshot/saved.h"
#include "snapshot/stamp.h"
#include "snapshot/writable.h"

/* Give the partial the metadata of the live file that was snapshotted. */
static int
apply_metadata(const struct snapshot *snapshot, struct partial *partial,
    const struct notify *notify, struct err *err)
{
	struct metadata metadata;
	mode_t mode;
	int rc;

	rc = metadata_capture(snapshot->fd, snapshot->path, &metadata, err);
	if (rc != 0)
		return rc;
	metadata.mode = snapshot->seal.mode;
	rc = metadata_apply(partial->fd, snapshot->path, &metadata, true,
	    notify, &mode, err);
	/* After the access list: its mask and the group bits are one. */
	if (rc == 0 && fchmod(partial->fd, mode) != 0)
		rc = err_sys(err, ERR_FAILED, "%s", snapshot->path);
	if (rc == 0)
		rc = metadata_apply_times(partial->fd, snapshot->path,
		    &metadata, err);
	metadata_free(&metadata);
	return rc;
}

/* The new file under its private name, durable. */
static int
build(const struct snapshot *snapshot, struct partial *partial,
    enum reflink_mode reflink, const struct notify *notify, struct err *err)
{
	bool cloned;
	int rc;

	rc = content_duplicate(snapshot->fd, partial->fd, reflink,
	    snapshot->path, &cloned, err);
	/* A replica's is for patching; a live file is better off without. */
	if (rc == 0 && fs_set_cow_extent_size(partial->fd, 0) != 0)
		rc = err_sys(err, ERR_FAILED, "%s", snapshot->path);
	if (rc == 0)
		rc = apply_metadata(snapshot, partial, notify, err);
	if (rc == 0)
		rc = snapshot_recheck(snapshot, err);
	if (rc == 0 && fsync(partial->fd) != 0)
		rc = err_sys(err, ERR_FAILED, "cannot sync the copy of %s",
		    snapshot->path);
	return rc;
}

/*
 * Stamp the file that was published, unless somebody wrote to it already.  The
 * rename moved its ctime, so its identity is read again.
 */
static void
stamp_published(int fd, const struct store *store, const char *name,
    const struct identity *before, const struct uuid *id)
{
	struct err unread = ERR_INIT;
	struct identity after;
	char text[128];

	if (identity_read(fd, name, &after, &unread) == 0 &&
	    !identity_differs(before, &after, text, sizeof(text)))
		stamp_write(store, name, &after, id);
}

/*
 * What should have been replaced stays, but an exchange that was undone moved
 * its ctime.  If nobody opened it for writing up to the reading of that, it
 * still holds what its stamp says.
 */
static void
stamp_kept(const struct store *store, const char *name,
    const struct snapshot_guard *guard)
{
	struct err unknown = ERR_INIT;
	struct identity now;
	struct stat named;
	struct uuid id;
	bool uncertain;	/* but the contents were compared then */

	if (guard->leased &&
	    fstatat(store->dir, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	    named.st_ino == guard->identity.inode &&
	    identity_read(guard->fd, name, &now, &unknown) == 0 &&
	    snapshot_guard_check(guard, name, false, &unknown) == 0 &&
	    stamp_matches(store, name, &guard->identity, &id, &uncertain))
		stamp_write(store, name, &now, &id);
}

int
writable_publish(const struct snapshot *snapshot, struct store *store,
    const char *name, const struct snapshot_guard *guard, bool stamp,
    enum reflink_mode reflink, const struct notify *notify, struct err *err)
{
	struct partial partial = PARTIAL_INIT;
	struct identity identity;
	int fd = -1, rc;

	rc = store_make(store, err);
	if (rc != 0)
		return rc;
	partial_sweep(store);
	rc = partial_create(store, &partial, err);
	if (rc == 0)
		rc = build(snapshot, &partial, reflink, notify, err);
	if (rc == 0 && (fd = fcntl(partial.fd, F_DUPFD_CLOEXEC, 0)) < 0)
		rc = err_sys(err, ERR_FAILED, "%s", name);
	if (rc == 0)
		rc = identity_read(fd, name, &identity, err);
	if (rc == 0 && stamp)
		rc = stamp_announce(store, name, &identity,
		    &snapshot->seal.id, err);
	if (rc == 0 && guard->fd >= 0) {
		rc = partial_replace(&partial, store->dir, name, name, guard,
		    err);
		if (rc != 0)
			stamp_kept(store, name, guard);
	} else if (rc == 0) {
		rc = partial_publish(&partial, store->dir, name, name, err);
	}
	if (rc == 0 && stamp)
		stamp_published(fd, store, name, &identity,
		    &snapshot->seal.id);
	if (fd >= 0)
		close(fd);
	partial_discard(&partial);
	return rc;
}

int
writable_clone(const char *snapshot_path, const char *path,
    const struct notify *notify, struct err *err)
{
	const struct snapshot_guard none = SNAPSHOT_GUARD_INIT;
	struct snapshot snapshot = SNAPSHOT_INIT;
	struct place place = PLACE_INIT;
	int rc;

	rc = snapshot_open(AT_FDCWD, snapshot_path, snapshot_path, notify,
	    &snapshot, err);
	if (rc == 0)
		rc = place_open(path, false, &place, err);
	if (rc == 0 && place.kept)
		rc = err_set(err, ERR_FAILED, "%s: a writable file does not "
		    "belong into " STORE_SNAPSHOTS, path);
	if (rc == 0)
		rc = writable_publish(&snapshot, &place.store, place.name,
		    &none, false, REFLINK_AUTO, notify, err);
	place_close(&place);
	snapshot_close(&snapshot);
	return rc;
}

/* Snapshot what is about to be replaced. */
static int
save(const char *target, const struct notify *notify,
    struct restore_result *result, struct err *err)
{
	const struct create_options options = {
		.reflink = REFLINK_AUTO,
		.reserve = { .given = true, .bytes = 0 },
		.notify = notify,
	};
	struct create_result created;
	int rc;

	rc = create_snapshot(target, &options, &created, err);
	if (rc == 0)
		result->saved = created.path;
	else
		free(created.path);
	return rc;
}

/*
 * May the target be replaced? If there is one, guard holds it against writers
 * until it is released.
 */
static int
check_target(const char *target, const struct place *place, bool force,
    const struct notify *notify, struct restore_result *result,
    struct snapshot_guard *guard, struct err *err)
{
	struct seal held;
	bool saved;
	int fd, rc;

	fd = openat(place->store.dir, place->name,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_sys(err, ERR_FAILED, "%s", target);
	rc = snapshot_guard(fd, target, guard, err);
	if (rc == 0)
		rc = saved_find(&place->store, place->name, guard, true, &held,
		    &saved, err);
	if (rc != 0 || saved)
		return rc;
	if (!force)
		return err_set(err, ERR_IDENTITY, "%s changed since its newest "
		    "snapshot; with --force it is snapshotted first and then "
		    "replaced", target);
	return save(target, notify, result, err);
}

/* The path of the live file that a snapshot was taken of. */
static int
default_target(const char *snapshot_path, const struct seal *seal,
    char **target, struct err *err)
{
	struct place place = PLACE_INIT;
	int rc;

	if (seal_is_plain(seal))
		return err_set(err, ERR_USAGE, "%s was not made by refsnap: "
		    "name the file to restore to", snapshot_path);
	rc = place_open(snapshot_path, false, &place, err);
	if (rc != 0)
		return rc;
	if (!place.kept)
		rc = err_set(err, ERR_USAGE, "%s does not lie in "
		    STORE_SNAPSHOTS ": name the file to restore to",
		    snapshot_path);
	else if ((*target = store_file_path(&place.store, false,
	    seal->origin)) == NULL)
		rc = err_sys(err, ERR_FAILED, "%s", snapshot_path);
	place_close(&place);
	return rc;
}

int
writable_restore(const char *snapshot_path, const char *target, bool force,
    const struct notify *notify, struct restore_result *result,
    struct err *err)
{
	struct snapshot_guard guard = SNAPSHOT_GUARD_INIT;
	struct place place = PLACE_INIT;
	struct err unstamped = ERR_INIT;
	int rc;

	memset(result, 0, sizeof(*result));
	result->snapshot.fd = -1;
	rc = snapshot_open(AT_FDCWD, snapshot_path, snapshot_path, notify,
	    &result->snapshot, err);
	if (rc != 0)
		return rc;
	if (target == NULL)
		rc = default_target(snapshot_path, &result->snapshot.seal,
		    &result->target, err);
	else if ((result->target = strdup(target)) == NULL)
		rc = err_sys(err, ERR_FAILED, "%s", target);
	if (rc == 0)
		rc = place_open(result->target, false, &place, err);
	if (rc == 0 && place.kept)
		rc = err_set(err, ERR_FAILED, "%s: a writable file does not "
		    "belong into " STORE_SNAPSHOTS, result->target);
	if (rc == 0)
		rc = check_target(result->target, &place, force, notify,
		    result, &guard, err);
	/* Where there are snapshots, what is restored is remembered. */
	if (rc == 0 && place.store.snapshots >= 0)
		store_make(&place.store, &unstamped);
	if (rc == 0)
		rc = writable_publish(&result->snapshot, &place.store,
		    place.name, &guard, place.store.state >= 0, REFLINK_AUTO,
		    notify, err);
	snapshot_guard_release(&guard);
	place_close(&place);
	return rc;
}
