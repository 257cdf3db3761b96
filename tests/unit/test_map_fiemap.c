/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_map_fiemap.c - which records of FIEMAP are trusted, and how windows are
 * cut from them; in place of a file system there is a list of records.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/fsioctl.h"
#include "diff/map_source.h"

#define BLOCK 4096u
#define ADDRESS 0x1000000u
#define RECORDS_MAX (2 * EXTENT_WINDOW_MAX)

/* What the false file system holds: records, ascending. */
static struct fiemap_extent records[RECORDS_MAX];
static size_t record_count;

/* Stands in for common/fsioctl.c; like btrfs it does not cut at fm_start. */
int
fs_fiemap(int fd, struct fiemap *map)
{
	(void)fd;
	map->fm_mapped_extents = 0;
	for (size_t i = 0; i < record_count; i++) {
		const struct fiemap_extent *record = &records[i];

		if (record->fe_logical + record->fe_length <= map->fm_start ||
		    record->fe_logical >= map->fm_start + map->fm_length)
			continue;
		if (map->fm_mapped_extents == map->fm_extent_count)
			break;
		map->fm_extents[map->fm_mapped_extents++] = *record;
	}
	return 0;
}

static void
add_record(uint64_t offset, uint64_t address, uint64_t length, uint32_t flags)
{
	struct fiemap_extent *record = &records[record_count++];

	memset(record, 0, sizeof(*record));
	record->fe_logical = offset;
	record->fe_physical = address;
	record->fe_length = length;
	record->fe_flags = flags;
}

static int
setup(void **state)
{
	(void)state;
	record_count = 0;
	return 0;
}

static struct extent_window *
read_at(struct map_source *source, uint64_t from, uint64_t limit)
{
	struct extent_window *window = malloc(sizeof(*window));
	struct err err = ERR_INIT;

	assert_non_null(window);
	assert_int_equal(source->read(source, from, limit, window, &err), 0);
	assert_true(window->from == from);
	assert_true(window->to > from && window->to <= limit);
	return window;
}

static struct map_source *
new_source(void)
{
	struct map_source *source;
	struct err err = ERR_INIT;

	assert_int_equal(map_fiemap_new(3, "file", &source, &err), 0);
	return source;
}

/* Is a single record with these flags and this address trusted? */
static bool
trusted(uint64_t address, uint32_t flags)
{
	struct map_source *source;
	struct extent_window *window;
	bool result;

	record_count = 0;
	add_record(0, address, BLOCK, flags);
	source = new_source();
	window = read_at(source, 0, BLOCK);
	assert_int_equal(window->count, 1);
	result = window->extents[0].trusted;
	free(window);
	source->free(source);
	return result;
}

/* SHARED alone, LAST and MERGED beside it, nothing else. */
static void
test_flags(void **state)
{
	const uint32_t shared = FIEMAP_EXTENT_SHARED;
	const uint32_t harmless[] = { 0, FIEMAP_EXTENT_LAST,
	    FIEMAP_EXTENT_MERGED, FIEMAP_EXTENT_LAST | FIEMAP_EXTENT_MERGED };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_true(trusted(ADDRESS, shared | harmless[i]));
		assert_false(trusted(ADDRESS, harmless[i]));
	}
	for (unsigned bit = 0; bit < 32; bit++) {
		const uint32_t flag = (uint32_t)1 << bit;

		if (flag == FIEMAP_EXTENT_LAST || flag == shared ||
		    flag == FIEMAP_EXTENT_MERGED)
			continue;
		assert_false(trusted(ADDRESS, shared | flag));
	}
}

static void
test_no_address(void **state)
{
	(void)state;
	assert_false(trusted(0, FIEMAP_EXTENT_SHARED));
	assert_false(trusted(0, FIEMAP_EXTENT_SHARED | FIEMAP_EXTENT_LAST));
}

/* Unwritten is an extent, not a hole. */
static void
test_unwritten(void **state)
{
	struct map_source *source;
	struct extent_window *window;

	(void)state;
	add_record(BLOCK, ADDRESS, BLOCK, FIEMAP_EXTENT_UNWRITTEN);
	source = new_source();
	window = read_at(source, 0, 4 * BLOCK);
	assert_int_equal(window->count, 1);
	assert_true(window->extents[0].offset == BLOCK);
	assert_false(window->extents[0].trusted);
	free(window);
	source->free(source);
}

/* A record that begins before the window: its address moves along. */
static void
test_cut(void **state)
{
	struct map_source *source;
	struct extent_window *window;

	(void)state;
	add_record(0, ADDRESS, 8 * BLOCK, FIEMAP_EXTENT_SHARED);
	source = new_source();
	free(read_at(source, 0, 6 * BLOCK));
	window = read_at(source, 2 * BLOCK, 6 * BLOCK);
	assert_int_equal(window->count, 1);
	assert_true(window->extents[0].offset == 2 * BLOCK);
	assert_true(window->extents[0].length == 4 * BLOCK);
	assert_true(window->extents[0].address == ADDRESS + 2 * BLOCK);
	assert_true(window->extents[0].trusted);
	free(window);
	source->free(source);
}

/* More records than a window holds: nothing past its end is called hole. */
static void
test_full(void **state)
{
	const uint64_t limit = 4 * BLOCK * (uint64_t)RECORDS_MAX;
	struct extent_window *window;
	struct map_source *source;
	uint64_t from = 0;
	size_t seen = 0;

	(void)state;
	for (uint64_t i = 0; i < EXTENT_WINDOW_MAX + 5; i++)
		add_record(2 * i * BLOCK, ADDRESS + i * BLOCK, BLOCK,
		    FIEMAP_EXTENT_SHARED);
	source = new_source();
	while (from < limit) {
		window = read_at(source, from, limit);
		for (size_t i = 0; i < window->count; i++, seen++)
			assert_true(window->extents[i].offset ==
			    2 * BLOCK * (uint64_t)seen);
		from = window->to;
		free(window);
	}
	assert_int_equal(seen, EXTENT_WINDOW_MAX + 5);
	source->free(source);
}

/* A map that makes no sense proves nothing. */
static void
test_not_ascending(void **state)
{
	struct map_source *source;
	struct extent_window *window;

	(void)state;
	add_record(0, ADDRESS, 4 * BLOCK, FIEMAP_EXTENT_SHARED);
	add_record(2 * BLOCK, ADDRESS, BLOCK, FIEMAP_EXTENT_SHARED);
	source = new_source();
	window = read_at(source, 0, 8 * BLOCK);
	assert_int_equal(window->count, 1);
	assert_false(window->extents[0].trusted);
	assert_true(window->extents[0].length == 8 * BLOCK);
	free(window);
	source->free(source);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_flags, setup),
		cmocka_unit_test_setup(test_no_address, setup),
		cmocka_unit_test_setup(test_unwritten, setup),
		cmocka_unit_test_setup(test_cut, setup),
		cmocka_unit_test_setup(test_full, setup),
		cmocka_unit_test_setup(test_not_ascending, setup),
	};

	return cmocka_run_group_tests_name("map_fiemap", tests, NULL, NULL);
}
