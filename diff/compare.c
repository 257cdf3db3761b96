/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * compare.c - read candidates on both sides and tell what really changed.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/cache.h"
#include "common/fsioctl.h"
#include "common/io.h"
#include "diff/compare.h"
#include "snapshot/content.h"

#define DROP_EVERY ((uint64_t)32 << 20)	/* see side_read() */
#define KEEP_BYTES ((uint64_t)128 << 20)	/* see keep_some() */

/* One of the two files, and where its data lies around the current position. */
struct side {
	const struct snapshot *snapshot;	/* NULL: all hole */
	uint64_t size;
	uint64_t *read;		/* statistic */
	bool known;		/* data_start and data_end are set */
	uint64_t data_start;	/* next data at or after the position */
	uint64_t data_end;
	uint8_t *buffer;	/* DELTA_DATA_MAX bytes */
	bool cold;		/* its pages may be dropped once they were read */
	uint64_t dropped;	/* up to there they were */
	bool keep;		/* some of them longer */
	uint64_t since;		/* bytes read since mark was set */
	uint64_t mark;		/* behind it all was read lately */
};

struct compare {
	struct side base;
	struct side snapshot;
	const struct delta_options *options;
	delta_sink *sink;
	void *cookie;
	uint32_t block_size;
};

/* The pages that were read go out of the cache again. */
static void
side_free(struct side *side)
{
	if (side->cold)
		cache_drop(side->snapshot->fd, side->dropped, 0);
	free(side->buffer);
}

static int
side_init(struct side *side, const struct snapshot *snapshot, uint64_t *read)
{
	side->snapshot = snapshot;
	side->size = snapshot != NULL ? snapshot->identity.size : 0;
	side->read = read;
	side->cold = snapshot != NULL && cache_is_cold(snapshot->fd);
	side->buffer = malloc(DELTA_DATA_MAX);
	return side->buffer != NULL ? 0 : -1;
}

struct compare *
compare_new(const struct snapshot *base, const struct snapshot *snapshot,
    const struct delta_options *options, delta_sink *sink, void *cookie,
    struct delta_stats *stats)
{
	struct compare *compare = calloc(1, sizeof(*compare));
	struct fs_info info;

	if (compare == NULL)
		return NULL;
	compare->options = options;
	compare->sink = sink;
	compare->cookie = cookie;
	compare->block_size = fs_info(snapshot->fd, &info) == 0 ?
	    info.block_size : 4096;
	if (side_init(&compare->base, base, &stats->base_read) != 0 ||
	    side_init(&compare->snapshot, snapshot,
	    &stats->snapshot_read) != 0) {
		compare_free(compare);
		return NULL;
	}
	compare->base.keep = options->early != NULL;
	return compare;
}

void
compare_free(struct compare *compare)
{
	if (compare == NULL)
		return;
	side_free(&compare->base);
	side_free(&compare->snapshot);
	free(compare);
}

/*
 * Is there data at position? *until receives how far that holds.  What lies
 * past the end of the file is hole.
 */
static int
side_at(struct side *side, uint64_t position, bool *data, uint64_t *until,
    struct err *err)
{
	*data = false;
	*until = UINT64_MAX;
	if (position >= side->size)
		return 0;
	if (!side->known || position >= side->data_end) {
		const int rc = content_next_data(side->snapshot->fd, position,
		    side->size, &side->data_start, &side->data_end);

		if (rc < 0)
			return err_sys(err, ERR_FAILED, "cannot find the data "
			    "of %s", side->snapshot->path);
		if (rc == 0)
			side->data_start = side->data_end = side->size;
		side->known = true;
	}
	if (position < side->data_start) {
		*until = side->data_start;
	} else if (position < side->data_end) {
		*data = true;
		*until = side->data_end;
	}
	return 0;
}

/* Drop up to offset what was read. */
static void
drop_up_to(struct side *side, uint64_t offset)
{
	cache_drop(side->snapshot->fd, side->dropped, offset - side->dropped);
	side->dropped = offset;
}

/* The last KEEP_BYTES at least stay: they may be wanted again. */
static void
keep_some(struct side *side, uint64_t offset, size_t length)
{
	side->since += length;
	if (side->since < KEEP_BYTES)
		return;
	drop_up_to(side, side->mark);
	side->mark = offset;
	side->since = 0;
}

/* Read length bytes, at most DELTA_DATA_MAX; past the end there are zeros. */
static int
side_read(struct side *side, uint64_t offset, size_t length, struct err *err)
{
	if (io_pread_zeros(side->snapshot->fd, side->buffer, length,
	    offset) != 0)
		return err_sys(err, ERR_FAILED, "cannot read %s at byte %"
		    PRIu64, side->snapshot->path, offset);
	*side->read += length;
	if (side->cold && side->keep)
		keep_some(side, offset, length);
	else if (side->cold && offset - side->dropped >= DROP_EVERY)
		drop_up_to(side, offset);
	return 0;
}

