/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chain.h - the snapshots that one stream carries, in order.
 */
#ifndef SEND_CHAIN_H
#define SEND_CHAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/notify.h"
#include "snapshot/snapshot.h"

/*
 * Open snapshots.  If based, the first is the base and is not sent itself;
 * each later one is sent as the difference to the one before it.
 */
struct chain {
	bool based;
	size_t count;
	struct snapshot *snapshots;
};

/*
 * Open a chain: snapshot alone if base is NULL; base and snapshot; or, with
 * between, also every snapshot of their lineage that was taken between the
 * two and lies in the directory of snapshot.
 *
 * Plain copies are sealed where that is permitted.  ERR_IDENTITY if one is
 * not what its seal says; ERR_USAGE if base and snapshot are one, or, with
 * between, not of one lineage.  Close with chain_close().
 */
int chain_open(const char *base, const char *snapshot, bool between,
    const struct notify *notify, struct chain *chain, struct err *err);

/*
 * The same, up to an open snapshot, which the chain takes over: it is closed
 * with it, and if this fails.  What was taken between is looked for beside
 * last->path.
 */
int chain_open_to(const char *base, struct snapshot *last, bool between,
    const struct notify *notify, struct chain *chain, struct err *err);

void chain_close(struct chain *chain);

#endif
