/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * io.c - read and write whole buffers.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"

/*
 * Is the failure of a call on fd none, so that the call is made again?  Another
 * process that shares a pipe or terminal may have made it non-blocking: then
 * this waits until it is ready.
 */
static bool
try_again(int fd, short events)
{
	struct pollfd wait = { .fd = fd, .events = events };

	if (errno == EINTR)
		return true;
	if (errno != EAGAIN)
		return false;
	return poll(&wait, 1, -1) >= 0 || errno == EINTR;
}

ssize_t
io_read(int fd, void *data, size_t size)
{
	uint8_t *p = data;
	size_t done = 0;

	while (done < size) {
		const ssize_t n = read(fd, p + done, size - done);

		if (n == 0)
			break;
		if (n > 0)
			done += (size_t)n;
		else if (!try_again(fd, POLLIN))
			return -1;
	}
	return (ssize_t)done;
}

int
io_write(int fd, const void *data, size_t size)
{
	const uint8_t *p = data;

	while (size > 0) {
		const ssize_t n = write(fd, p, size);

		if (n >= 0) {
			p += n;
			size -= (size_t)n;
		} else if (!try_again(fd, POLLOUT)) {
			return -1;
		}
	}
	return 0;
}

ssize_t
io_pread(int fd, void *data, size_t size, uint64_t offset)
{
	uint8_t *p = data;
	size_t done = 0;

	while (done < size) {
		const ssize_t n = pread(fd, p + done, size - done,
		    (off_t)(offset + done));

		if (n == 0)
			break;
		if (n > 0)
			done += (size_t)n;
		else if (errno != EINTR)
			return -1;
	}
	return (ssize_t)done;
}

int
io_pwrite(int fd, const void *data, size_t size, uint64_t offset)
{
	const uint8_t *p = data;

	while (size > 0) {
		const ssize_t n = pwrite(fd, p, size, (off_t)offset);

		if (n >= 0) {
			p += n;
			size -= (size_t)n;
			offset += (uint64_t)n;
		} else if (errno != EINTR) {
			return -1;
		}
	}
	return 0;
}

int
io_pread_zeros(int fd, void *data, size_t size, uint64_t offset)
{
	const ssize_t n = io_pread(fd, data, size, offset);

	if (n < 0)
		return -1;
	memset((uint8_t *)data + n, 0, size - (size_t)n);
	return 0;
}

int
io_sync_mapped(int fd)
{
	if (fsync(fd) == 0 || errno == EINVAL || errno == EROFS)
		return 0;
	return -1;
}

int
io_sync_directory(int fd)
{
	int again;

	if (fsync(fd) != 0)
		return -1;
	/* EIO if the file system has shut down by now. */
	again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (again < 0)
		return -1;
	close(again);
	return 0;
}

int
io_sync_parent(const char *path)
{
	char *copy = strdup(path);
	int fd, rc, error;

	if (copy == NULL)
		return -1;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = fd < 0 ? -(errno != EACCES) : io_sync_directory(fd);
	error = errno;
	if (fd >= 0)
		close(fd);
	free(copy);
	errno = error;
	return rc;
}
