/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_map_diff.c - windows, and maps that change while they are read, against
 * a model of bytes.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "diff/map_diff.h"
#include "tests/unit/map_model.h"

/* A map source over one file of the model. */
struct fake {
	struct map_source source;	/* first: it is what others see */
	struct map_model *model;
	const struct map_model_file *file;
	size_t room;		/* extents of a window; 0: at random */
	unsigned reads;
	unsigned fail_at;	/* this read fails, counted from 1 */
	uint64_t last_from, last_to;
	/* Called before each read, if not NULL. */
	void (*before)(struct fake *fake, uint64_t from);
	int moves_left;
};

/* The extent that begins at a block. */
static struct extent
extent_of(const struct map_model_file *file, uint64_t block)
{
	struct extent extent = {
		.offset = block * MODEL_BLOCK, .length = MODEL_BLOCK,
		.trusted = !file->untrusted[block],
		.address = (uint64_t)file->map[block] * MODEL_BLOCK,
	};

	while (++block < MODEL_BLOCKS && !file->split[block] &&
	    file->map[block] != 0 &&
	    file->map[block] == file->map[block - 1] + 1 &&
	    file->untrusted[block] == !extent.trusted)
		extent.length += MODEL_BLOCK;
	return extent;
}

static int
fake_read(struct map_source *source, uint64_t from, uint64_t limit,
    struct extent_window *window, struct err *err)
{
	struct fake *fake = (struct fake *)source;
	const size_t room = fake->room != 0 ? fake->room :
	    1 + (size_t)rand() % 6;

	/* What map_source.h promises to sources. */
	assert_true(from < limit);
	assert_true(fake->reads == 0 ? from == 0 :
	    from >= fake->last_from && from <= fake->last_to);
	if (fake->before != NULL)
		fake->before(fake, from);
	if (++fake->reads == fake->fail_at)
		return err_set(err, ERR_FAILED, "scripted");
	window->from = window->to = from;
	window->count = 0;
	while (window->to < limit && window->count < room) {
		const uint64_t block = window->to / MODEL_BLOCK;
		struct extent extent;

		if (block >= MODEL_BLOCKS)
			break;
		if (fake->file->map[block] == 0) {
			window->to = (block + 1) * MODEL_BLOCK;
			continue;
		}
		extent = extent_of(fake->file, block);
		extent = extent_cut(extent, window->to, limit);
		window->extents[window->count++] = extent;
		window->to = extent.offset + extent.length;
	}
	if (window->to > limit || window->count < room)
		window->to = limit;
	fake->last_from = from;
	fake->last_to = window->to;
	return 0;
}

/* Which bytes were handed out as candidates. */
struct result {
	bool candidate[MODEL_BYTES];
	unsigned calls;
	uint64_t end;		/* of the last one */
	unsigned fail_at;
};

static int
on_candidate(void *cookie, const struct range *range, struct err *err)
{
	const uint64_t offset = range->offset, length = range->length;
	struct result *result = cookie;

	assert_true(range->source == RANGE_READ);
	assert_true(length > 0 && offset + length <= MODEL_BYTES);
	/* Ascending, and joined where they touch. */
	assert_true(result->calls == 0 || offset > result->end);
	memset(result->candidate + offset, true, length);
	result->end = offset + length;
	if (++result->calls == result->fail_at)
		return err_set(err, ERR_UNABLE, "enough");
	return 0;
}

/* Everything a run needs. */
struct bench {
	struct map_model model;
	struct fake base, snapshot;
	struct result result;
	struct map_diff diff;
	struct err err;
};

static struct bench *
bench_new(void)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	assert_non_null(bench);
	bench->model.next = 1;
	bench->model.base.size = bench->model.snapshot.size = MODEL_BYTES;
	bench->base.source.read = bench->snapshot.source.read = fake_read;
	bench->base.model = bench->snapshot.model = &bench->model;
	bench->base.file = &bench->model.base;
	bench->snapshot.file = &bench->model.snapshot;
	return bench;
}

