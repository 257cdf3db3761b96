/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * moved.h - find, by extent maps, what the snapshot has of the base at another
 * offset: ranges that were cloned, or that an insertion or a collapse moved.
 *
 * As everywhere a block counts as shared only if both maps are known to have
 * been so at one moment: the index, which is a map of the base, is the first
 * of three passes, the map of the snapshot the second; the ranges of the base
 * that are found are then mapped once more.
 */
#ifndef DIFF_MOVED_H
#define DIFF_MOVED_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "diff/map_source.h"
#include "diff/range.h"

/*
 * Extents of the base that are indexed at most, 18 MiB of memory; of a base
 * that has more nothing is found.
 */
#define MOVED_EXTENTS_MAX 262144u

struct moved;

/*
 * Look in a base of size bytes; only whole blocks of block bytes are found.
 * base is the map of it, of nobody else's use, and stays the caller's.  NULL
 * without memory.
 */
struct moved *moved_new(struct map_source *base, uint64_t size,
    uint32_t block);
void moved_free(struct moved *moved);

/* Was moved_index() called? */
bool moved_indexed(const struct moved *moved);

/*
 * Make the index; the map of the snapshot must be read after it.  If window, a
 * map of the base, has all of it, the base is not mapped again.
 */
int moved_index(struct moved *moved, const struct extent_window *window,
    struct err *err);

/*
 * Divide a range of the snapshot into what the base has elsewhere and what has
 * to be read, ascending.  window, a map of the snapshot made after the index,
 * covers it.
 */
int moved_split(struct moved *moved, const struct extent_window *window,
    uint64_t offset, uint64_t length, range_sink *sink, void *cookie,
    struct err *err);

#endif
