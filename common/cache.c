/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cache.c - tell the kernel what will be read, and leave the page cache as it was
 * found.
 */
#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cache.h"

/* include/uapi/asm-generic/unistd.h and linux/mman.h, which may be older. */
#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

#define SPAN_MAX ((uint64_t)1 << 20)	/* of one request to read ahead */

struct cachestat_range_arg {
	uint64_t offset;
	uint64_t length;	/* 0: to the end */
};

struct cachestat_result {
	uint64_t cached;	/* pages */
	uint64_t dirty;
	uint64_t writeback;
	uint64_t evicted;
	uint64_t recently_evicted;
};

bool
cache_is_cold(int fd)
{
	struct cachestat_range_arg range = { 0, 0 };
	struct cachestat_result result;

	memset(&result, 0, sizeof(result));
	return syscall(SYS_cachestat, fd, &range, &result, 0) != 0 ||
	    result.cached == 0;
}

void
cache_ahead_flush(struct cache_ahead *ahead)
{
	if (ahead->fd >= 0 && ahead->end > ahead->start)
		posix_fadvise(ahead->fd, (off_t)ahead->start,
		    (off_t)(ahead->end - ahead->start), POSIX_FADV_WILLNEED);
	ahead->start = ahead->end;
}

void
cache_ahead_add(struct cache_ahead *ahead, uint64_t offset, uint64_t length)
{
	const bool close = ahead->end > ahead->start &&
	    offset >= ahead->end && offset - ahead->end <= CACHE_GAP &&
	    offset + length - ahead->start <= SPAN_MAX;

	if (!close) {
		cache_ahead_flush(ahead);
		ahead->start = offset;
	}
	ahead->end = offset + length;
}

void
cache_drop(int fd, uint64_t offset, uint64_t length)
{
	posix_fadvise(fd, (off_t)offset, (off_t)length, POSIX_FADV_DONTNEED);
}

void
cache_write_back(int fd, uint64_t offset, uint64_t length)
{
	sync_file_range(fd, (off_t)offset, (off_t)length,
	    SYNC_FILE_RANGE_WRITE);
}