static int
run(struct bench *bench)
{
	bench->diff = (struct map_diff){
		.base = &bench->base.source,
		.snapshot = &bench->snapshot.source,
		.base_size = bench->model.base.size,
		.snapshot_size = bench->model.snapshot.size,
		.comparable = true, .candidate = on_candidate,
		.cookie = &bench->result,
	};
	return map_diff_run(&bench->diff, &bench->err);
}

/* What differs is a candidate. */
static void
assert_safe(const struct bench *bench)
{
	const struct map_model *model = &bench->model;

	for (uint64_t at = 0; at < model->snapshot.size; at++) {
		if (map_model_byte(model, &model->base, at) !=
		    map_model_byte(model, &model->snapshot, at))
			assert_true(bench->result.candidate[at]);
	}
}

/* What rule 1 can prove is no candidate, and all else is one. */
static void
assert_exact(const struct bench *bench)
{
	const struct map_model_file *base = &bench->model.base;
	const struct map_model_file *snapshot = &bench->model.snapshot;

	for (uint64_t at = 0; at < snapshot->size; at++) {
		const uint64_t b = at / MODEL_BLOCK;
		const bool proven = base->map[b] == snapshot->map[b] &&
		    (base->map[b] == 0 || (at < base->size &&
		    !base->untrusted[b] && !snapshot->untrusted[b]));

		assert_int_equal(bench->result.candidate[at], !proven);
	}
}

/* Still maps, windows of any size. */
static void
test_random(void **state)
{
	(void)state;
	srand(2);
	for (int round = 0; round < 4000; round++) {
		struct bench *bench = bench_new();

		map_model_randomize(&bench->model);
		assert_int_equal(run(bench), 0);
		assert_int_equal(bench->diff.spoiled, 0);
		assert_safe(bench);
		assert_exact(bench);
		free(bench);
	}
}

/* A candidate that spans windows comes in one piece; each window counts. */
static void
test_windows(void **state)
{
	struct bench *bench = bench_new();

	(void)state;
	map_model_share(&bench->model);
	for (unsigned i = 5; i < 40; i++)
		bench->model.snapshot.map[i] =
		    map_model_new_block(&bench->model);
	bench->base.room = 1;
	bench->snapshot.room = 2;
	assert_int_equal(run(bench), 0);
	assert_exact(bench);
	assert_int_equal(bench->result.calls, 1);
	assert_true(bench->diff.windows > 3);
	assert_int_equal(bench->base.reads, 2 * bench->diff.windows);
	assert_int_equal(bench->snapshot.reads, bench->diff.windows);
	free(bench);
}

static void
test_empty(void **state)
{
	struct bench *bench = bench_new();

	(void)state;
	map_model_share(&bench->model);
	bench->model.snapshot.size = 0;
	assert_int_equal(run(bench), 0);
	assert_int_equal(bench->result.calls, 0);
	assert_int_equal(bench->base.reads + bench->snapshot.reads, 0);
	free(bench);
}

/* Another device: equal addresses say nothing. */
static void
test_not_comparable(void **state)
{
	struct bench *bench = bench_new();

	(void)state;
	map_model_share(&bench->model);
	assert_int_equal(run(bench), 0);
	assert_int_equal(bench->result.calls, 0);
	bench->base.reads = bench->snapshot.reads = 0;
	bench->diff.comparable = false;
	assert_int_equal(map_diff_run(&bench->diff, &bench->err), 0);
	for (uint64_t at = 0; at < MODEL_BYTES; at++)
		assert_true(bench->result.candidate[at]);
	free(bench);
}

/* Before reads of the snapshot: between the first and the third pass. */
static void
move_at_window(struct fake *fake, uint64_t from)
{
	if (fake->moves_left > 0) {
		fake->moves_left--;
		map_model_move(fake->model, (unsigned)(from / MODEL_BLOCK));
	}
}

static void
test_move(void **state)
{
	struct bench *bench = bench_new();

	(void)state;
	map_model_share(&bench->model);
	bench->model.snapshot.map[0] = map_model_new_block(&bench->model);
	bench->snapshot.before = move_at_window;
	bench->snapshot.moves_left = 1;
	assert_int_equal(run(bench), 0);
	assert_int_equal(bench->diff.spoiled, 1);
	assert_safe(bench);
	assert_exact(bench);
	free(bench);
}

