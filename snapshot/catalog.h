/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * catalog.h - the snapshots of a directory, found by their seals.
 */
#ifndef SNAPSHOT_CATALOG_H
#define SNAPSHOT_CATALOG_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "snapshot/seal.h"
#include "snapshot/store.h"

struct catalog_entry {
	char *name;		/* of the file */
	bool kept;		/* in DIR/.snapshot, not in DIR */
	struct seal seal;
	struct identity identity;
	enum seal_state state;
	char why[128];		/* in words, unless SEAL_VALID */
};

/*
 * Every sealed file of DIR/.snapshot and of DIR: lineage by lineage, each
 * oldest first.
 */
struct catalog {
	struct catalog_entry *entries;
	size_t count;
};

/* Read it; files that this process may not open are left out. */
int catalog_read(const struct store *store, struct catalog *catalog,
    struct err *err);

/*
 * The entry with an id: one whose seal is good if there is one, else one whose
 * seal is broken, else NULL.
 */
const struct catalog_entry *catalog_find(const struct catalog *catalog,
    const struct uuid *id);

/* The newest entry with a good seal of a lineage, or NULL. */
const struct catalog_entry *catalog_newest(const struct catalog *catalog,
    const struct uuid *lineage);

/* The newest entry with a good seal that was taken of a live file, or NULL. */
const struct catalog_entry *catalog_newest_of(const struct catalog *catalog,
    const char *origin);

void catalog_free(struct catalog *catalog);

#endif
