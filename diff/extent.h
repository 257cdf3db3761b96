/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * extent.h - extents of a file, and a window of its extent map.
 */
#ifndef DIFF_EXTENT_H
#define DIFF_EXTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A range of a file, in bytes, that is not hole.
 *
 * If an extent is trusted, its address names the block that holds its first
 * byte, and the addresses of its other bytes follow: another trusted extent,
 * of a file on the same file system, whose address at the same moment is the
 * same there, holds the same bytes.  Where the address alone is not enough
 * (compressed extents of btrfs), the rest of the key must agree too; a map
 * without such knowledge leaves it zero.
 */
struct extent {
	uint64_t offset;
	uint64_t length;
	bool trusted;
	uint64_t address;
	struct extent_key {
		uint64_t container;	/* disk_bytenr */
		uint64_t ram_bytes;
		uint64_t generation;
		uint32_t compression;
	} key;
	uint32_t flags;		/* as the kernel gave them */
};

#define EXTENT_WINDOW_MAX 4096

/*
 * The extents of bytes from to to of a file: ascending, not overlapping, cut
 * to the window.  What no extent covers is hole.
 */
struct extent_window {
	uint64_t from;
	uint64_t to;
	size_t count;
	struct extent extents[EXTENT_WINDOW_MAX];
};

/* Cut an extent to a range that it overlaps; its address moves along. */
static inline struct extent
extent_cut(struct extent extent, uint64_t from, uint64_t to)
{
	if (extent.offset < from) {
		extent.address += from - extent.offset;
		extent.length -= from - extent.offset;
		extent.offset = from;
	}
	if (extent.length > to - extent.offset)
		extent.length = to - extent.offset;
	return extent;
}

/* Walks a window: which extent covers a position, if any, and up to where. */
struct extent_cursor {
	const struct extent_window *window;
	size_t index;
};

/*
 * The extent at position, or NULL in a hole; *until receives its end.
 * Positions ascend from call to call.
 */
static inline const struct extent *
extent_at(struct extent_cursor *cursor, uint64_t position, uint64_t *until)
{
	const struct extent_window *window = cursor->window;

	while (cursor->index < window->count) {
		const struct extent *extent = &window->extents[cursor->index];

		if (position < extent->offset) {
			*until = extent->offset;
			return NULL;
		}
		if (position < extent->offset + extent->length) {
			*until = extent->offset + extent->length;
			return extent;
		}
		cursor->index++;
	}
	*until = UINT64_MAX;
	return NULL;
}

/* Make a window say: everything from from to to must be read. */
static inline void
extent_window_opaque(struct extent_window *window, uint64_t from, uint64_t to)
{
	const struct extent all = { .offset = from, .length = to - from };

	window->from = from;
	window->to = to;
	window->count = 1;
	window->extents[0] = all;
}

#endif
