/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * compare.h - read candidates on both sides and tell what really changed.
 */
#ifndef DIFF_COMPARE_H
#define DIFF_COMPARE_H

#include <stdint.h>

#include "common/err.h"
#include "diff/delta.h"

struct compare;

/*
 * A comparison of two open snapshots; base may be NULL. What goes in must
 * outlive it.  NULL without memory.
 */
struct compare *compare_new(const struct snapshot *base,
    const struct snapshot *snapshot, const struct delta_options *options,
    delta_sink *sink, void *cookie, struct delta_stats *stats);

/*
 * Compare one range, block by block, and hand what changed to the sink.
 * Ranges come in ascending order.
 */
int compare_range(struct compare *compare, uint64_t offset, uint64_t length,
    struct err *err);

void compare_free(struct compare *compare);

#endif
