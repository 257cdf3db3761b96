/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_map_random.c - random maps, with every flag and every way to report an
 * extent, of files whose blocks move between any two calls: what differs is
 * never called unchanged, and what rule 1 proves is never called changed.
 *
 * The whole way from ioctl(2) to the verdict is the program's; the kernel
 * below it is map_ioctl.c.  MODEL_SECONDS=N runs the fresh seed for so long;
 * MODEL_SEED and MODEL_ROUND, as a failure tells them, run that round alone.
 */
#include "config.h"

#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "diff/map_diff.h"
#include "tests/unit/map_ioctl.h"
#include "tests/unit/small_windows.h"

#define SEED 20240229u
#define ROUNDS 8000u		/* of each kind, with fixed seed */
#define FEW_MOVES 7		/* no window can be spoiled each time */

/* The kinds of rounds, taken in turn. */
enum { STILL, MOVING, STILL_ITEMS, MOVING_ITEMS, KINDS };

/* What a number of rounds saw. */
struct tally {
	uint64_t rounds, proven, differing, spoiled, windows, moved;
};

/* One round. */
struct bench {
	struct map_disk disk;
	int base_fd, snapshot_fd;
	bool candidate[MAP_BYTES];
	struct range last;
	uint64_t moved;		/* bytes found elsewhere in the base */
};

static uint32_t windows_max = 1;

uint32_t
small_windows_max(void)
{
	return windows_max;
}

static int
on_candidate(void *cookie, const struct range *range, struct err *err)
{
	struct bench *bench = cookie;
	const struct map_disk *disk = &bench->disk;
	const uint64_t end = range->offset + range->length;

	(void)err;
	if (range->length == 0 || end > disk->snapshot.size)
		map_disk_fail(disk, "a candidate is out of range");
	if (bench->last.length > 0 && (range->offset < bench->last.offset +
	    bench->last.length || range_continues(&bench->last, range)))
		map_disk_fail(disk, "candidates are not in order");
	bench->last = *range;
	memset(bench->candidate + range->offset, true, range->length);
	if (range->source == RANGE_READ)
		return 0;
	bench->moved += range->length;
	if (range->source % MAP_BLOCK != 0 || range->offset % MAP_BLOCK != 0 ||
	    range->length % MAP_BLOCK != 0 ||
	    range->source + range->length > disk->base.size)
		map_disk_fail(disk, "what moved is out of range");
	if (memcmp(disk->base.bytes + range->source,
	    disk->snapshot.bytes + range->offset, range->length) != 0)
		map_disk_fail(disk, "a false moved");
	return 0;
}

/* Map both files through the whole program. */
static void
diff_files(struct bench *bench, bool moved, struct map_diff *diff)
{
	int (*const open_map)(int, const char *, struct map_source **,
	    struct err *) = bench->disk.kind == MAP_BTRFS ? map_btrfs_new :
	    map_fiemap_new;
	struct map_source *index = NULL;
	struct err err = ERR_INIT;
	int rc;

	*diff = (struct map_diff){
		.base_size = bench->disk.base.size,
		.snapshot_size = bench->disk.snapshot.size,
		.comparable = true, .candidate = on_candidate, .cookie = bench,
	};
	map_ioctl_attach(&bench->disk, bench->base_fd, bench->snapshot_fd);
	if (open_map(bench->base_fd, "base", &diff->base, &err) != 0 ||
	    open_map(bench->snapshot_fd, "snapshot", &diff->snapshot,
	    &err) != 0 ||
	    open_map(bench->base_fd, "base", &index, &err) != 0)
		map_disk_fail(&bench->disk, "no map");
	if (moved)
		diff->moved = moved_new(index, diff->base_size, MAP_BLOCK);
	rc = map_diff_run(diff, &err);
	if (rc != 0)
		map_disk_fail(&bench->disk, "the comparison failed");
	diff->base->free(diff->base);
	diff->snapshot->free(diff->snapshot);
	index->free(index);
	moved_free(diff->moved);
}

/* Safe always; exact where nothing moved, if little did. */
static void
judge(const struct bench *bench, bool exact, struct tally *tally)
{
	const struct map_disk *disk = &bench->disk;

	for (uint64_t at = 0; at < disk->snapshot.size; at++) {
		const bool differs = map_disk_byte(&disk->base, at) !=
		    map_disk_byte(&disk->snapshot, at);
		const bool proven = map_disk_proven(disk, at);
		const bool still = !disk->base.cells[at / MAP_BLOCK].moved &&
		    !disk->snapshot.cells[at / MAP_BLOCK].moved;

		if (differs && !bench->candidate[at])
			map_disk_fail(disk, "a false unchanged");
		if (proven && differs)
			map_disk_fail(disk, "the model proves too much");
		if (exact && still && proven && bench->candidate[at])
			map_disk_fail(disk, "what is proven was reported");
		if (exact && still && !proven && !bench->candidate[at])
			map_disk_fail(disk, "not proven, and not reported");
		tally->differing += differs;
		tally->proven += proven;
	}
}

