/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * partial_kept.h - partials that an interrupted receive left to go on with.
 *
 * One is kept while its state (partial_state.h) is good, its last checkpoint is
 * no older than PARTIAL_STATE_DAYS, its snapshot is not here otherwise, and no
 * later one of its live file is kept.
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
 * Take over the one of a snapshot that a stream brought: open it, lock it, read
 * its state.  Of two, which are there if one could not be removed, it is the one
 * that is there further.  If that stream brought none, it is another one of the
 * snapshot, which the caller can but refuse.  The caller has locked the store.
 * Returns 1 if there is none; ERR_LOCKED if somebody works on it all the same.
 */
int partial_kept_open(const struct store *store, const struct uuid *snapshot,
    const struct uuid *stream, struct partial *partial,
    struct partial_state *state, struct err *err);

/* Remove those of a snapshot; of this and those below, what is in use stays. */
void partial_kept_remove(const struct store *store,
    const struct uuid *snapshot);

/*
 * A snapshot was received: remove those of older ones of its lineage, under its
 * origin, which nobody will send any more.
 */
void partial_kept_remove_older(const struct store *store,
    const struct seal *received);

/*
 * This one is kept, with this state: remove the others of its live file, or if
 * it is a plain copy, of its name.
 */
void partial_kept_remove_others(const struct partial *partial,
    const struct partial_state *state);

#endif
