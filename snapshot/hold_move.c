/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hold_move.c - a hold that follows the newest snapshot of a lineage.
 */
#include "config.h"

#include <stdbool.h>
#include <string.h>

#include "snapshot/hold.h"
#include "snapshot/hold_move.h"

/* Release the hold of a snapshot, if it has this one. */
static int
release(const struct store *store, const struct uuid *id, const char *tag,
    struct err *err)
{
	struct holds holds;
	bool held = false;
	int rc = hold_list(store, id, &holds, err);

	if (rc != 0)
		return rc;
	for (size_t i = 0; i < holds.count; i++)
		held = held || strcmp(holds.tags[i], tag) == 0;
	holds_free(&holds);
	return held ? hold_remove(store, id, tag, err) : 0;
}

int
hold_move(struct store *store, const struct catalog *catalog,
    const struct catalog_entry *entry, const char *tag, struct err *err)
{
	int rc = store_make(store, err);

	if (rc == 0)
		rc = hold_add(store, &entry->seal.id, tag, err);
	for (size_t i = 0; rc == 0 && i < catalog->count; i++) {
		const struct seal *other = &catalog->entries[i].seal;

		if (uuid_equal(&other->lineage, &entry->seal.lineage) &&
		    !uuid_equal(&other->id, &entry->seal.id))
			rc = release(store, &other->id, tag, err);
	}
	return rc;
}
