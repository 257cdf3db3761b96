/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hold.h - names that keep a snapshot from being deleted.
 *
 * A hold is an empty file ID.TAG in .refsend/holds, so it follows the snapshot
 * when that is renamed.
 */
#ifndef SNAPSHOT_HOLD_H
#define SNAPSHOT_HOLD_H

#include <stddef.h>

#include "common/err.h"
#include "common/uuid.h"
#include "snapshot/store.h"

#define HOLD_TAG_MAX 128	/* bytes of a tag; no slash, no control characters */

/* Tags of one snapshot, sorted. */
struct holds {
	char **tags;
	size_t count;
};

/* ERR_USAGE unless tag may name a hold. */
int hold_check_tag(const char *tag, struct err *err);

/* Hold; holding twice with one tag is once. The state must be there. */
int hold_add(const struct store *store, const struct uuid *id,
    const char *tag, struct err *err);

/* Release; ERR_FAILED if there is no such hold. */
int hold_remove(const struct store *store, const struct uuid *id,
    const char *tag, struct err *err);

/* Who holds it? Free with holds_free(). */
int hold_list(const struct store *store, const struct uuid *id,
    struct holds *holds, struct err *err);

void holds_free(struct holds *holds);

#endif
