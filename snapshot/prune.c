/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prune.c - delete the snapshots that a policy does not keep.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "snapshot/prune.h"
#include "snapshot/remove.h"
#include "snapshot/store.h"

struct prune {
	const struct prune_options *options;
	const struct store *store;
	const struct catalog *catalog;
	const char *origin;	/* of this alone; NULL: of all */
	bool exists;		/* there is a file of that name */
	struct retention_item *items;	/* of one line, oldest first */
	size_t item_count;
	size_t *item_of;	/* for each entry of the catalog */
	size_t counts[PRUNE_FATES];
	struct err worst;	/* the first failure but for ERR_LOCKED */
};

/* Is there an entry number i, of the lineage of entry number first? */
static bool
same_lineage(const struct prune *prune, size_t i, size_t first)
{
	const struct catalog_entry *entries = prune->catalog->entries;

	return i < prune->catalog->count && uuid_equal(
	    &entries[i].seal.lineage, &entries[first].seal.lineage);
}

static bool
same_origin(const struct prune *prune, size_t i, size_t j)
{
	const struct catalog_entry *entries = prune->catalog->entries;

	return strcmp(entries[i].seal.origin, entries[j].seal.origin) == 0;
}

/*
 * The items of a line, that is of one live file in one lineage, which entry
 * number first begins.  A file whose seal is broken is none: if it counted, a
 * good one might go for it.  A snapshot with two names is one.
 */
static void
collect(struct prune *prune, size_t first)
{
	const struct catalog_entry *entries = prune->catalog->entries;
	const struct catalog_entry *last = NULL;

	prune->item_count = 0;
	for (size_t i = first; same_lineage(prune, i, first); i++) {
		const struct catalog_entry *entry = &entries[i];

		if (entry->state == SEAL_BROKEN ||
		    !same_origin(prune, i, first))
			continue;
		if (last == NULL || !uuid_equal(&last->seal.id,
		    &entry->seal.id))
			prune->items[prune->item_count++] =
			    (struct retention_item){
				.time = entry->seal.created.tv_sec };
		prune->item_of[i] = prune->item_count - 1;
		last = entry;
	}
}

static bool
is_protected(const struct prune *prune, const struct uuid *id)
{
	for (size_t i = 0; i < prune->options->protected_count; i++) {
		if (uuid_equal(&prune->options->protected[i], id))
			return true;
	}
	return false;
}

/* What cannot be done is told, and the others go on. */
static enum prune_fate
take_failure(struct prune *prune, const struct err *one)
{
	notify_line(prune->options->notify, NOTIFY_WARNING, "%s", one->text);
	if (one->code == ERR_LOCKED)
		return PRUNE_IN_USE;
	if (prune->worst.code == ERR_NONE)
		prune->worst = *one;
	return PRUNE_FAILED;
}

static enum prune_fate
delete_one(struct prune *prune, const struct catalog_entry *entry,
    const char *path)
{
	struct err one = ERR_INIT;

	switch (remove_by_rule(path, &entry->seal.id, prune->options->dry_run,
	    prune->options->notify, &one)) {
	case 0:
		return PRUNE_DELETED;
	case REMOVE_HELD:
		return PRUNE_HELD;
	case REMOVE_GONE:
		return PRUNE_GONE;
	default:
		return take_failure(prune, &one);
	}
}

static enum prune_fate
decide_fate(struct prune *prune, size_t number, const char *path)
{
	const struct catalog_entry *entry = &prune->catalog->entries[number];

	if (entry->state == SEAL_BROKEN) {
		notify_line(prune->options->notify, NOTIFY_WARNING, "%s is not "
		    "the snapshot that its seal says: %s; it stays", path,
		    entry->why);
		return PRUNE_BROKEN;
	}
	if (prune->items[prune->item_of[number]].stays)
		return PRUNE_KEPT;
	if (is_protected(prune, &entry->seal.id))
		return PRUNE_PROTECTED;
	return delete_one(prune, entry, path);
}

