/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * saved.c - does a live file hold what a snapshot holds that is still there?
 */
#include "config.h"

#include "common/fsioctl.h"
#include "snapshot/catalog.h"
#include "snapshot/content.h"
#include "snapshot/saved.h"
#include "snapshot/stamp.h"

static int
compare_with(const struct store *store, const struct catalog_entry *entry,
    int fd, bool *same, struct err *err)
{
	struct snapshot snapshot = SNAPSHOT_INIT;
	int rc;

	rc = snapshot_open(entry->kept ? store->snapshots : store->dir,
	    entry->name, entry->name, NULL, &snapshot, err);
	if (rc == 0)
		rc = content_same(fd, snapshot.fd, entry->name, same, err);
	snapshot_close(&snapshot);
	return rc;
}

int
saved_find(const struct store *store, const char *name,
    const struct snapshot_guard *guard, bool thorough, struct seal *seal,
    bool *saved, struct err *err)
{
	const struct catalog_entry *entry;
	struct catalog catalog;
	struct uuid id;
	bool uncertain;
	int rc;

	*saved = false;
	if (!stamp_matches(store, name, &guard->identity, &id, &uncertain))
		return 0;
	rc = catalog_read(store, &catalog, err);
	if (rc != 0)
		return rc;
	entry = catalog_find(&catalog, &id);
	if (entry != NULL && entry->state != SEAL_BROKEN) {
		*seal = entry->seal;
		*saved = true;
		if (thorough && (uncertain || !fs_keeps_times(guard->fd)))
			rc = compare_with(store, entry, guard->fd, saved, err);
	}
	catalog_free(&catalog);
	return rc;
}
