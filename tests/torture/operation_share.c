/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * operation_share.c - operations that share blocks, and where operations
 * happen.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "tests/torture/operation_share.h"

#define COMPRESSED_EXTENT 131072u	/* of btrfs, at most */
#define REFUSED 1

static uint64_t
size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

uint64_t
workpiece_size(const struct workpiece *w)
{
	return size_of(w->fd);
}

struct span
span_below(struct workpiece *w, uint64_t end)
{
	/* Few operations touch a large part of the file. */
	const uint64_t most = end > 65536 ? end / 4 : end;
	struct span span = { 0, 0 };

	if (end == 0)
		return span;
	span.length = chance_size(&w->chance, most);
	span.offset = chance_below(&w->chance, end);
	if (chance_percent(&w->chance, 50))
		span.offset -= span.offset % w->block;
	if (chance_percent(&w->chance, 50))
		span.length += w->block - span.length % w->block;
	if (span.length > end - span.offset)
		span.length = end - span.offset;
	return span;
}

struct span
span_of_blocks(struct workpiece *w, uint64_t end)
{
	struct span span = span_below(w, end);
	const uint64_t last = span.offset + span.length;

	span.offset -= span.offset % w->block;
	span.length = (last - span.offset) / w->block * w->block;
	return span;
}

/* Open a random snapshot; -1 with errno 0 if there is none. */
static int
open_cut(struct workpiece *w)
{
	size_t cut;

	errno = 0;
	if (w->cut_count == 0)
		return -1;
	/* Most often a recent one. */
	cut = w->cut_count - 1 - chance_below(&w->chance,
	    chance_percent(&w->chance, 60) && w->cut_count > 2 ? 2 :
	    w->cut_count);
	return open(w->cuts[cut], O_RDONLY | O_CLOEXEC);
}

/* What an operation returns that could not open a snapshot. */
static int
no_cut(void)
{
	return errno == 0 ? REFUSED : -1;
}

static void
close_kept_errno(int fd)
{
	const int error = errno;

	close(fd);
	errno = error;
}

static int
clone_range(int from, struct span span, int to, uint64_t offset)
{
	struct file_clone_range range = {
		.src_fd = from,
		.src_offset = span.offset,
		.src_length = span.length,
		.dest_offset = offset,
	};

	if (span.length == 0)
		return REFUSED;
	return ioctl(to, FICLONERANGE, &range);
}

int
share_unshare(struct workpiece *w)
{
	const struct span span = span_below(w, workpiece_size(w));

	if (span.length == 0)
		return REFUSED;
	return fallocate(w->fd, FALLOC_FL_UNSHARE_RANGE, (off_t)span.offset,
	    (off_t)span.length);
}

int
share_copy_back(struct workpiece *w)
{
	const int cut = open_cut(w);
	struct span span;
	ssize_t length;
	int rc = -1;

	if (cut < 0)
		return no_cut();
	span = span_below(w, size_of(cut));
	length = io_pread(cut, w->buffer, (size_t)span.length, span.offset);
	if (length >= 0)
		rc = io_pwrite(w->fd, w->buffer, (size_t)length, span.offset);
	close_kept_errno(cut);
	return rc;
}

int
share_clone_self(struct workpiece *w)
{
	struct span span = span_of_blocks(w, workpiece_size(w));
	uint64_t to = chance_below(&w->chance, w->limit);

	to -= to % w->block;
	if (span.length > w->limit - to)
		span.length = (w->limit - to) / w->block * w->block;
	if (to < span.offset + span.length && span.offset < to + span.length)
		return REFUSED;
	return clone_range(w->fd, span, w->fd, to);
}

int
share_clone_other(struct workpiece *w)
{
	struct span span = span_below(w, w->limit);
	uint64_t to = chance_below(&w->chance, w->limit);

	if (chance_percent(&w->chance, 40) || size_of(w->other) == 0) {
		filler_fill(&w->filler, w->buffer, (size_t)span.length);
		if (io_pwrite(w->other, w->buffer, (size_t)span.length,
		    span.offset) != 0)
			return -1;
	}
	span = span_of_blocks(w, size_of(w->other));
	to = chance_percent(&w->chance, 50) ? span.offset : to - to % w->block;
	if (span.length > w->limit - to)
		span.length = (w->limit - to) / w->block * w->block;
	return clone_range(w->other, span, w->fd, to);
}

int
share_clone_cut(struct workpiece *w)
{
	const int cut = open_cut(w);
	struct span span;
	int rc;

	if (cut < 0)
		return no_cut();
	span = span_of_blocks(w, size_of(cut));
	rc = clone_range(cut, span, w->fd, span.offset);
	close_kept_errno(cut);
	return rc;
}

int
share_clone_nearby(struct workpiece *w)
{
	const int cut = open_cut(w);
	const uint64_t blocks = COMPRESSED_EXTENT / w->block;
	struct span span = { 0, w->block };
	uint64_t extent, to;
	int rc = REFUSED;

	if (cut < 0)
		return no_cut();
	extent = chance_below(&w->chance, size_of(cut) / COMPRESSED_EXTENT +
	    1) * COMPRESSED_EXTENT;
	span.offset = extent + chance_below(&w->chance, blocks) * w->block;
	to = extent + chance_below(&w->chance, blocks) * w->block;
	if (span.offset + span.length <= size_of(cut) &&
	    to + span.length <= w->limit)
		rc = clone_range(cut, span, w->fd, to);
	close_kept_errno(cut);
	return rc;
}

int
share_clone_whole(struct workpiece *w)
{
	const int cut = open_cut(w);
	uint64_t size;
	int rc = 0;

	if (cut < 0)
		return no_cut();
	/* The end of a clone may lie inside no longer file. */
	size = size_of(cut);
	if (chance_percent(&w->chance, 50))
		rc = ftruncate(w->fd, 0);
	else if (size < workpiece_size(w))
		rc = ftruncate(w->fd, (off_t)size);
	if (rc == 0 && size > 0)
		rc = ioctl(w->fd, FICLONE, cut);
	close_kept_errno(cut);
	return rc;
}

int
share_equal(int from, struct span span, int to)
{
	union {
		struct file_dedupe_range range;
		uint8_t room[sizeof(struct file_dedupe_range) +
		    sizeof(struct file_dedupe_range_info)];
	} u;

	memset(&u, 0, sizeof(u));
	u.range.src_offset = span.offset;
	u.range.src_length = span.length;
	u.range.dest_count = 1;
	u.range.info[0].dest_fd = to;
	u.range.info[0].dest_offset = span.offset;
	if (ioctl(from, FIDEDUPERANGE, &u) != 0)
		return -1;
	if (u.range.info[0].status < 0) {
		errno = -u.range.info[0].status;
		return -1;
	}
	return u.range.info[0].status == FILE_DEDUPE_RANGE_SAME ? 0 : REFUSED;
}

int
share_dedupe(struct workpiece *w)
{
	const int cut = open_cut(w);
	uint64_t size;
	struct span span;
	int rc = REFUSED;

	if (cut < 0)
		return no_cut();
	size = workpiece_size(w) < size_of(cut) ? workpiece_size(w) :
	    size_of(cut);
	span = span_of_blocks(w, size);
	if (span.length > w->block && chance_percent(&w->chance, 50))
		span.length = w->block;
	if (span.length > 0 && chance_percent(&w->chance, 50))
		rc = share_equal(cut, span, w->fd);
	else if (span.length > 0)
		rc = share_equal(w->fd, span, cut);
	close_kept_errno(cut);
	return rc;
}
