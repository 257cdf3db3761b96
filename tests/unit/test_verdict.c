/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_verdict.c - each condition of the rule decides by itself.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "diff/verdict.h"

#define FROM 4096u
#define TO 20480u
#define ALL UINT64_MAX		/* a floor above everything */

/* What the sink was given: ascending, not overlapping, joined if adjacent. */
struct candidates {
	size_t count;
	uint64_t from[64];
	uint64_t to[64];
};

static void
take(void *cookie, uint64_t offset, uint64_t length)
{
	struct candidates *got = cookie;

	assert_true(length > 0);
	if (got->count > 0 && got->to[got->count - 1] == offset) {
		got->to[got->count - 1] += length;
		return;
	}
	assert_true(got->count == 0 || got->to[got->count - 1] < offset);
	assert_true(got->count < 64);
	got->from[got->count] = offset;
	got->to[got->count++] = offset + length;
}

/* Two windows, too large for the stack. */
struct pair {
	struct extent_window base, snapshot;
};

static struct pair *
pair_new(void)
{
	struct pair *pair = calloc(1, sizeof(*pair));

	assert_non_null(pair);
	pair->base.from = pair->snapshot.from = FROM;
	pair->base.to = pair->snapshot.to = TO;
	return pair;
}

static struct extent
extent(uint64_t from, uint64_t to, uint64_t address)
{
	const struct extent e = {
		.offset = from, .length = to - from, .trusted = true,
		.address = address,
		.key = { .container = 77, .ram_bytes = 1 << 20,
		    .generation = 12, .compression = 2 },
		.flags = 0x2000,
	};

	return e;
}

static void
add(struct extent_window *window, struct extent e)
{
	window->extents[window->count++] = e;
}

static struct candidates
run(const struct pair *pair, uint64_t floor, bool comparable)
{
	struct candidates got = { .count = 0 };
	const struct verdict_sink sink = { take, &got };

	verdict(&pair->base, &pair->snapshot, FROM, TO, floor, comparable,
	    &sink);
	return got;
}

/* The only candidate is from from to to; none if they are equal. */
static void
assert_candidate(const struct pair *pair, uint64_t floor, bool comparable,
    uint64_t from, uint64_t to)
{
	const struct candidates got = run(pair, floor, comparable);

	if (from == to) {
		assert_int_equal(got.count, 0);
		return;
	}
	assert_int_equal(got.count, 1);
	assert_true(got.from[0] == from);
	assert_true(got.to[0] == to);
}

/* Break condition number n in one of two extents that would prove equality. */
static bool
break_condition(struct extent *e, int n)
{
	switch (n) {
	case 0: e->trusted = false; return true;
	case 1: e->address++; return true;
	case 2: e->address--; return true;
	case 3: e->key.container++; return true;
	case 4: e->key.ram_bytes++; return true;
	case 5: e->key.generation++; return true;
	case 6: e->key.compression++; return true;
	default: return false;
	}
}

static void
test_conditions(void **state)
{
	struct pair *pair = pair_new();
	struct extent good = extent(FROM, TO, 1 << 20);
	struct extent bad = good;

	(void)state;
	pair->base.count = pair->snapshot.count = 1;
	pair->base.extents[0] = pair->snapshot.extents[0] = good;
	assert_candidate(pair, ALL, true, 0, 0);
	for (int n = 0; break_condition(&bad, n); n++) {
		pair->base.extents[0] = bad;
		assert_candidate(pair, ALL, true, FROM, TO);
		pair->base.extents[0] = good;
		pair->snapshot.extents[0] = bad;
		assert_candidate(pair, ALL, true, FROM, TO);
		pair->snapshot.extents[0] = good;
		bad = good;
	}
	/* Flags are the business of the map, which says trusted or not. */
	pair->base.extents[0].flags = 0;
	assert_candidate(pair, ALL, true, 0, 0);
	/* Both untrusted, all else equal. */
	pair->base.extents[0].trusted = false;
	pair->snapshot.extents[0].trusted = false;
	assert_candidate(pair, ALL, true, FROM, TO);
	free(pair);
}

static void
test_floor_and_device(void **state)
{
	struct pair *pair = pair_new();

	(void)state;
	add(&pair->base, extent(FROM, TO, 1 << 20));
	add(&pair->snapshot, extent(FROM, TO, 1 << 20));
	assert_candidate(pair, ALL, false, FROM, TO);
	assert_candidate(pair, TO, true, 0, 0);
	assert_candidate(pair, TO - 1, true, TO - 1, TO);
	assert_candidate(pair, 9000, true, 9000, TO);
	assert_candidate(pair, FROM, true, FROM, TO);
	assert_candidate(pair, 0, true, FROM, TO);
	free(pair);
}

static void
test_holes(void **state)
{
	struct pair *pair = pair_new();

	(void)state;
	/* Both hole: equal whatever else. */
	assert_candidate(pair, ALL, true, 0, 0);
	assert_candidate(pair, 0, false, 0, 0);
	/* One of them. */
	add(&pair->base, extent(8192, 12288, 1 << 20));
	assert_candidate(pair, ALL, true, 8192, 12288);
	pair->snapshot.extents[0] = pair->base.extents[0];
	pair->snapshot.count = 1;
	pair->base.count = 0;
	assert_candidate(pair, ALL, true, 8192, 12288);
	/* Address 0 means nothing special here: 0 is never trusted. */
	pair->snapshot.extents[0].trusted = false;
	pair->snapshot.extents[0].address = 0;
	assert_candidate(pair, ALL, true, 8192, 12288);
	free(pair);
}

