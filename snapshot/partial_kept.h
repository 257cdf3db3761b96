/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * partial_kept.h - partials that an interrupted receive left to go on with.
 *
 * One is kept while its state (partial_state.h) is good, its last checkpoint is
 * no older than PARTIAL_STATE_DAYS, and its snapshot is not here otherwise.
 */
#ifndef SNAPSHOT_PARTIAL_KEPT_H
#define SNAPSHOT_PARTIAL_KEPT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "snapshot/partial.h"
#include "snapshot/partial_state.h"

/* Remove what killed runs left, but for what is kept. */
void partial_sweep(const struct store *store);

/*
 * List the states of those that are kept and that nobody works on, by origin
 * and name; free() the list.  *busy tells that somebody works on one.
 */
int partial_kept_list(const struct store *store, struct partial_state **list,
    size_t *count, bool *busy, struct err *err);

/*
 * Take over the one of a snapshot: open it, lock it, read its state.  The
 * caller has locked the store.  Returns 1 if there is none; ERR_LOCKED if
 * somebody works on it all the same.
 */
int partial_kept_open(const struct store *store, const struct uuid *snapshot,
    struct partial *partial, struct partial_state *state, struct err *err);

/* Remove that of a snapshot, if there is one. */
void partial_kept_remove(const struct store *store,
    const struct uuid *snapshot);

/*
 * A snapshot was received: remove those of older ones of its lineage, under its
 * origin, which nobody will send any more.
 */
void partial_kept_remove_older(const struct store *store,
    const struct seal *received);

#endif
