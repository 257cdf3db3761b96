/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lineage.h - what the next snapshot of a live file belongs to, and is called.
 */
#ifndef SNAPSHOT_LINEAGE_H
#define SNAPSHOT_LINEAGE_H

#include "common/err.h"
#include "snapshot/seal.h"
#include "snapshot/store.h"

/*
 * Lineage, generation and cut of the next snapshot of the file name of a store,
 * into seal: those of the newest snapshot of that name go on; the first one
 * founds a lineage that follows from the live file itself.
 */
int lineage_next(const struct store *store, const char *name,
    const struct identity *live, struct seal *seal, struct err *err);

/*
 * The name of a snapshot that nobody names: when it was taken, in UTC; if that
 * is taken, with another number n above 0.
 */
void lineage_name(struct seal *seal, int n);

#endif
