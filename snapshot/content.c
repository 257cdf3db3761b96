/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * content.c - duplicate the contents of a file, and compare them.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/fsioctl.h"
#include "common/io.h"
#include "snapshot/content.h"

#define COPY_BUFFER_SIZE ((size_t)1 << 20)

int
reflink_mode_parse(const char *word, enum reflink_mode *mode)
{
	if (strcmp(word, "auto") == 0)
		*mode = REFLINK_AUTO;
	else if (strcmp(word, "always") == 0)
		*mode = REFLINK_ALWAYS;
	else if (strcmp(word, "never") == 0)
		*mode = REFLINK_NEVER;
	else
		return -1;
	return 0;
}

int
content_next_data(int fd, uint64_t offset, uint64_t size, uint64_t *start,
    uint64_t *end)
{
	off_t at;

	if (offset >= size)
		return 0;
	at = lseek(fd, (off_t)offset, SEEK_DATA);
	if (at < 0 && errno == ENXIO)
		return 0;
	if (at < 0 && errno == EINVAL) {
		*start = offset;
		*end = size;
		return 1;
	}
	if (at < 0)
		return -1;
	if ((uint64_t)at >= size)
		return 0;
	*start = (uint64_t)at;
	at = lseek(fd, at, SEEK_HOLE);
	if (at < 0)
		return -1;
	*end = bytes_min((uint64_t)at, size);
	return 1;
}

/* Copy bytes start to end. */
static int
copy_range(int src, int dst, uint64_t start, uint64_t end, uint8_t *buffer)
{
	while (start < end) {
		const size_t want = (size_t)bytes_min(end - start,
		    COPY_BUFFER_SIZE);
		const ssize_t n = io_pread(src, buffer, want, start);

		if (n < 0)
			return -1;
		if (n == 0)
			break;
		if (io_pwrite(dst, buffer, (size_t)n, start) != 0)
			return -1;
		start += (uint64_t)n;
	}
	return 0;
}

/* Copy the data of src from from on, up to end, to where dst has a hole. */
static int
copy_data(int src, int dst, uint64_t from, uint64_t end)
{
	uint8_t *buffer = malloc(COPY_BUFFER_SIZE);
	uint64_t start, stop;
	int rc = -1;

	while (buffer != NULL && (rc = content_next_data(src, from, end,
	    &start, &stop)) > 0) {
		rc = copy_range(src, dst, start, stop, buffer);
		if (rc != 0)
			break;
		from = stop;
	}
	free(buffer);
	return rc;
}

static int
copy(int src, int dst, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(src, &st) != 0 || fs_copy_nocow(src, dst) != 0 ||
	    ftruncate(dst, st.st_size) != 0 ||
	    copy_data(src, dst, 0, (uint64_t)st.st_size) != 0)
		return err_sys(err, ERR_FAILED, "cannot copy %s", path);
	return 0;
}

int
content_duplicate(int src, int dst, enum reflink_mode mode, const char *path,
    bool *cloned, struct err *err)
{
	*cloned = false;
	if (mode != REFLINK_NEVER) {
		if (fs_clone(src, dst) == 0) {
			*cloned = true;
			return 0;
		}
		if (!fs_clone_unsupported(errno))
			return err_sys(err, ERR_FAILED, "cannot reflink %s",
			    path);
		if (mode == REFLINK_ALWAYS)
			return err_sys(err, ERR_UNABLE, "cannot reflink %s",
			    path);
	}
	return copy(src, dst, path, err);
}

/*
 * Share what src holds from from on with dst, which ends there.  Whole blocks are
 * shared: the rest of the block that from lies in is copied, and of the last
 * one so much is shared as src has of it.  -1 with errno.
 */
static int
clone_rest(int src, int dst, uint64_t from, uint64_t size, uint64_t src_size)
{
	struct fs_info info;
	uint64_t start, end, block;

	if (fs_info(dst, &info) != 0)
		return -1;
	block = info.block_size;
	start = from + (block - from % block) % block;
	end = bytes_min(size + (block - size % block) % block, src_size);
	if (copy_data(src, dst, from, bytes_min(start, src_size)) != 0)
		return -1;
	return start < end ? fs_clone_range(src, start, end - start, dst,
	    start) : 0;
}

int
content_renew(int src, int dst, uint64_t from, uint64_t size,
    enum reflink_mode mode, const char *path, bool *cloned, struct err *err)
{
	struct stat st = { .st_size = 0 };
	int rc = 0;

	*cloned = false;
	if (ftruncate(dst, (off_t)from) != 0 ||
	    (src >= 0 && fstat(src, &st) != 0))
		return err_sys(err, ERR_FAILED, "cannot renew %s", path);
	if (src >= 0 && mode != REFLINK_NEVER) {
		rc = clone_rest(src, dst, from, size, (uint64_t)st.st_size);
		*cloned = rc == 0;
		if (rc != 0 && mode == REFLINK_ALWAYS &&
		    fs_clone_unsupported(errno))
			return err_sys(err, ERR_UNABLE, "cannot reflink %s",
			    path);
		if (rc != 0 && !fs_clone_unsupported(errno))
			return err_sys(err, ERR_FAILED, "cannot reflink %s",
			    path);
	}
	if (src >= 0 && !*cloned)
		rc = copy_data(src, dst, from, bytes_min(size,
		    (uint64_t)st.st_size));
	if (rc != 0 || ftruncate(dst, (off_t)size) != 0)
		return err_sys(err, ERR_FAILED, "cannot renew %s", path);
	return 0;
}

/* The next piece that is data in either file; as content_next_data(). */
static int
next_data_of_two(int a, int b, uint64_t offset, uint64_t size,
    uint64_t *start, uint64_t *end)
{
	uint64_t other_start, other_end;
	const int found = content_next_data(a, offset, size, start, end);
	const int other = content_next_data(b, offset, size, &other_start,
	    &other_end);

	if (found < 0 || other < 0)
		return -1;
	if (other > 0 && (found == 0 || other_start < *start)) {
		*start = other_start;
		*end = other_end;
	}
	return found > 0 || other > 0;
}

/* Clears *same if bytes start to end differ. */
static int
compare_range(int a, int b, uint64_t start, uint64_t end, uint8_t *buffers,
    bool *same)
{
	uint8_t *const other = buffers + COPY_BUFFER_SIZE;

	while (start < end && *same) {
		const size_t n = (size_t)bytes_min(end - start,
		    COPY_BUFFER_SIZE);

		if (io_pread_zeros(a, buffers, n, start) != 0 ||
		    io_pread_zeros(b, other, n, start) != 0)
			return -1;
		*same = memcmp(buffers, other, n) == 0;
		start += n;
	}
	return 0;
}

int
content_same(int a, int b, const char *path, bool *same, struct err *err)
{
	uint8_t *buffers = malloc(2 * COPY_BUFFER_SIZE);
	uint64_t offset = 0, start, end;
	struct stat st, other;
	int rc;

	if (buffers == NULL || fstat(a, &st) != 0 || fstat(b, &other) != 0) {
		free(buffers);
		return err_sys(err, ERR_FAILED, "cannot compare %s", path);
	}
	*same = st.st_size == other.st_size;
	rc = *same ? 1 : 0;
	while (rc > 0 && (rc = next_data_of_two(a, b, offset,
	    (uint64_t)st.st_size, &start, &end)) > 0) {
		if (compare_range(a, b, start, end, buffers, same) != 0)
			rc = -1;
		else if (!*same)
			rc = 0;
		offset = end;
	}
	free(buffers);
	if (rc != 0)
		return err_sys(err, ERR_FAILED, "cannot compare %s", path);
	return 0;
}
