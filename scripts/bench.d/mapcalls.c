/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mapcalls.c - the calls of the kernel alone that a comparison of two extent
 * maps needs: FIEMAP with FIEMAP_FLAG_SYNC over all of BASE, SNAPSHOT and BASE
 * again, 4096 records a call, nothing done with what they say.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BATCH = 4096 };

static struct fiemap *map;

static void
fail(const char *what)
{
	fprintf(stderr, "mapcalls: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t
walk(const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	const struct fiemap_extent *last = NULL;
	uint64_t records = 0, offset = 0;

	if (fd == -1)
		fail(path);
	do {
		memset(map, 0, sizeof(*map));
		map->fm_start = offset;
		map->fm_length = FIEMAP_MAX_OFFSET - offset;
		map->fm_flags = FIEMAP_FLAG_SYNC;
		map->fm_extent_count = BATCH;
		if (ioctl(fd, FS_IOC_FIEMAP, map) != 0)
			fail(path);
		records += map->fm_mapped_extents;
		if (map->fm_mapped_extents == 0)
			break;
		last = &map->fm_extents[map->fm_mapped_extents - 1];
		offset = last->fe_logical + last->fe_length;
	} while ((last->fe_flags & FIEMAP_EXTENT_LAST) == 0);
	close(fd);
	return records;
}

int
main(int argc, char **argv)
{
	uint64_t base, snapshot;

	if (argc != 3) {
		fprintf(stderr, "usage: mapcalls BASE SNAPSHOT\n");
		return 2;
	}
	map = malloc(sizeof(*map) + BATCH * sizeof(map->fm_extents[0]));
	if (map == NULL)
		fail("memory");
	base = walk(argv[1]);
	snapshot = walk(argv[2]);
	walk(argv[1]);
	printf("%" PRIu64 " %" PRIu64 "\n", base, snapshot);
	free(map);
	return 0;
}
