/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live.c - publish the live file of a replica.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/beneath.h"
#include "receive/live.h"
#include "snapshot/catalog.h"
#include "snapshot/snapshot.h"
#include "snapshot/stamp.h"
#include "snapshot/writable.h"

/*
 * Open and check the live file. *fd is -1 if there is none; else it holds a
 * lease that keeps writers away until it is closed, and *published is what
 * the file holds.
 */
static int
open_live(const struct store *store, const char *origin, int *fd,
    struct uuid *published, struct err *err)
{
	struct identity identity;
	struct stat st;
	int rc;

	*fd = beneath_open(store->dir, origin,
	    O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (*fd < 0 && errno == ENOENT)
		return 0;
	if (*fd < 0 && errno == ELOOP)
		return err_set(err, ERR_STREAM, "%s/%s is a symbolic link: "
		    "refusing to replace it", store->path, origin);
	if (*fd < 0 || fstat(*fd, &st) != 0)
		return err_sys(err, ERR_FAILED, "%s/%s", store->path, origin);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_IDENTITY, "%s/%s is not a regular "
		    "file", store->path, origin);
	rc = identity_read(*fd, origin, &identity, err);
	if (rc != 0)
		return rc;
	if (!stamp_matches(store, origin, &identity, published))
		return err_set(err, ERR_IDENTITY, "%s/%s changed since it was "
		    "published, or was never published: --live does not "
		    "replace it", store->path, origin);
	if (snapshot_lease(*fd) != 0)
		return err_set(err, ERR_FAILED, "%s/%s is open for writing: "
		    "--live does not replace it", store->path, origin);
	return 0;
}

int
live_check(const struct store *store, const char *origin, struct err *err)
{
	struct uuid published;
	int fd, rc;

	rc = open_live(store, origin, &fd, &published, err);
	if (fd >= 0)
		close(fd);
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
    const struct uuid *lineage, enum reflink_mode reflink,
    const struct notify *notify, struct err *err)
{
	struct snapshot newest = SNAPSHOT_INIT;
	struct uuid published;
	int fd = -1, rc;

	rc = open_newest(store, lineage, notify, &newest, err);
	if (rc == 0)
		rc = open_live(store, origin, &fd, &published, err);
	if (rc == 0 && (fd < 0 ||
	    !uuid_equal(&published, &newest.seal.id)))
		rc = writable_publish(&newest, store, origin, fd >= 0, true,
		    reflink, notify, err);
	if (fd >= 0)
		close(fd);
	snapshot_close(&newest);
	return rc;
}
