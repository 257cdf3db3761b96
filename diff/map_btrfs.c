/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map_btrfs.c - extent maps from the file extent items of btrfs.
 *
 * FIEMAP reports a compressed extent by the start of the whole, whatever part
 * of it a file uses, and may merge two; the items tell disk address, offset,
 * length, compression and generation.
 */
#include "config.h"

#include <errno.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fsioctl.h"
#include "common/le.h"
#include "diff/map_source.h"

#define BUFFER_SIZE ((uint64_t)1 << 18)

struct map_btrfs {
	struct map_source source;	/* first: it is what others see */
	int fd;
	uint64_t inode;
	char *path;
	uint8_t *buffer;
	/* Where the items of the last window begin: a search finds no item
	 * that begins before its start, so a window must start at one. */
	uint64_t *starts;
	size_t start_count;
	uint64_t from, to;	/* that window */
	uint64_t begin;		/* where it was searched from */
};

/* Where to search so that the item that covers from is found. */
static uint64_t
search_start(const struct map_btrfs *btrfs, uint64_t from)
{
	uint64_t start = btrfs->begin;

	if (from < btrfs->from || from > btrfs->to)
		return from;
	for (size_t i = 0; i < btrfs->start_count; i++) {
		if (btrfs->starts[i] <= from)
			start = btrfs->starts[i];
	}
	return start;
}

/* The extent of an item; 1 if it is a hole, -1 if it cannot be understood. */
static int
decode_item(uint64_t offset, const uint8_t *data, uint32_t length,
    struct extent *extent)
{
	struct btrfs_file_extent_item item;
	uint64_t bytenr;

	memset(extent, 0, sizeof(*extent));
	extent->offset = offset;
	if (length < offsetof(struct btrfs_file_extent_item, disk_bytenr))
		return -1;
	memset(&item, 0, sizeof(item));
	memcpy(&item, data, length < sizeof(item) ? length : sizeof(item));
	extent->flags = item.type;
	if (item.type == BTRFS_FILE_EXTENT_INLINE) {
		extent->length = le64_get((const uint8_t *)&item.ram_bytes);
		return 0;
	}
	if (length < sizeof(item))
		return -1;
	extent->length = le64_get((const uint8_t *)&item.num_bytes);
	bytenr = le64_get((const uint8_t *)&item.disk_bytenr);
	if (item.type == BTRFS_FILE_EXTENT_REG && bytenr == 0)
		return 1;
	extent->trusted = item.type == BTRFS_FILE_EXTENT_REG &&
	    item.encryption == 0 && item.other_encoding == 0;
	extent->address = bytenr + le64_get((const uint8_t *)&item.offset);
	extent->key.container = bytenr;
	extent->key.ram_bytes = le64_get((const uint8_t *)&item.ram_bytes);
	extent->key.generation = le64_get((const uint8_t *)&item.generation);
	extent->key.compression = item.compression;
	return 0;
}

/*
 * Take in one item. Returns 0, 1 if the window is full, -1 if the items make
 * no sense.
 */
static int
take_item(struct map_btrfs *btrfs, uint64_t offset, const uint8_t *data,
    uint32_t length, uint64_t limit, struct extent_window *window)
{
	struct extent extent;
	const int kind = decode_item(offset, data, length, &extent);

	if (kind < 0 || extent.length == 0 ||
	    extent.offset + extent.length < extent.offset)
		return -1;
	if (kind > 0 || extent.offset + extent.length <= window->from ||
	    extent.offset >= limit)
		return 0;
	if (window->count == EXTENT_WINDOW_MAX)
		return 1;
	btrfs->starts[btrfs->start_count++] = extent.offset;
	extent = extent_cut(extent, window->from, limit);
	if (extent.offset < window->to)
		return -1;
	window->extents[window->count++] = extent;
	window->to = extent.offset + extent.length;
	return 0;
}

/*
 * Take in the items of one search. *next receives where the next search
 * starts.  Returns as take_item() does.
 */
static int
take_items(struct map_btrfs *btrfs, uint32_t items, uint64_t limit,
    struct extent_window *window, uint64_t *next)
{
	const uint8_t *p = btrfs->buffer +
	    sizeof(struct btrfs_ioctl_search_args_v2);

	for (uint32_t i = 0; i < items; i++) {
		struct btrfs_ioctl_search_header header;
		int rc;

		memcpy(&header, p, sizeof(header));
		p += sizeof(header);
		rc = take_item(btrfs, header.offset, p, header.len, limit,
		    window);
		if (rc != 0)
			return rc;
		*next = header.offset + 1;
		p += header.len;
	}
	return 0;
}

static int
read_window(struct map_source *source, uint64_t from, uint64_t limit,
    struct extent_window *window, struct err *err)
{
	struct map_btrfs *btrfs = (struct map_btrfs *)source;
	const uint64_t begin = search_start(btrfs, from);
	uint64_t next = begin;
	uint32_t items;
	int rc = 0;

	window->from = window->to = from;
	window->count = 0;
	btrfs->start_count = 0;
	do {
		if (fs_btrfs_extents(btrfs->fd, btrfs->inode, next,
		    btrfs->buffer, BUFFER_SIZE, &items) != 0)
			return err_sys(err, ERR_FAILED,
			    "cannot search the extents of %s", btrfs->path);
		rc = take_items(btrfs, items, limit, window, &next);
	} while (rc == 0 && items > 0 && next < limit);
	if (rc < 0)
		extent_window_opaque(window, from, limit);
	else if (rc == 0)
		window->to = limit;
	btrfs->begin = begin;
	btrfs->from = from;
	btrfs->to = window->to;
	return 0;
}

static void
free_source(struct map_source *source)
{
	struct map_btrfs *btrfs = (struct map_btrfs *)source;

	free(btrfs->starts);
	free(btrfs->buffer);
	free(btrfs->path);
	free(btrfs);
}

int
map_btrfs_new(int fd, const char *path, struct map_source **source,
    struct err *err)
{
	struct map_btrfs *btrfs = calloc(1, sizeof(*btrfs));
	struct stat st;
	uint32_t items;

	if (btrfs == NULL)
		return err_sys(err, ERR_FAILED, "extent map");
	btrfs->source.read = read_window;
	btrfs->source.free = free_source;
	btrfs->fd = fd;
	btrfs->path = strdup(path);
	btrfs->buffer = malloc(BUFFER_SIZE);
	btrfs->starts = calloc(EXTENT_WINDOW_MAX, sizeof(*btrfs->starts));
	if (btrfs->path == NULL || btrfs->buffer == NULL ||
	    btrfs->starts == NULL || fstat(fd, &st) != 0) {
		free_source(&btrfs->source);
		return err_sys(err, ERR_FAILED, "extent map");
	}
	btrfs->inode = st.st_ino;
	if (fs_btrfs_extents(fd, btrfs->inode, 0, btrfs->buffer, BUFFER_SIZE,
	    &items) != 0) {
		const int error = errno;

		free_source(&btrfs->source);
		errno = error;
		if (error == EPERM || error == ENOTTY || error == EOPNOTSUPP)
			return 1;
		return err_sys(err, ERR_FAILED,
		    "cannot search the extents of %s", path);
	}
	*source = &btrfs->source;
	return 0;
}
