/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * operation.c - choose an operation and do it; those that share blocks are in
 * operation_share.c.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "tests/torture/operation.h"
#include "tests/torture/operation_share.h"

#define PAGE 4096u

/* Returned by operations beside 0 and -1 with errno. */
#define REFUSED 1

/* Overwrite or add a range with new content, through the given descriptor. */
static int
put(struct workpiece *w, int fd, struct span span)
{
	if (span.length == 0)
		return REFUSED;
	filler_fill(&w->filler, w->buffer, (size_t)span.length);
	return io_pwrite(fd, w->buffer, (size_t)span.length, span.offset);
}

static int
do_write(struct workpiece *w)
{
	return put(w, w->fd, span_below(w, w->limit));
}

static int
do_overwrite(struct workpiece *w)
{
	return put(w, w->fd, span_below(w, workpiece_size(w)));
}

static int
do_append(struct workpiece *w)
{
	const uint64_t size = workpiece_size(w);

	if (size == w->limit)
		return REFUSED;
	return put(w, w->fd, (struct span){ size,
	    chance_size(&w->chance, w->limit - size) });
}

static int
do_small_writes(struct workpiece *w)
{
	const uint64_t size = workpiece_size(w);
	const uint64_t stride = w->block * (1 + chance_below(&w->chance, 4));
	unsigned count = 1 + (unsigned)chance_below(&w->chance, 48);
	uint64_t offset = chance_below(&w->chance, size + 1);

	if (chance_percent(&w->chance, 80))
		offset -= offset % w->block;
	for (; count > 0 && offset + w->block <= size; count--) {
		if (put(w, w->fd, (struct span){ offset, w->block }) != 0)
			return -1;
		offset += stride;
	}
	return 0;
}

static int
do_write_zeros(struct workpiece *w)
{
	const struct span span = span_below(w, w->limit);

	memset(w->buffer, 0, (size_t)span.length);
	return io_pwrite(w->fd, w->buffer, (size_t)span.length, span.offset);
}

static int
do_direct_write(struct workpiece *w)
{
	struct span span = span_below(w, w->limit - PAGE);

	if (w->direct < 0)
		return REFUSED;
	span.offset -= span.offset % PAGE;
	span.length = (span.length + PAGE - 1) / PAGE * PAGE;
	if (span.offset + span.length > w->limit)
		span.length -= PAGE;
	return put(w, w->direct, span);
}

static int
do_mmap_store(struct workpiece *w)
{
	const struct span span = span_below(w, workpiece_size(w));
	const uint64_t start = span.offset - span.offset % PAGE;
	const size_t length = (size_t)(span.offset + span.length - start);
	uint8_t *map;
	int rc = 0;

	if (span.length == 0)
		return REFUSED;
	map = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, w->fd,
	    (off_t)start);
	if (map == MAP_FAILED)
		return -1;
	filler_fill(&w->filler, map + (span.offset - start),
	    (size_t)span.length);
	if (chance_percent(&w->chance, 30))
		rc = msync(map, length, MS_SYNC);
	munmap(map, length);
	return rc;
}

static int
do_extend(struct workpiece *w)
{
	const uint64_t size = workpiece_size(w);

	if (size == w->limit)
		return REFUSED;
	return ftruncate(w->fd, (off_t)(size +
	    chance_size(&w->chance, w->limit - size)));
}

static int
do_shrink(struct workpiece *w)
{
	const uint64_t size = workpiece_size(w);
	uint64_t to;

	if (size == 0)
		return REFUSED;
	/* Most often by a little, so that files are not small all the time. */
	to = size - chance_size(&w->chance, size);
	if (chance_percent(&w->chance, 30))
		to -= to % w->block;
	return ftruncate(w->fd, (off_t)to);
}

static int
do_fallocate(struct workpiece *w)
{
	const struct span span = span_below(w, w->limit);

	return fallocate(w->fd, chance_percent(&w->chance, 40) ?
	    FALLOC_FL_KEEP_SIZE : 0, (off_t)span.offset, (off_t)span.length);
}

/* Write where blocks are allocated and hold nothing yet. */
static int
do_write_allocated(struct workpiece *w)
{
	const struct span span = span_below(w, w->limit);
	struct span part = span;

	if (fallocate(w->fd, 0, (off_t)span.offset, (off_t)span.length) != 0)
		return -1;
	part.offset += chance_below(&w->chance, span.length);
	part.length = 1 + chance_below(&w->chance,
	    span.offset + span.length - part.offset);
	if (chance_percent(&w->chance, 30) && fsync(w->fd) != 0)
		return -1;
	return put(w, w->fd, part);
}