/* Ranges are compared, not records: one side may be cut into more. */
static void
test_splits(void **state)
{
	struct pair *pair = pair_new();

	(void)state;
	add(&pair->base, extent(FROM, TO, 1 << 20));
	add(&pair->snapshot, extent(FROM, 8192, 1 << 20));
	add(&pair->snapshot, extent(8192, TO, (1 << 20) + 8192 - FROM));
	assert_candidate(pair, ALL, true, 0, 0);
	/* A piece that is elsewhere. */
	pair->snapshot.extents[1].address += 4096;
	assert_candidate(pair, ALL, true, 8192, TO);
	/* The same address, but not at the same place. */
	pair->snapshot.extents[1] = extent(8192, TO, 1 << 20);
	assert_candidate(pair, ALL, true, 8192, TO);
	/* Extents that reach out of the range on both sides. */
	pair->snapshot.count = 1;
	pair->snapshot.extents[0] = extent(0, 40960, (1 << 20) - FROM);
	assert_candidate(pair, ALL, true, 0, 0);
	pair->snapshot.extents[0].address += 1;
	assert_candidate(pair, ALL, true, FROM, TO);
	free(pair);
}

#define UNIT 512u
#define UNITS ((TO - FROM) / UNIT)

/* Fill a window at random, from a few addresses, so that many agree. */
static void
randomize(struct extent_window *window)
{
	uint64_t at = FROM;

	window->count = 0;
	while (at < TO) {
		const uint64_t units = 1 + (uint64_t)rand() % 6;
		uint64_t end = at + units * UNIT;
		struct extent e;

		end = end < TO ? end : TO;
		e = extent(at, end, at + ((uint64_t)rand() % 3 << 30));
		e.trusted = rand() % 5 != 0;
		e.key.generation += rand() % 8 == 0 ? 1 : 0;
		if (rand() % 4 != 0)
			add(window, e);
		at = end;
	}
}

static const struct extent *
covering(const struct extent_window *window, uint64_t at)
{
	for (size_t i = 0; i < window->count; i++) {
		const struct extent *e = &window->extents[i];

		if (at >= e->offset && at - e->offset < e->length)
			return e;
	}
	return NULL;
}

/* The rule for one byte, as it is written down. */
static bool
proven(const struct pair *pair, uint64_t at, uint64_t floor, bool comparable)
{
	const struct extent *a = covering(&pair->base, at);
	const struct extent *b = covering(&pair->snapshot, at);

	if (a == NULL || b == NULL)
		return a == NULL && b == NULL;
	return comparable && at < floor && a->trusted && b->trusted &&
	    a->address - a->offset == b->address - b->offset &&
	    a->key.generation == b->key.generation;
}

static void
test_random(void **state)
{
	struct pair *pair = pair_new();

	(void)state;
	srand(1);
	for (int round = 0; round < 3000; round++) {
		const bool comparable = rand() % 8 != 0;
		const uint64_t floor = rand() % 2 ? ALL :
		    FROM + (uint64_t)rand() % UNITS * UNIT;
		struct candidates got;
		size_t next = 0;

		randomize(&pair->base);
		randomize(&pair->snapshot);
		got = run(pair, floor, comparable);
		for (uint64_t at = FROM; at < TO; at += UNIT) {
			while (next < got.count && got.to[next] <= at)
				next++;
			assert_int_equal(proven(pair, at, floor, comparable),
			    next == got.count || at < got.from[next]);
		}
	}
	free(pair);
}

static bool
agree(const struct pair *pair)
{
	return verdict_maps_agree(&pair->base, &pair->snapshot, FROM, TO);
}

/* Two maps of one file: everything counts, flags and records too. */
static void
test_maps_agree(void **state)
{
	struct pair *pair = pair_new();
	const struct extent good = extent(8192, 16384, 1 << 20);
	struct extent bad = good;

	(void)state;
	assert_true(agree(pair));
	add(&pair->base, good);
	assert_false(agree(pair));
	add(&pair->snapshot, good);
	assert_true(agree(pair));
	for (int n = 0; break_condition(&bad, n); n++) {
		pair->snapshot.extents[0] = bad;
		assert_false(agree(pair));
		bad = good;
	}
	pair->snapshot.extents[0] = good;
	pair->snapshot.extents[0].flags ^= 1;
	assert_false(agree(pair));
	pair->snapshot.extents[0] = extent(8192, 16384 - 512, 1 << 20);
	assert_false(agree(pair));
	pair->snapshot.extents[0] = extent(8192 + 512, 16384, (1 << 20) + 512);
	assert_false(agree(pair));
	/* Not trusted in both maps, but moved: that counts too. */
	pair->base.extents[0].trusted = false;
	pair->snapshot.extents[0] = pair->base.extents[0];
	assert_true(agree(pair));
	pair->snapshot.extents[0].address += 4096;
	assert_false(agree(pair));
	/* An extent where the other map has a hole of the same length. */
	pair->base.extents[0] = pair->snapshot.extents[1] = good;
	pair->snapshot.extents[0] = extent(FROM, 8192, 5 << 20);
	pair->snapshot.count = 2;
	assert_false(agree(pair));
	pair->snapshot.count = 1;
	pair->snapshot.extents[0] = extent(FROM, 16384, 5 << 20);
	assert_false(agree(pair));
	free(pair);
}

static void
test_maps_agree_outside(void **state)
{
	struct pair *pair = pair_new();

	(void)state;
	add(&pair->base, extent(0, 40960, 1 << 20));
	add(&pair->snapshot, extent(FROM - 512, TO, (1 << 20) + FROM - 512));
	assert_true(agree(pair));
	add(&pair->snapshot, extent(TO, TO + 4096, 5 << 20));
	assert_true(agree(pair));
	free(pair);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_floor_and_device),
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_splits),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_maps_agree),
		cmocka_unit_test(test_maps_agree_outside),
	};

	return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
