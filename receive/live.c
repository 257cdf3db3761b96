/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live.c - publish the live file of a replica.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/beneath.h"
#include "common/io.h"
#include "receive/live.h"
#include "snapshot/catalog.h"
#include "snapshot/saved.h"
#include "snapshot/snapshot.h"
#include "snapshot/writable.h"

/*
 * Does the live file hold a snapshot of the lineage that is still here? The
 * stamp alone does not tell: the snapshot may have been deleted since, and the
 * file be the only one with its contents.
 */
static int
check_saved(const struct store *store, const char *origin,
    const struct uuid *lineage, const struct snapshot_guard *guard,
    bool thorough, struct uuid *published, struct err *err)
{
	struct seal held;
	bool saved;
	const int rc = saved_find(store, origin, guard, thorough, &held,
	    &saved, err);

	if (rc != 0)
		return rc;
	if (!saved || !uuid_equal(&held.lineage, lineage))
		return err_set(err, ERR_IDENTITY, "%s/%s changed since it was "
		    "published, or was never published: --live does not "
		    "replace it", store->path, origin);
	*published = held.id;
	return 0;
}

/*
 * Open and check the live file. If there is one, guard holds it against
 * writers until it is released, and *published is what it holds.
 */
static int
guard_live(const struct store *store, const char *origin,
    const struct uuid *lineage, bool thorough, struct snapshot_guard *guard,
    struct uuid *published, struct err *err)
{
	char *path;
	int fd, rc;

	fd = beneath_open(store->dir, origin,
	    O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 && errno == ELOOP)
		return err_set(err, ERR_STREAM, "%s/%s is a symbolic link: "
		    "refusing to replace it", store->path, origin);
	if (fd < 0)
		return err_sys(err, ERR_FAILED, "%s/%s", store->path, origin);
	path = store_file_path(store, false, origin);
	rc = snapshot_guard(fd, path != NULL ? path : origin, guard, err);
	free(path);
	if (rc == 0)
		rc = check_saved(store, origin, lineage, guard, thorough,
		    published, err);
	return rc;
}

int
live_check(const struct store *store, const char *origin,
    const struct uuid *lineage, struct err *err)
{
	struct snapshot_guard guard = SNAPSHOT_GUARD_INIT;
	struct uuid published;
	const int rc = guard_live(store, origin, lineage, false, &guard,
	    &published, err);

	snapshot_guard_release(&guard);
	return rc;
}

/* Open the newest replica of a lineage. */
static int
open_newest(const struct store *store, const struct uuid *lineage,
    const struct notify *notify, struct snapshot *newest, struct err *err)
{
	const struct catalog_entry *entry;
	struct catalog catalog;
	int rc;

	rc = catalog_read(store, &catalog, err);
	if (rc != 0)
		return rc;
	entry = catalog_newest(&catalog, lineage);
	if (entry == NULL)
		rc = err_set(err, ERR_FAILED, "%s: no replica to publish",
		    store->path);
	else
		rc = snapshot_open(entry->kept ? store->snapshots :
		    store->dir, entry->name, entry->name, notify, newest, err);
	catalog_free(&catalog);
	return rc;
}

int
live_publish(struct store *store, const char *origin,
    const struct uuid *lineage, const struct uuid *received,
    enum reflink_mode reflink, const struct notify *notify, struct err *err)
{
	struct snapshot_guard guard = SNAPSHOT_GUARD_INIT;
	struct snapshot newest = SNAPSHOT_INIT;
	struct uuid published;
	int rc;

	rc = open_newest(store, lineage, notify, &newest, err);
	if (rc == 0 && !uuid_equal(&newest.seal.id, received))
		rc = err_set(err, ERR_IDENTITY, "%s/%s is not published: %s, "
		    "which is here, counts as newer than the snapshot that "
		    "was received; refsnap restore publishes the one that you "
		    "want", store->path, origin, newest.path);
	if (rc == 0)
		rc = guard_live(store, origin, lineage, true, &guard,
		    &published, err);
	if (rc == 0 && guard.fd >= 0 &&
	    uuid_equal(&published, &newest.seal.id)) {
		/* Whoever published it may not have come to sync its name. */
		if (io_sync_directory(store->dir) != 0)
			rc = err_sys(err, ERR_FAILED, "cannot sync %s",
			    store->path);
	} else if (rc == 0) {
		rc = writable_publish(&newest, store, origin, &guard, true,
		    reflink, notify, err);
	}
	snapshot_guard_release(&guard);
	snapshot_close(&newest);
	return rc;
}
