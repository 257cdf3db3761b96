/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * proof.h - prove that a snapshot here and its replica there hold the same.
 */
#ifndef SYNC_PROOF_H
#define SYNC_PROOF_H

#include <stdint.h>

#include "common/err.h"
#include "common/notify.h"
#include "common/uuid.h"
#include "sync/peer.h"

/* Takes a range that differs. */
typedef void verify_sink(void *cookie, uint64_t offset, uint64_t length);

struct verify_result {
	char *snapshot;		/* path of what was compared; free() it */
	struct uuid id;
	uint64_t bytes;		/* compared */
	uint64_t differing;	/* in ranges of 1 MiB */
};

/*
 * Both sides hash at the same time (SHA-256), and only hashes travel.  path is a
 * snapshot, or a live file: then the newest of its snapshots that both sides
 * hold is taken.
 *
 * Returns 0 also if they differ: sink is told where.  ERR_NOBASE if there is
 * nothing to compare with.  Of both sides the contents count, whatever
 * their seals say.
 */
int verify(struct peer *peer, const char *path, const struct notify *notify,
    verify_sink *sink, void *cookie, struct verify_result *result,
    struct err *err);

#endif
