/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * moved.c - find what the snapshot has of the base at another offset.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "diff/moved.h"
#include "diff/verdict.h"

struct moved {
	struct map_source *base;
	uint64_t size;
	uint32_t block;
	bool indexed;
	size_t count, room;
	struct extent *extents;	/* of the base, trusted; by container and address */
	struct extent_window window;
};

/* A range that may be moved, and where its first extent of the base begins. */
struct piece {
	struct range range;
	uint64_t begin;
};

/* What moved_split() works on. */
struct split {
	struct moved *moved;
	const struct extent_window *window;
	range_sink *sink;
	void *cookie;
	struct piece piece;	/* pending, if it has a length */
};

struct moved *
moved_new(struct map_source *base, uint64_t size, uint32_t block)
{
	struct moved *moved = calloc(1, sizeof(*moved));

	if (moved == NULL)
		return NULL;
	moved->base = base;
	moved->size = size;
	moved->block = block;
	return moved;
}

void
moved_free(struct moved *moved)
{
	if (moved == NULL)
		return;
	free(moved->extents);
	free(moved);
}

bool
moved_indexed(const struct moved *moved)
{
	return moved->indexed;
}

static int
by_address(const void *x, const void *y)
{
	const struct extent *a = x, *b = y;

	if (a->key.container != b->key.container)
		return a->key.container < b->key.container ? -1 : 1;
	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	return 0;
}

static int
add_window(struct moved *moved, const struct extent_window *window,
    struct err *err)
{
	if (moved->room - moved->count < window->count) {
		const size_t room = 2 * moved->room + window->count;
		struct extent *grown = realloc(moved->extents,
		    room * sizeof(*grown));

		if (grown == NULL)
			return err_sys(err, ERR_FAILED, "extent map");
		moved->extents = grown;
		moved->room = room;
	}
	for (size_t i = 0; i < window->count; i++) {
		const struct extent *extent = &window->extents[i];

		/* A window may go further than the base. */
		if (extent->trusted && extent->offset < moved->size)
			moved->extents[moved->count++] =
			    extent_cut(*extent, 0, moved->size);
	}
	return 0;
}

static int
index_base(struct moved *moved, struct err *err)
{
	uint64_t from = 0;
	int rc = 0;

	while (rc == 0 && from < moved->size &&
	    moved->count <= MOVED_EXTENTS_MAX) {
		rc = moved->base->read(moved->base, from, moved->size,
		    &moved->window, err);
		if (rc == 0)
			rc = add_window(moved, &moved->window, err);
		from = moved->window.to;
	}
	return rc;
}

int
moved_index(struct moved *moved, const struct extent_window *window,
    struct err *err)
{
	const bool all = window->from == 0 && window->to >= moved->size;
	const int rc = all ? add_window(moved, window, err) :
	    index_base(moved, err);

	moved->indexed = true;
	if (moved->count > MOVED_EXTENTS_MAX) {
		free(moved->extents);
		moved->extents = NULL;
		moved->count = moved->room = 0;
	}
	if (moved->count > 0)
		qsort(moved->extents, moved->count, sizeof(struct extent),
		    by_address);
	return rc;
}

/*
 * The last extent of the index that begins at or before an address of a
 * container, or NULL; *next, the one after it.
 */
