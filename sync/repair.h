/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * repair.h - send a damaged replica what differs.
 */
#ifndef SYNC_REPAIR_H
#define SYNC_REPAIR_H

#include <stddef.h>

#include "common/err.h"
#include "common/notify.h"
#include "sync/proof.h"

/* Ranges, in order. */
struct ranges {
	struct range_of_file {
		uint64_t offset, length;
	} *items;
	size_t count;
};

/* Add one.  Returns 0, or -1 without memory. */
int ranges_add(struct ranges *ranges, uint64_t offset, uint64_t length);

void ranges_free(struct ranges *ranges);

/*
 * verify() has found that these ranges differ: make the replica there what the
 * snapshot here is.  It is replaced in one step, or stays as it is if anything
 * is not as it should be: if the seal here is not good, or its digest, if it has
 * one, is another (ERR_IDENTITY); if that of the replica is right; if the result
 * would not be what was compared.  rate is bytes a second at most, 0 no limit.
 */
int repair(struct peer *peer, const struct verify_result *verified,
    const struct ranges *ranges, uint64_t rate, const struct notify *notify,
    struct err *err);

#endif
