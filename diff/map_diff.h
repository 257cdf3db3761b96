/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map_diff.h - compare two extent maps window by window.
 *
 * Maps are not read at one instant: a file system that moves blocks
 * (defragmentation, balance) can free a block of the base and give it to the
 * snapshot at the same offset between two calls.  So each window is mapped
 * base, snapshot, base, and its verdict counts only if both maps of the base
 * agree.
 */
#ifndef DIFF_MAP_DIFF_H
#define DIFF_MAP_DIFF_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "diff/map_source.h"
#include "diff/moved.h"
#include "diff/range.h"

struct map_diff {
	struct map_source *base;
	struct map_source *snapshot;
	uint64_t base_size;
	uint64_t snapshot_size;
	bool comparable;	/* both lie on one device, see verdict.h */
	struct moved *moved;	/* finds what moved; NULL: nobody asks */
	/* Receives ascending ranges that may differ; neighbours are joined. */
	range_sink *candidate;
	void *cookie;
	/* Results. */
	uint64_t windows;	/* that were decided */
	uint64_t spoiled;	/* tries that a move of blocks spoiled */
};

/*
 * Walk both maps up to the size of the snapshot.  A window in which blocks
 * move each time is handed out whole.  Memory does not depend on the number of
 * extents.
 */
int map_diff_run(struct map_diff *diff, struct err *err);

#endif
