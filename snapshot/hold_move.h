/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hold_move.h - a hold that follows the newest snapshot of a lineage.
 */
#ifndef SNAPSHOT_HOLD_MOVE_H
#define SNAPSHOT_HOLD_MOVE_H

#include "common/err.h"
#include "snapshot/catalog.h"
#include "snapshot/store.h"

/*
 * Hold entry under tag, and then no longer any other snapshot of its lineage
 * under that tag.  catalog is that of the store.  After a failure both may be
 * held, never neither.
 */
int hold_move(struct store *store, const struct catalog *catalog,
    const struct catalog_entry *entry, const char *tag, struct err *err);

#endif
