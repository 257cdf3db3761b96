/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict.c - what two extent maps prove to be unchanged.
 */
#include "config.h"

#include "common/bytes.h"
#include "diff/verdict.h"

static bool
keys_equal(const struct extent_key *a, const struct extent_key *b)
{
	return a->container == b->container && a->ram_bytes == b->ram_bytes &&
	    a->generation == b->generation &&
	    a->compression == b->compression;
}

static uint64_t
address_at(const struct extent *extent, uint64_t position)
{
	return extent->address + (position - extent->offset);
}

bool
verdict_same_block(const struct extent *a, uint64_t a_position,
    const struct extent *b, uint64_t b_position)
{
	return a->trusted && b->trusted &&
	    address_at(a, a_position) == address_at(b, b_position) &&
	    keys_equal(&a->key, &b->key);
}

void
verdict(const struct extent_window *base, const struct extent_window *snapshot,
    uint64_t from, uint64_t to, uint64_t floor, bool comparable,
    const struct verdict_sink *sink)
{
	struct extent_cursor base_cursor = { base, 0 };
	struct extent_cursor snapshot_cursor = { snapshot, 0 };
	uint64_t position = from;

	while (position < to) {
		uint64_t base_until, snapshot_until, end;
		const struct extent *old = extent_at(&base_cursor, position,
		    &base_until);
		const struct extent *new = extent_at(&snapshot_cursor,
		    position, &snapshot_until);
		bool equal = old == NULL && new == NULL;

		end = bytes_min(to, bytes_min(base_until, snapshot_until));
		if (comparable && old != NULL && new != NULL &&
		    position < floor &&
		    verdict_same_block(old, position, new, position)) {
			end = bytes_min(end, floor);
			equal = true;
		}
		if (!equal)
			sink->candidate(sink->cookie, position,
			    end - position);
		position = end;
	}
}

bool
verdict_maps_agree(const struct extent_window *a,
    const struct extent_window *b, uint64_t from, uint64_t to)
{
	struct extent_cursor cursor_a = { a, 0 }, cursor_b = { b, 0 };
	uint64_t position = from;

	while (position < to) {
		uint64_t until_a, until_b;
		const struct extent *x = extent_at(&cursor_a, position,
		    &until_a);
		const struct extent *y = extent_at(&cursor_b, position,
		    &until_b);

		if (bytes_min(until_a, to) != bytes_min(until_b, to) ||
		    (x == NULL) != (y == NULL))
			return false;
		if (x != NULL && (x->trusted != y->trusted ||
		    x->flags != y->flags ||
		    address_at(x, position) != address_at(y, position) ||
		    !keys_equal(&x->key, &y->key)))
			return false;
		position = bytes_min(until_a, to);
	}
	return true;
}
