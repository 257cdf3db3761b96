/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * held.h - what snapshots a peer holds.
 */
#ifndef SYNC_HELD_H
#define SYNC_HELD_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "sync/peer.h"

/* As the peer tells them: lineage by lineage, each oldest first. */
struct held {
	struct dialogue_held *items;
	size_t count;
};

/* Ask an open peer for a lineage, or all (nil).  Free with held_free(). */
int held_fetch(struct peer *peer, const struct uuid *lineage,
    struct held *held, struct err *err);

void held_free(struct held *held);

/* The one with an id and a good seal, or NULL. */
const struct dialogue_held *held_find(const struct held *held,
    const struct uuid *id);

/*
 * The snapshot of a file by its name, or the newest (name NULL), be its seal
 * good or not; NULL if there is none.
 */
const struct dialogue_held *held_of_file(const struct held *held,
    const char *origin, const char *name);

/* Was a taken before b? */
bool held_older(const struct dialogue_held *a, const struct dialogue_held *b);

/*
 * Of the lineage of target, and held by other too: the newest that is older than
 * target, else the oldest that is newer, or NULL.
 */
const struct dialogue_held *held_base(const struct held *held,
    const struct dialogue_held *target, const struct held *other);

#endif
