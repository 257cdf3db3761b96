/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ranges.c - the least that any tool must do to the changed ranges of a file,
 * as the reference that scripts/bench compares with.
 *
 *	ranges read FILE LIST		write them to standard output
 *	ranges copy FROM TO LIST	copy them into an existing file
 *	ranges receive BASE NEW DATA LIST
 *					make NEW from a clone of BASE, and
 *					write into it what read once wrote
 *
 * LIST has an offset and a length a line, ascending, as refdiff prints them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER_SIZE = 1 << 20 };

struct range {
	uint64_t offset;
	uint64_t length;
};

struct list {
	size_t count;
	struct range *ranges;
};

static uint8_t buffer[BUFFER_SIZE];

static void
fail(const char *what)
{
	fprintf(stderr, "ranges: %s: %s\n", what,
	    errno != 0 ? strerror(errno) : "too short");
	exit(1);
}

static int
open_file(const char *path, int flags)
{
	const int fd = open(path, flags | O_CLOEXEC, 0666);

	if (fd == -1)
		fail(path);
	return fd;
}

static struct list
read_list(const char *path)
{
	FILE *const file = fopen(path, "re");
	struct list list = { 0 };
	size_t capacity = 0;
	struct range range;

	if (file == NULL)
		fail(path);
	while (fscanf(file, "%" SCNu64 "%" SCNu64, &range.offset,
	    &range.length) == 2) {
		if (list.count == capacity) {
			capacity = capacity * 2 + 1024;
			list.ranges = realloc(list.ranges,
			    capacity * sizeof(range));
			if (list.ranges == NULL)
				fail(path);
		}
		list.ranges[list.count++] = range;
	}
	fclose(file);
	return list;
}

static void
write_all(int fd, const uint8_t *bytes, size_t length)
{
	while (length > 0) {
		const ssize_t n = write(fd, bytes, length);

		if (n <= 0)
			fail("write");
		bytes += n;
		length -= (size_t)n;
	}
}

/* Beyond the end of the file there is nothing to read. */
static void
read_ranges(int fd, const struct list *list)
{
	size_t filled = 0;

	for (size_t i = 0; i < list->count; i++) {
		uint64_t offset = list->ranges[i].offset;
		uint64_t left = list->ranges[i].length;

		while (left > 0) {
			const size_t room = BUFFER_SIZE - filled;
			const ssize_t n = pread(fd, buffer + filled,
			    left < room ? left : room, (off_t)offset);

			if (n == -1)
				fail("read");
			if (n == 0)
				break;
			filled += (size_t)n;
			offset += (uint64_t)n;
			left -= (uint64_t)n;
			if (filled == BUFFER_SIZE) {
				write_all(STDOUT_FILENO, buffer, filled);
				filled = 0;
			}
		}
	}
	write_all(STDOUT_FILENO, buffer, filled);
}

/* The ranges of one file are the bytes of the other, one after the other. */
static void
write_ranges(int data, int fd, const struct list *list)
{
	size_t filled = 0, at = 0;

	for (size_t i = 0; i < list->count; i++) {
		uint64_t offset = list->ranges[i].offset;
		uint64_t left = list->ranges[i].length;

		while (left > 0) {
			ssize_t n;

			if (at == filled) {
				n = read(data, buffer, BUFFER_SIZE);
				errno = n == 0 ? 0 : errno;
				if (n <= 0)
					fail("data");
				filled = (size_t)n;
				at = 0;
			}
			n = pwrite(fd, buffer + at, left < filled - at ?
			    left : filled - at, (off_t)offset);
			if (n <= 0)
				fail("write");
			at += (size_t)n;
			offset += (uint64_t)n;
			left -= (uint64_t)n;
		}
	}
}

static void
copy_ranges(int from, int to, const struct list *list)
{
	struct stat status;

	for (size_t i = 0; i < list->count; i++) {
		off_t in = (off_t)list->ranges[i].offset, out = in;
		uint64_t left = list->ranges[i].length;

		while (left > 0) {
			const ssize_t n = pread(from, buffer, left <
			    BUFFER_SIZE ? left : BUFFER_SIZE, in);

			if (n == -1)
				fail("read");
			if (n == 0)
				break;
			if (pwrite(to, buffer, (size_t)n, out) != n)
				fail("write");
			in += n;
			out += n;
			left -= (uint64_t)n;
		}
	}
	if (fstat(from, &status) != 0 || ftruncate(to, status.st_size) != 0)
		fail("truncate");
}

/* CoW in single blocks; other file systems than XFS have no such setting. */
static void
set_cow_extent_size(int fd)
{
	struct fsxattr attributes;
	struct stat status;

	if (fstat(fd, &status) != 0 ||
	    ioctl(fd, FS_IOC_FSGETXATTR, &attributes) != 0)
		return;
	attributes.fsx_xflags |= FS_XFLAG_COWEXTSIZE;
	attributes.fsx_cowextsize = (uint32_t)status.st_blksize;
	if (ioctl(fd, FS_IOC_FSSETXATTR, &attributes) != 0)
		fprintf(stderr, "ranges: no CoW extent size here\n");
}

static void
receive(const char *base, const char *new, const char *data,
    const struct list *list)
{
	const int fd = open_file(new, O_RDWR | O_CREAT | O_EXCL);

	if (ioctl(fd, FICLONE, open_file(base, O_RDONLY)) != 0)
		fail(base);
	set_cow_extent_size(fd);
	write_ranges(open_file(data, O_RDONLY), fd, list);
	if (fsync(fd) != 0)
		fail("fsync");
}

int
main(int argc, char **argv)
{
	struct list list;

	if (argc < 4) {
		fprintf(stderr, "usage: ranges read|copy|receive FILE...\n");
		return 2;
	}
	list = read_list(argv[argc - 1]);
	if (strcmp(argv[1], "read") == 0 && argc == 4)
		read_ranges(open_file(argv[2], O_RDONLY), &list);
	else if (strcmp(argv[1], "copy") == 0 && argc == 5)
		copy_ranges(open_file(argv[2], O_RDONLY),
		    open_file(argv[3], O_RDWR), &list);
	else if (strcmp(argv[1], "receive") == 0 && argc == 6)
		receive(argv[2], argv[3], argv[4], &list);
	else
		return 2;
	free(list.ranges);
	return 0;
}
