/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_map_btrfs.c - what the items of btrfs become: trusted extents with all
 * of their key, holes, and what must be read; in place of a file system there
 * is one item.
 */
#include "config.h"

#include <errno.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/fsioctl.h"
#include "common/le.h"
#include "diff/map_source.h"

#define LENGTH 8192u
#define CONTAINER 0x5000000u
#define PART 65536u
#define COMPRESSION_ZSTD 3	/* BTRFS_COMPRESS_ZSTD is not exported */

static struct btrfs_file_extent_item item;
static uint32_t item_length;
static int search_errno;

/* Stands in for common/fsioctl.c: one item, at offset 0. */
int
fs_btrfs_extents(int fd, uint64_t inode, uint64_t offset, void *buffer,
    uint64_t buffer_size, uint32_t *items)
{
	struct btrfs_ioctl_search_header header = {
		.objectid = inode, .type = BTRFS_EXTENT_DATA_KEY,
		.len = item_length,
	};
	uint8_t *p = (uint8_t *)buffer +
	    sizeof(struct btrfs_ioctl_search_args_v2);

	(void)fd;
	assert_true(buffer_size > sizeof(header) + sizeof(item));
	errno = search_errno;
	if (search_errno != 0)
		return -1;
	*items = offset == 0;
	memcpy(p, &header, sizeof(header));
	memcpy(p + sizeof(header), &item, item_length);
	return 0;
}

/* A regular, compressed extent, of which a part is used. */
static int
setup(void **state)
{
	(void)state;
	search_errno = 0;
	memset(&item, 0, sizeof(item));
	item_length = sizeof(item);
	le64_put((uint8_t *)&item.generation, 7);
	le64_put((uint8_t *)&item.ram_bytes, 131072);
	item.compression = COMPRESSION_ZSTD;
	item.type = BTRFS_FILE_EXTENT_REG;
	le64_put((uint8_t *)&item.disk_bytenr, CONTAINER);
	le64_put((uint8_t *)&item.disk_num_bytes, 4096);
	le64_put((uint8_t *)&item.offset, PART);
	le64_put((uint8_t *)&item.num_bytes, LENGTH);
	return 0;
}

/* Map a file of 32 KiB; *extent receives the only one, false if all is hole. */
static bool
map(struct extent *extent)
{
	struct extent_window *window = malloc(sizeof(*window));
	struct map_source *source;
	struct err err = ERR_INIT;
	bool found;

	assert_non_null(window);
	assert_int_equal(map_btrfs_new(STDIN_FILENO, "file", &source, &err),
	    0);
	assert_int_equal(source->read(source, 0, 4 * LENGTH, window, &err), 0);
	assert_true(window->to == 4 * LENGTH);
	assert_true(window->count <= 1);
	found = window->count == 1;
	if (found)
		*extent = window->extents[0];
	free(window);
	source->free(source);
	return found;
}

static void
test_regular(void **state)
{
	struct extent extent;

	(void)state;
	assert_true(map(&extent));
	assert_true(extent.trusted);
	assert_true(extent.offset == 0 && extent.length == LENGTH);
	assert_true(extent.address == CONTAINER + PART);
	assert_true(extent.key.container == CONTAINER);
	assert_true(extent.key.ram_bytes == 131072);
	assert_true(extent.key.generation == 7);
	assert_true(extent.key.compression == COMPRESSION_ZSTD);
}

static void
test_hole(void **state)
{
	struct extent extent;

	(void)state;
	le64_put((uint8_t *)&item.disk_bytenr, 0);
	assert_false(map(&extent));
}

/* Neither trusted nor hole. */
static void
test_not_trusted(void **state)
{
	struct extent extent;

	(void)state;
	item.type = BTRFS_FILE_EXTENT_PREALLOC;
	assert_true(map(&extent));
	assert_false(extent.trusted);
	setup(NULL);
	item.type = BTRFS_FILE_EXTENT_INLINE;
	assert_true(map(&extent));
	assert_false(extent.trusted);
	setup(NULL);
	item.type = 3;
	assert_true(map(&extent));
	assert_false(extent.trusted);
	setup(NULL);
	item.encryption = 1;
	assert_true(map(&extent));
	assert_false(extent.trusted);
	setup(NULL);
	le16_put((uint8_t *)&item.other_encoding, 1);
	assert_true(map(&extent));
	assert_false(extent.trusted);
}

/* Items that make no sense: everything is read. */
static void
test_malformed(void **state)
{
	struct extent extent;

	(void)state;
	item_length = sizeof(item) - 1;
	assert_true(map(&extent));
	assert_false(extent.trusted);
	assert_true(extent.length == 4 * LENGTH);
	setup(NULL);
	le64_put((uint8_t *)&item.num_bytes, 0);
	assert_true(map(&extent));
	assert_false(extent.trusted);
	assert_true(extent.length == 4 * LENGTH);
	setup(NULL);
	item_length = 3;
	assert_true(map(&extent));
	assert_true(extent.length == 4 * LENGTH);
}

/* Who may not search gets no source, and no error. */
static void
test_not_permitted(void **state)
{
	struct map_source *source;
	struct err err = ERR_INIT;

	(void)state;
	search_errno = EPERM;
	assert_int_equal(map_btrfs_new(STDIN_FILENO, "file", &source, &err),
	    1);
	search_errno = EIO;
	assert_int_equal(map_btrfs_new(STDIN_FILENO, "file", &source, &err),
	    -ERR_FAILED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_regular, setup),
		cmocka_unit_test_setup(test_hole, setup),
		cmocka_unit_test_setup(test_not_trusted, setup),
		cmocka_unit_test_setup(test_malformed, setup),
		cmocka_unit_test_setup(test_not_permitted, setup),
	};

	return cmocka_run_group_tests_name("map_btrfs", tests, NULL, NULL);
}