static int
do_zero_range(struct workpiece *w)
{
	const struct span span = span_below(w, w->limit);

	return fallocate(w->fd, FALLOC_FL_ZERO_RANGE |
	    (chance_percent(&w->chance, 40) ? FALLOC_FL_KEEP_SIZE : 0),
	    (off_t)span.offset, (off_t)span.length);
}

static int
do_punch(struct workpiece *w)
{
	const struct span span = span_below(w, workpiece_size(w));

	if (span.length == 0)
		return REFUSED;
	return fallocate(w->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	    (off_t)span.offset, (off_t)span.length);
}

static int
do_collapse(struct workpiece *w)
{
	const struct span span = span_of_blocks(w, workpiece_size(w));

	if (span.length == 0 ||
	    span.offset + span.length >= workpiece_size(w))
		return REFUSED;
	return fallocate(w->fd, FALLOC_FL_COLLAPSE_RANGE, (off_t)span.offset,
	    (off_t)span.length);
}

static int
do_insert(struct workpiece *w)
{
	const uint64_t size = workpiece_size(w);
	const struct span span = span_of_blocks(w, size);

	if (span.length == 0 || span.length > w->limit - size)
		return REFUSED;
	return fallocate(w->fd, FALLOC_FL_INSERT_RANGE, (off_t)span.offset,
	    (off_t)span.length);
}

static int
do_sync(struct workpiece *w)
{
	return chance_percent(&w->chance, 50) ? fsync(w->fd) :
	    fdatasync(w->fd);
}

static const struct {
	const char *name;
	int (*call)(struct workpiece *w);
	unsigned weight;
	bool preallocates;
} kinds[OPERATION_KINDS] = {
	{ "write", do_write, 7, false },
	{ "overwrite", do_overwrite, 7, false },
	{ "append", do_append, 6, false },
	{ "small writes", do_small_writes, 5, false },
	{ "write zeros", do_write_zeros, 4, false },
	{ "O_DIRECT write", do_direct_write, 4, false },
	{ "mmap store", do_mmap_store, 5, false },
	{ "extend", do_extend, 3, false },
	{ "shrink", do_shrink, 6, false },
	{ "fallocate", do_fallocate, 6, true },
	{ "write allocated", do_write_allocated, 6, true },
	{ "zero range", do_zero_range, 6, true },
	{ "punch", do_punch, 5, false },
	{ "collapse", do_collapse, 5, false },
	{ "insert", do_insert, 6, false },
	{ "sync", do_sync, 5, false },
	{ "unshare", share_unshare, 6, true },
	{ "copy back", share_copy_back, 4, false },
	{ "clone self", share_clone_self, 4, false },
	{ "clone other", share_clone_other, 4, false },
	{ "clone cut", share_clone_cut, 6, false },
	{ "clone nearby", share_clone_nearby, 5, false },
	{ "clone whole", share_clone_whole, 5, false },
	{ "dedupe", share_dedupe, 6, false },
};

const char *
operation_name(unsigned kind)
{
	return kinds[kind].name;
}

static unsigned
choose(struct workpiece *w)
{
	uint64_t sum = 0, left;
	unsigned kind;

	for (kind = 0; kind < OPERATION_KINDS; kind++) {
		if (w->preallocate || !kinds[kind].preallocates)
			sum += kinds[kind].weight;
	}
	left = chance_below(&w->chance, sum);
	for (kind = 0; ; kind++) {
		if (!w->preallocate && kinds[kind].preallocates)
			continue;
		if (left < kinds[kind].weight)
			return kind;
		left -= kinds[kind].weight;
	}
}

int
operation_do(struct workpiece *w, struct operation_counts *counts,
    struct err *err)
{
	const unsigned kind = choose(w);
	int rc = kinds[kind].call(w);

	if (rc == -1 && (errno == EOPNOTSUPP || errno == EINVAL))
		rc = REFUSED;
	if (rc == -1)
		return err_sys(err, ERR_FAILED, "%s of %s", kinds[kind].name,
		    w->path);
	if (rc == 0)
		counts->done[kind]++;
	else
		counts->refused[kind]++;
	return rc;
}
