/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * holdings.c - tell what snapshots are in the directory, and hold them.
 */
#include "config.h"

#include <string.h>

#include "serve/here.h"
#include "serve/holdings.h"
#include "snapshot/hold.h"
#include "snapshot/hold_move.h"

static void
fill_held(const struct catalog_entry *entry, struct dialogue_held *held)
{
	held->id = entry->seal.id;
	held->lineage = entry->seal.lineage;
	held->generation = entry->seal.generation;
	held->cut = entry->seal.cut;
	held->size = entry->identity.size;
	held->created = entry->seal.created;
	held->valid = entry->state != SEAL_BROKEN;
	strcpy(held->origin, entry->seal.origin);
	strcpy(held->name, entry->seal.name);
}

int
holdings_tell(struct server *server, const struct store *store,
    const struct catalog_entry *entry, struct err *err)
{
	struct holds holds;
	int rc = hold_list(store, &entry->seal.id, &holds, err);

	if (rc != 0)
		return rc;
	server_prepare(server, DIALOGUE_HELD);
	fill_held(entry, &server->message.u.held);
	server->message.u.held.held = holds.count > 0;
	holds_free(&holds);
	return server_tell(server, err);
}

int
holdings_list(struct server *server, const struct dialogue_list *list,
    struct err *err)
{
	struct here here;
	int rc = here_open(&here, err);

	for (size_t i = 0; rc == 0 && i < here.catalog.count; i++) {
		const struct catalog_entry *entry = &here.catalog.entries[i];

		if (uuid_is_nil(&list->lineage) ||
		    uuid_equal(&list->lineage, &entry->seal.lineage))
			rc = holdings_tell(server, &here.store, entry, err);
	}
	here_close(&here);
	return rc;
}

int
holdings_hold(const struct dialogue_hold *hold, struct err *err)
{
	const struct catalog_entry *entry;
	struct here here;
	char id[UUID_TEXT_SIZE];
	int rc = hold_check_tag(hold->tag, err);

	if (rc != 0)
		return rc;
	rc = here_open(&here, err);
	if (rc == 0) {
		entry = catalog_find(&here.catalog, &hold->id);
		if (entry == NULL || entry->state == SEAL_BROKEN)
			rc = err_set(err, ERR_NOBASE, "snapshot %s, to be "
			    "held, is not there", uuid_format(&hold->id, id));
		else
			rc = hold_move(&here.store, &here.catalog, entry,
			    hold->tag, err);
	}
	here_close(&here);
	return rc;
}
