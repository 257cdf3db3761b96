/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * io.h - read and write whole buffers: interrupted calls, short counts and
 * descriptors that somebody made non-blocking end here.
 *
 * All return -1 with errno set on failure.  Buffers are the caller's.
 */
#ifndef COMMON_IO_H
#define COMMON_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Read up to size bytes; fewer only at the end of the file. */
ssize_t io_read(int fd, void *data, size_t size);

/* Write all size bytes. Returns 0. */
int io_write(int fd, const void *data, size_t size);

/* Read up to size bytes at offset; fewer only at the end of the file. */
ssize_t io_pread(int fd, void *data, size_t size, uint64_t offset);

/* Write all size bytes at offset. Returns 0. */
int io_pwrite(int fd, const void *data, size_t size, uint64_t offset);

/* Read size bytes at offset; what lies past the end of the file is zeros. */
int io_pread_zeros(int fd, void *data, size_t size, uint64_t offset);

/*
 * Let each later write to an open file move its mtime. Returns 0.
 *
 * Memory that is mapped (mmap(2)) and dirty takes writes without a trace; what
 * is synced does not.  Where there is nothing to sync, this does nothing.
 */
int io_sync_mapped(int fd);

/*
 * Make the names in an open directory durable. Returns 0.
 *
 * Not fsync(2) alone: of a directory on an XFS that has shut down after an
 * error, it says 0 and has written nothing.
 */
int io_sync_directory(int fd);

/*
 * The same for the directory in which the path of a file lies, if it may be
 * read.
 */
int io_sync_parent(const char *path);

#endif