static int
emit(struct compare *compare, enum delta_kind kind, uint64_t offset,
    uint64_t length, const uint8_t *data, const uint8_t *base,
    struct err *err)
{
	const struct delta_event event = {
		.kind = kind, .offset = offset, .length = length,
		.data = data, .base = base,
	};

	return compare->sink(compare->cookie, &event, err);
}

enum block_kind { BLOCK_SAME, BLOCK_ZERO, BLOCK_DATA };

/* What became of one block; base is NULL where it is hole. */
static enum block_kind
classify(const struct compare *compare, const uint8_t *data,
    const uint8_t *base, size_t length)
{
	const bool exact = compare->options->exact;

	if (base != NULL && memcmp(data, base, length) == 0)
		return BLOCK_SAME;
	if (!bytes_are_zero(data, length))
		return BLOCK_DATA;
	if (base == NULL && exact)
		return BLOCK_SAME;
	return exact ? BLOCK_DATA : BLOCK_ZERO;
}

/* Emit the runs of changed blocks of what was read at offset. */
static int
emit_runs(struct compare *compare, uint64_t offset, size_t length,
    bool base_data, struct err *err)
{
	const uint8_t *data = compare->snapshot.buffer;
	const uint8_t *base = base_data ? compare->base.buffer : NULL;
	enum block_kind run_kind = BLOCK_SAME;
	size_t run = 0, at = 0;
	int rc = 0;

	while (at <= length && rc == 0) {
		enum block_kind kind = BLOCK_SAME;
		size_t n = 1;

		if (at < length) {
			/* Blocks of the file, not of the buffer. */
			n = compare->block_size -
			    (size_t)((offset + at) % compare->block_size);
			n = n < length - at ? n : length - at;
			kind = classify(compare, data + at,
			    base != NULL ? base + at : NULL, n);
		}
		if (kind != run_kind || at == length) {
			if (run_kind == BLOCK_DATA)
				rc = emit(compare, DELTA_DATA, offset + run,
				    at - run, data + run,
				    base != NULL ? base + run : NULL, err);
			else if (run_kind == BLOCK_ZERO)
				rc = emit(compare, DELTA_ZERO, offset + run,
				    at - run, NULL, NULL, err);
			run = at;
			run_kind = kind;
		}
		at += n;
	}
	return rc;
}

/* The snapshot has data here: read it, and the base if that has some. */
static int
compare_data(struct compare *compare, uint64_t offset, uint64_t end,
    bool base_data, struct err *err)
{
	int rc = 0;

	while (offset < end && rc == 0) {
		const size_t n = (size_t)bytes_min(end - offset,
		    DELTA_DATA_MAX);

		rc = side_read(&compare->snapshot, offset, n, err);
		if (rc == 0 && base_data)
			rc = side_read(&compare->base, offset, n, err);
		if (rc == 0)
			rc = emit_runs(compare, offset, n, base_data, err);
		offset += n;
	}
	return rc;
}

/* The snapshot has a hole where the base has data. */
static int
compare_hole(struct compare *compare, uint64_t offset, uint64_t end,
    struct err *err)
{
	int rc = 0;

	if (!compare->options->exact)
		return emit(compare, DELTA_HOLE, offset, end - offset, NULL,
		    NULL, err);
	while (offset < end && rc == 0) {
		const size_t n = (size_t)bytes_min(end - offset,
		    DELTA_DATA_MAX);

		memset(compare->snapshot.buffer, 0, n);
		rc = side_read(&compare->base, offset, n, err);
		if (rc == 0)
			rc = emit_runs(compare, offset, n, true, err);
		offset += n;
	}
	return rc;
}

int
compare_range(struct compare *compare, uint64_t offset, uint64_t length,
    struct err *err)
{
	const uint64_t end = offset + length;
	int rc = 0;

	while (offset < end && rc == 0) {
		uint64_t snapshot_until, base_until, until;
		bool snapshot_data, base_data;

		rc = side_at(&compare->snapshot, offset, &snapshot_data,
		    &snapshot_until, err);
		if (rc == 0)
			rc = side_at(&compare->base, offset, &base_data,
			    &base_until, err);
		if (rc != 0)
			return rc;
		until = bytes_min(end, bytes_min(snapshot_until, base_until));
		if (snapshot_data)
			rc = compare_data(compare, offset, until, base_data,
			    err);
		else if (base_data)
			rc = compare_hole(compare, offset, until, err);
		offset = until;
	}
	return rc;
}
