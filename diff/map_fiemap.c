/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map_fiemap.c - extent maps by FIEMAP.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fsioctl.h"
#include "diff/map_source.h"

/* The only flags that leave an address trustworthy. */
#define TRUSTED_FLAGS (FIEMAP_EXTENT_LAST | FIEMAP_EXTENT_MERGED | \
    FIEMAP_EXTENT_SHARED)

struct map_fiemap {
	struct map_source source;	/* first: it is what others see */
	int fd;
	char *path;
	struct fiemap *map;
};

/*
 * Only a SHARED extent can be one that the other file has too; an address
 * that is equal without it was given away and taken again between two calls.
 */
static bool
is_trusted(const struct fiemap_extent *record)
{
	return (record->fe_flags & ~(uint32_t)TRUSTED_FLAGS) == 0 &&
	    (record->fe_flags & FIEMAP_EXTENT_SHARED) != 0 &&
	    record->fe_physical != 0;
}

/*
 * Take in one record; false if it does not ascend, which no sane map does.
 * btrfs returns whole extents that begin before the start that was asked for.
 */
static bool
take_record(const struct fiemap_extent *record, uint64_t limit,
    struct extent_window *window)
{
	struct extent extent = {
		.offset = record->fe_logical,
		.length = record->fe_length,
		.trusted = is_trusted(record),
		.address = record->fe_physical,
		.flags = record->fe_flags & ~(uint32_t)FIEMAP_EXTENT_LAST,
	};

	if (extent.length == 0 || extent.offset + extent.length < extent.offset)
		return false;
	if (extent.offset + extent.length <= window->from ||
	    extent.offset >= limit)
		return true;
	extent = extent_cut(extent, window->from, limit);
	if (extent.offset < window->to)
		return false;
	window->extents[window->count++] = extent;
	window->to = extent.offset + extent.length;
	return true;
}

static int
read_window(struct map_source *source, uint64_t from, uint64_t limit,
    struct extent_window *window, struct err *err)
{
	struct map_fiemap *fiemap = (struct map_fiemap *)source;
	struct fiemap *map = fiemap->map;
	uint32_t n;

	memset(map, 0, sizeof(*map));
	map->fm_start = from;
	map->fm_length = limit - from;
	map->fm_extent_count = EXTENT_WINDOW_MAX;
	if (fs_fiemap(fiemap->fd, map) != 0)
		return err_sys(err, ERR_FAILED, "cannot map the extents of %s",
		    fiemap->path);
	n = map->fm_mapped_extents;
	window->from = window->to = from;
	window->count = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (!take_record(&map->fm_extents[i], limit, window)) {
			extent_window_opaque(window, from, limit);
			return 0;
		}
	}
	/* Not full: what follows the last record is hole. */
	if (n < EXTENT_WINDOW_MAX ||
	    (map->fm_extents[n - 1].fe_flags & FIEMAP_EXTENT_LAST) != 0)
		window->to = limit;
	if (window->to == from)
		extent_window_opaque(window, from, limit);
	return 0;
}

static void
free_source(struct map_source *source)
{
	struct map_fiemap *fiemap = (struct map_fiemap *)source;

	free(fiemap->map);
	free(fiemap->path);
	free(fiemap);
}

int
map_fiemap_new(int fd, const char *path, struct map_source **source,
    struct err *err)
{
	struct map_fiemap *fiemap = calloc(1, sizeof(*fiemap));
	struct fiemap probe;

	if (fiemap == NULL)
		return err_sys(err, ERR_FAILED, "extent map");
	fiemap->source.read = read_window;
	fiemap->source.free = free_source;
	fiemap->fd = fd;
	fiemap->path = strdup(path);
	fiemap->map = malloc(sizeof(struct fiemap) +
	    EXTENT_WINDOW_MAX * sizeof(struct fiemap_extent));
	if (fiemap->path == NULL || fiemap->map == NULL) {
		free_source(&fiemap->source);
		return err_sys(err, ERR_FAILED, "extent map");
	}
	memset(&probe, 0, sizeof(probe));
	probe.fm_length = 1;
	if (fs_fiemap(fd, &probe) != 0) {
		const int error = errno;

		free_source(&fiemap->source);
		errno = error;
		if (error == EOPNOTSUPP || error == ENOTTY || error == EBADR)
			return 1;
		return err_sys(err, ERR_FAILED, "cannot map the extents of %s",
		    path);
	}
	*source = &fiemap->source;
	return 0;
}
