/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * holdings.h - tell what snapshots are in the directory, and hold them.
 */
#ifndef SERVE_HOLDINGS_H
#define SERVE_HOLDINGS_H

#include "common/err.h"
#include "serve/server.h"
#include "snapshot/catalog.h"
#include "snapshot/store.h"

/* Answer LIST: a HELD for each snapshot of a lineage, or of all. */
int holdings_list(struct server *server, const struct dialogue_list *list,
    struct err *err);

/* Send a HELD for one entry of the catalog of a store. */
int holdings_tell(struct server *server, const struct store *store,
    const struct catalog_entry *entry, struct err *err);

/* Answer HOLD.  ERR_NOBASE if there is no such snapshot with a good seal. */
int holdings_hold(const struct dialogue_hold *hold, struct err *err);

#endif