/* Blocks that never stay: the window is handed out whole, the rest is not. */
static void
test_moves_always(void **state)
{
	struct bench *bench = bench_new();

	(void)state;
	map_model_share(&bench->model);
	bench->model.snapshot.map[0] = map_model_new_block(&bench->model);
	bench->base.room = bench->snapshot.room = 4;
	bench->snapshot.before = move_at_window;
	/* As many as there are tries: only the first window is disturbed. */
	bench->snapshot.moves_left = 8;
	assert_int_equal(run(bench), 0);
	assert_int_equal(bench->diff.spoiled, 8);
	assert_safe(bench);
	assert_int_equal(bench->result.calls, 1);
	assert_true(bench->result.candidate[0]);
	assert_false(bench->result.candidate[MODEL_BYTES - 1]);
	free(bench);
}

/* The base alone moves after its first map: nothing can be proven by that. */
static void
move_base(struct fake *fake, uint64_t from)
{
	if (fake->moves_left > 0 && from > 0) {
		struct map_model *model = fake->model;
		const unsigned i = (unsigned)(from / MODEL_BLOCK);
		const uint32_t fresh = model->next++;

		fake->moves_left--;
		memcpy(model->disk[fresh], model->disk[model->base.map[i]],
		    MODEL_BLOCK);
		model->base.map[i] = fresh;
	}
}

static void
test_base_moves(void **state)
{
	struct bench *bench = bench_new();

	(void)state;
	map_model_share(&bench->model);
	bench->base.room = bench->snapshot.room = 8;
	bench->snapshot.before = move_base;
	bench->snapshot.moves_left = 1;
	assert_int_equal(run(bench), 0);
	assert_int_equal(bench->diff.spoiled, 1);
	assert_safe(bench);
	assert_exact(bench);
	free(bench);
}

/* Now and then blocks change hands, near to where the maps are being read. */
static void
move_at_random(struct fake *fake, uint64_t from)
{
	while (rand() % 3 != 0)
		map_model_move(fake->model, (unsigned)(from / MODEL_BLOCK +
		    (uint64_t)rand() % 8) % MODEL_BLOCKS);
}

static void
test_random_moves(void **state)
{
	uint64_t moved = 0;

	(void)state;
	srand(3);
	for (int round = 0; round < 3000; round++) {
		struct bench *bench = bench_new();

		map_model_randomize(&bench->model);
		bench->base.before = bench->snapshot.before = move_at_random;
		assert_int_equal(run(bench), 0);
		assert_safe(bench);
		moved += bench->diff.spoiled;
		free(bench);
	}
	/* Else this tested nothing. */
	assert_true(moved > 1000);
}

static void
test_errors(void **state)
{
	(void)state;
	for (unsigned fail_at = 1; fail_at <= 3; fail_at++) {
		struct bench *bench = bench_new();

		map_model_share(&bench->model);
		for (unsigned i = 0; i < MODEL_BLOCKS; i += 2)
			bench->model.snapshot.map[i] =
			    map_model_new_block(&bench->model);
		bench->base.room = 2;
		bench->base.fail_at = fail_at;
		assert_int_equal(run(bench), -ERR_FAILED);
		assert_int_equal(bench->base.reads, fail_at);
		bench->base.reads = bench->snapshot.reads = 0;
		bench->base.fail_at = 0;
		err_clear(&bench->err);
		memset(&bench->result, 0, sizeof(bench->result));
		bench->result.fail_at = fail_at;
		assert_int_equal(run(bench), -ERR_UNABLE);
		assert_int_equal(bench->result.calls, fail_at);
		/* And no more windows were read. */
		assert_true(bench->base.last_to < MODEL_BYTES);
		free(bench);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_not_comparable),
		cmocka_unit_test(test_move),
		cmocka_unit_test(test_moves_always),
		cmocka_unit_test(test_base_moves),
		cmocka_unit_test(test_random_moves),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests_name("map_diff", tests, NULL, NULL);
}