static const struct extent *
index_find(const struct moved *moved, const struct extent *wanted,
    const struct extent **next)
{
	size_t low = 0, high = moved->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (by_address(&moved->extents[middle], wanted) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	*next = low < moved->count ? &moved->extents[low] : NULL;
	return low > 0 ? &moved->extents[low - 1] : NULL;
}

/* What the index knows of an extent of the snapshot: its beginning, or all. */
static struct piece
look_up(const struct moved *moved, const struct extent *extent)
{
	const struct extent *next;
	const struct extent *base = index_find(moved, extent, &next);
	struct piece piece = {
		.range = { extent->offset, extent->length, RANGE_READ },
	};
	uint64_t inside;

	if (base != NULL && (inside = extent->address - base->address) <
	    base->length && verdict_same_block(extent, extent->offset, base,
	    base->offset + inside)) {
		piece.range.length = bytes_min(extent->length,
		    base->length - inside);
		piece.range.source = base->offset + inside;
		piece.begin = base->offset;
	} else if (next != NULL &&
	    next->key.container == extent->key.container) {
		piece.range.length = bytes_min(extent->length,
		    next->address - extent->address);
	}
	return piece;
}

/*
 * Map the base once more: how many bytes of a piece, from its beginning, does
 * it still have there?
 */
static int
map_again(const struct split *split, const struct piece *piece,
    uint64_t *length, struct err *err)
{
	struct moved *moved = split->moved;
	const struct range *range = &piece->range;
	struct extent_cursor base = { &moved->window, 0 };
	struct extent_cursor snapshot = { split->window, 0 };
	uint64_t done = 0, from = piece->begin;

	while (done < range->length) {
		uint64_t base_until, until;
		const struct extent *old, *new;
		const uint64_t position = range->source + done;

		if (done == 0 || position >= moved->window.to) {
			const int rc = moved->base->read(moved->base, from,
			    range->source + range->length, &moved->window,
			    err);

			if (rc != 0)
				return rc;
			from = moved->window.to;
			base.index = 0;
		}
		if (position >= moved->window.to)
			continue;
		old = extent_at(&base, position, &base_until);
		new = extent_at(&snapshot, range->offset + done, &until);
		if (old == NULL || new == NULL || !verdict_same_block(old,
		    position, new, range->offset + done))
			break;
		done = bytes_min(bytes_min(base_until - range->source,
		    until - range->offset), range->length);
	}
	*length = done;
	return 0;
}

static int
put(struct split *split, uint64_t offset, uint64_t length, uint64_t source,
    struct err *err)
{
	const struct range range = { offset, length, source };

	return length > 0 ? split->sink(split->cookie, &range, err) : 0;
}

/* Hand out the pending piece: the whole blocks of it that are moved, the rest. */
static int
flush(struct split *split, struct err *err)
{
	const struct moved *moved = split->moved;
	struct range *range = &split->piece.range;
	const uint64_t end = range->offset + range->length;
	uint64_t from, length = 0, skip;
	int rc;

	if (range->source == RANGE_READ || range->length == 0) {
		rc = put(split, range->offset, range->length, RANGE_READ, err);
		range->length = 0;
		return rc;
	}
	rc = map_again(split, &split->piece, &length, err);
	skip = (moved->block - range->offset % moved->block) % moved->block;
	length = length > skip ? (length - skip) -
	    (length - skip) % moved->block : 0;
	from = length > 0 ? range->offset + skip : range->offset;
	if (rc == 0)
		rc = put(split, range->offset, from - range->offset,
		    RANGE_READ, err);
	if (rc == 0)
		rc = put(split, from, length, range->source + skip, err);
	if (rc == 0)
		rc = put(split, from + length, end - from - length,
		    RANGE_READ, err);
	range->length = 0;
	return rc;
}

int
moved_split(struct moved *moved, const struct extent_window *window,
    uint64_t offset, uint64_t length, range_sink *sink, void *cookie,
    struct err *err)
{
	struct split split = {
		.moved = moved, .window = window, .sink = sink,
		.cookie = cookie,
	};
	struct extent_cursor cursor = { window, 0 };
	const uint64_t end = offset + length;
	int rc = 0;

	for (uint64_t at = offset, until; at < end && rc == 0;) {
		const struct extent *extent = extent_at(&cursor, at, &until);
		struct piece piece = {
			.range = { at, bytes_min(until, end) - at, RANGE_READ },
		};

		if (extent != NULL && extent->trusted) {
			const struct extent part = extent_cut(*extent, at,
			    bytes_min(until, end));

			piece = look_up(moved, &part);
		}
		if (split.piece.range.length > 0 &&
		    range_continues(&split.piece.range, &piece.range)) {
			split.piece.range.length += piece.range.length;
		} else {
			rc = flush(&split, err);
			split.piece = piece;
		}
		at += piece.range.length;
	}
	return rc == 0 ? flush(&split, err) : rc;
}
