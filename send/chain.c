/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chain.c - open the snapshots that one stream carries.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "send/chain.h"
#include "snapshot/catalog.h"
#include "snapshot/store.h"

/* Open one and add it to the end. */
static int
append(struct chain *chain, int dirfd, const char *name, const char *path,
    const struct notify *notify, struct err *err)
{
	struct snapshot *grown = realloc(chain->snapshots,
	    (chain->count + 1) * sizeof(*grown));
	int rc;

	if (grown == NULL)
		return err_sys(err, ERR_FAILED, "%s", path);
	chain->snapshots = grown;
	rc = snapshot_open(dirfd, name, path, notify, &grown[chain->count],
	    err);
	if (rc != 0)
		return rc;
	chain->count++;
	return snapshot_seal_plain(&grown[chain->count - 1], err);
}

/* Was entry taken between the two? */
static bool
is_between(const struct catalog_entry *entry, const struct seal *base,
    const struct seal *last)
{
	return uuid_equal(&entry->seal.lineage, &base->lineage) &&
	    !uuid_equal(&entry->seal.id, &base->id) &&
	    !uuid_equal(&entry->seal.id, &last->id) &&
	    seal_compare_age(base, &entry->seal) < 0 &&
	    seal_compare_age(&entry->seal, last) < 0;
}

static int
append_entry(struct chain *chain, const struct place *place,
    const struct catalog_entry *entry, const struct notify *notify,
    struct err *err)
{
	char *path = store_file_path(&place->store, entry->kept, entry->name);
	int rc;

	if (path == NULL)
		return err_sys(err, ERR_FAILED, "%s", entry->name);
	rc = append(chain, entry->kept ? place->store.snapshots :
	    place->store.dir, entry->name, path, notify, err);
	free(path);
	return rc;
}

/* Add what lies between chain->snapshots[0] and last. */
static int
append_between(struct chain *chain, const struct snapshot *last,
    const struct notify *notify, struct err *err)
{
	/* Copies: the chain moves while it grows. */
	const struct seal base = chain->snapshots[0].seal;
	const struct seal end = last->seal;
	const struct catalog_entry *previous = NULL;
	struct place place = PLACE_INIT;
	struct catalog catalog;
	int rc;

	if (uuid_is_nil(&base.lineage) ||
	    !uuid_equal(&base.lineage, &end.lineage))
		return err_set(err, ERR_USAGE, "%s and %s are not snapshots of "
		    "one lineage: -I is not possible, -i is",
		    chain->snapshots[0].path, last->path);
	if (seal_compare_age(&base, &end) >= 0)
		return err_set(err, ERR_USAGE, "%s was not taken before %s",
		    chain->snapshots[0].path, last->path);
	rc = place_open(last->path, false, &place, err);
	if (rc != 0)
		return rc;
	rc = catalog_read(&place.store, &catalog, err);
	for (size_t i = 0; rc == 0 && i < catalog.count; i++) {
		const struct catalog_entry *entry = &catalog.entries[i];

		/* A second file with the same id (a copy) comes once. */
		if (!is_between(entry, &base, &end) || (previous != NULL &&
		    uuid_equal(&previous->seal.id, &entry->seal.id)))
			continue;
		rc = append_entry(chain, &place,
		    catalog_find(&catalog, &entry->seal.id), notify, err);
		previous = entry;
	}
	catalog_free(&catalog);
	place_close(&place);
	return rc;
}

int
chain_open(const char *base, const char *snapshot, bool between,
    const struct notify *notify, struct chain *chain, struct err *err)
{
	struct snapshot last = SNAPSHOT_INIT;
	int rc = 0;

	memset(chain, 0, sizeof(*chain));
	chain->based = base != NULL;
	if (base != NULL)
		rc = append(chain, AT_FDCWD, base, base, notify, err);
	if (rc == 0 && between) {
		rc = snapshot_open(AT_FDCWD, snapshot, snapshot, notify, &last,
		    err);
		if (rc == 0)
			rc = append_between(chain, &last, notify, err);
		snapshot_close(&last);
	}
	if (rc == 0)
		rc = append(chain, AT_FDCWD, snapshot, snapshot, notify, err);
	if (rc == 0 && base != NULL &&
	    uuid_equal(&chain->snapshots[0].seal.id,
	    &chain->snapshots[chain->count - 1].seal.id))
		rc = err_set(err, ERR_USAGE, "%s and %s are the same snapshot",
		    base, snapshot);
	if (rc != 0)
		chain_close(chain);
	return rc;
}

int
chain_open_to(const char *base, struct snapshot *last, bool between,
    const struct notify *notify, struct chain *chain, struct err *err)
{
	static const struct snapshot closed = SNAPSHOT_INIT;
	struct snapshot *grown;
	int rc = 0;

	memset(chain, 0, sizeof(*chain));
	chain->based = base != NULL;
	if (base != NULL)
		rc = append(chain, AT_FDCWD, base, base, notify, err);
	if (rc == 0 && between)
		rc = append_between(chain, last, notify, err);
	grown = rc != 0 ? NULL : realloc(chain->snapshots,
	    (chain->count + 1) * sizeof(*grown));
	if (rc == 0 && grown == NULL)
		rc = err_sys(err, ERR_FAILED, "%s", last->path);
	if (rc != 0) {
		snapshot_close(last);
		chain_close(chain);
		return rc;
	}
	chain->snapshots = grown;
	grown[chain->count++] = *last;
	*last = closed;
	return 0;
}

void
chain_close(struct chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		snapshot_close(&chain->snapshots[i]);
	free(chain->snapshots);
	memset(chain, 0, sizeof(*chain));
}