static int
settle(struct prune *prune, size_t number, struct err *err)
{
	const struct catalog_entry *entry = &prune->catalog->entries[number];
	char *path = store_file_path(prune->store, entry->kept, entry->name);
	enum prune_fate fate;

	if (path == NULL)
		return err_sys(err, ERR_FAILED, "%s", entry->name);
	fate = decide_fate(prune, number, path);
	prune->counts[fate]++;
	if (prune->options->told != NULL)
		prune->options->told(prune->options->cookie, entry, path,
		    fate);
	free(path);
	return 0;
}

/* Is entry number i the first of a line that is to be pruned? */
static bool
begins_line(const struct prune *prune, size_t i)
{
	const struct seal *seal = &prune->catalog->entries[i].seal;

	if (seal_is_plain(seal) || (prune->origin != NULL &&
	    strcmp(seal->origin, prune->origin) != 0))
		return false;
	/* A lineage lies together, and is mostly of one live file. */
	for (size_t j = i; j > 0 && same_lineage(prune, j - 1, i); j--) {
		if (same_origin(prune, j - 1, i))
			return false;
	}
	return true;
}

static int
prune_line(struct prune *prune, size_t first, struct err *err)
{
	int rc;

	collect(prune, first);
	rc = retention_decide(&prune->options->keep, prune->items,
	    prune->item_count, err);
	for (size_t i = first; rc == 0 && same_lineage(prune, i, first); i++) {
		if (same_origin(prune, i, first))
			rc = settle(prune, i, err);
	}
	return rc;
}

/* What the whole run has come to. */
static int
sum_up(const struct prune *prune, const char *path, struct err *err)
{
	const size_t *counts = prune->counts;
	size_t all = 0;

	for (int fate = 0; fate < PRUNE_FATES; fate++)
		all += counts[fate];
	if (all == 0 && !prune->exists)
		return err_set(err, ERR_FAILED, "%s: no such file, and no "
		    "snapshots of it", path);
	notify_line(prune->options->notify, NOTIFY_VERBOSE, "%s: %s %zu of "
	    "%zu snapshots", path, prune->options->dry_run ? "would delete" :
	    "deleted", counts[PRUNE_DELETED], all);
	if (counts[PRUNE_FAILED] > 0)
		return err_set(err, prune->worst.code, "%s: snapshots that "
		    "could not be deleted: %zu", path, counts[PRUNE_FAILED]);
	if (counts[PRUNE_IN_USE] > 0)
		return err_set(err, ERR_LOCKED, "%s: snapshots that are in use "
		    "and stay for now: %zu", path, counts[PRUNE_IN_USE]);
	return 0;
}

static int
prune_catalog(struct prune *prune, const char *path, struct err *err)
{
	const size_t count = prune->catalog->count;
	int rc = 0;

	prune->items = calloc(count + 1, sizeof(*prune->items));
	prune->item_of = calloc(count + 1, sizeof(*prune->item_of));
	if (prune->items == NULL || prune->item_of == NULL)
		rc = err_sys(err, ERR_FAILED, "list of snapshots");
	for (size_t i = 0; i < count && rc == 0; i++) {
		if (begins_line(prune, i))
			rc = prune_line(prune, i, err);
	}
	if (rc == 0)
		rc = sum_up(prune, path, err);
	free(prune->items);
	free(prune->item_of);
	return rc;
}

int
prune_snapshots(const char *path, const struct prune_options *options,
    struct err *err)
{
	struct place place = PLACE_INIT;
	struct prune prune = { .options = options, .worst = ERR_INIT };
	struct catalog catalog;
	int rc;

	rc = place_open_all(path, &place, &prune.exists, err);
	if (rc != 0)
		return rc;
	prune.store = &place.store;
	prune.catalog = &catalog;
	prune.origin = place.name;
	rc = catalog_read(&place.store, &catalog, err);
	if (rc == 0) {
		rc = prune_catalog(&prune, path, err);
		catalog_free(&catalog);
	}
	place_close(&place);
	return rc;
}