static void
run_round(struct bench *bench, uint64_t seed, uint64_t round,
    struct tally *tally)
{
	struct map_disk *disk = &bench->disk;
	const unsigned kind = (unsigned)(round % KINDS);
	struct map_diff diff;
	bool few;

	map_disk_make(disk, kind < STILL_ITEMS ? MAP_FIEMAP : MAP_BTRFS, seed,
	    round);
	windows_max = map_disk_random(disk, 12) == 0 ? 4096 :
	    1 + map_disk_random(disk, 8);
	few = kind == STILL || kind == STILL_ITEMS ||
	    map_disk_random(disk, 2) == 0;
	if (kind == MOVING || kind == MOVING_ITEMS)
		disk->moves_left = few ? 1 + map_disk_random(disk, FEW_MOVES) :
		    8 + map_disk_random(disk, 150);
	memset(bench->candidate, 0, sizeof(bench->candidate));
	bench->last.length = bench->moved = 0;
	map_disk_check(disk);
	diff_files(bench, map_disk_random(disk, 3) != 0, &diff);
	map_disk_check(disk);
	judge(bench, few, tally);
	tally->rounds++;
	tally->spoiled += diff.spoiled;
	tally->moved += bench->moved;
	tally->windows += diff.windows;
}

/* All rounds of one kind with the fixed seed. */
static void
run_fixed(struct bench *bench, unsigned kind)
{
	struct tally tally = { 0 };

	for (uint64_t i = 0; i < ROUNDS; i++)
		run_round(bench, SEED, i * KINDS + kind, &tally);
	/* Else this tested nothing. */
	assert_true(tally.windows > 4 * ROUNDS);
	assert_true(tally.proven > 40 * ROUNDS);
	assert_true(tally.differing > 50 * ROUNDS);
	assert_true(tally.moved > ROUNDS);
	if (kind == MOVING || kind == MOVING_ITEMS)
		assert_true(tally.spoiled > ROUNDS / 2);
	else
		assert_true(tally.spoiled == 0);
}

static void
test_still(void **state)
{
	run_fixed(*state, STILL);
}

static void
test_moving(void **state)
{
	run_fixed(*state, MOVING);
}

static void
test_still_items(void **state)
{
	run_fixed(*state, STILL_ITEMS);
}

static void
test_moving_items(void **state)
{
	run_fixed(*state, MOVING_ITEMS);
}

/* A number from the environment. */
static uint64_t
knob(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text != NULL && *text != '\0' ? strtoull(text, NULL, 10) :
	    otherwise;
}

static void
test_fresh_seed(void **state)
{
	struct bench *bench = *state;
	struct tally tally = { 0 };
	struct timespec now;
	uint64_t seed, seconds;
	time_t end;

	clock_gettime(CLOCK_REALTIME, &now);
	seed = knob("MODEL_SEED", (uint64_t)now.tv_sec * 1000 +
	    (uint64_t)now.tv_nsec / 1000000);
	if (getenv("MODEL_ROUND") != NULL) {
		run_round(bench, seed, knob("MODEL_ROUND", 0), &tally);
		return;
	}
	seconds = knob("MODEL_SECONDS", 1);
	clock_gettime(CLOCK_MONOTONIC, &now);
	end = now.tv_sec + (time_t)seconds + 1;
	do {
		for (unsigned i = 0; i < 400; i++)
			run_round(bench, seed, tally.rounds, &tally);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < end);
	printf("# seed %" PRIu64 ": %" PRIu64 " pairs of files, %" PRIu64
	    " windows, %" PRIu64 " of them spoiled by moves, %" PRIu64
	    " bytes proven equal, %" PRIu64 " found elsewhere, %" PRIu64
	    " that differ\n", seed, tally.rounds, tally.windows,
	    tally.spoiled, tally.proven, tally.moved, tally.differing);
}

static int
setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	if (bench == NULL)
		return -1;
	/* The btrfs source asks for the inode: they must be open. */
	bench->base_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	bench->snapshot_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	*state = bench;
	return bench->base_fd >= 0 && bench->snapshot_fd >= 0 ? 0 : -1;
}

static int
teardown(void **state)
{
	struct bench *bench = *state;

	map_ioctl_attach(NULL, -1, -1);
	close(bench->base_fd);
	close(bench->snapshot_fd);
	free(bench);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_still),
		cmocka_unit_test(test_moving),
		cmocka_unit_test(test_still_items),
		cmocka_unit_test(test_moving_items),
		cmocka_unit_test(test_fresh_seed),
	};

	if (getenv("MODEL_ROUND") != NULL)
		cmocka_set_test_filter("test_fresh_seed");
	return cmocka_run_group_tests_name("map_random", tests, setup,
	    teardown);
}
