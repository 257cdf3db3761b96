/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gather.c - pack the ranges of a delta into records.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "send/gather.h"
#include "stream-format/compress.h"

/*
 * Raw bytes of a record.  With a prefix it is small: level 1 forgets a prefix
 * that lies further back.  Without one, larger is a little better.
 */
#define PLAIN_BYTES RECORD_RAW_MAX
#define PREFIX_BYTES 131072u
#define PIECES_MAX 4096u
#define RANGES_MAX 4096u

enum pending { PENDING_NONE, PENDING_PLAIN, PENDING_PREFIX, PENDING_ZERO,
    PENDING_HOLE };

struct gather {
	struct stream_writer *writer;
	struct digest_state *digest;
	struct compressor *compressor;	/* NULL: raw */
	enum pending pending;
	uint32_t count;		/* of ranges */
	uint32_t raw_length;
	struct record_range ranges[PIECES_MAX];
	uint8_t raw[PLAIN_BYTES];
	uint8_t base[PREFIX_BYTES];
	uint8_t *encoded;
};

struct gather *
gather_new(struct stream_writer *writer, int level,
    struct digest_state *digest)
{
	struct gather *gather = calloc(1, sizeof(*gather));

	if (gather == NULL)
		return NULL;
	gather->writer = writer;
	gather->digest = digest;
	if (level > 0) {
		gather->compressor = compressor_new(level);
		gather->encoded = malloc(compress_bound(PLAIN_BYTES));
		if (gather->compressor == NULL || gather->encoded == NULL) {
			gather_free(gather);
			return NULL;
		}
	}
	return gather;
}

void
gather_free(struct gather *gather)
{
	if (gather == NULL)
		return;
	compressor_free(gather->compressor);
	free(gather->encoded);
	free(gather);
}

/* Compress the pending bytes; raw, if that is no shorter. */
static int
encode(struct gather *gather, struct record_data *data, struct err *err)
{
	const bool prefix = gather->pending == PENDING_PREFIX;
	size_t length;
	int rc;

	data->data = gather->raw;
	data->encoded_length = gather->raw_length;
	if (gather->compressor == NULL)
		return 0;
	rc = compress(gather->compressor, gather->raw, gather->raw_length,
	    prefix ? gather->base : NULL, prefix ? gather->raw_length : 0,
	    gather->encoded, &length, err);
	if (rc != 0 || length >= gather->raw_length)
		return rc;
	data->encoding = RECORD_ZSTD;
	data->prefix = prefix ? RECORD_PREFIX_SAME : RECORD_PREFIX_NONE;
	data->encoded_length = (uint32_t)length;
	data->data = gather->encoded;
	return 0;
}

static int
write_data(struct gather *gather, struct err *err)
{
	struct record record = {
		.type = RECORD_DATA,
		.u.data = {
			.piece_count = gather->count,
			.raw_length = gather->raw_length,
			.pieces = gather->ranges,
		},
	};
	int rc;

	record.u.data.hash = hash128(gather->raw, gather->raw_length);
	rc = encode(gather, &record.u.data, err);
	return rc != 0 ? rc : stream_writer_put(gather->writer, &record, err);
}

static int
write_ranges(struct gather *gather, struct err *err)
{
	const struct record_ranges ranges = {
		.count = gather->count, .ranges = gather->ranges,
	};
	struct record record;

	if (gather->pending == PENDING_ZERO) {
		record.type = RECORD_ZERO;
		record.u.zero = ranges;
	} else {
		record.type = RECORD_HOLE;
		record.u.hole = ranges;
	}
	return stream_writer_put(gather->writer, &record, err);
}

int
gather_flush(struct gather *gather, struct err *err)
{
	int rc = 0;

	if (gather->pending == PENDING_PLAIN ||
	    gather->pending == PENDING_PREFIX)
		rc = write_data(gather, err);
	else if (gather->pending != PENDING_NONE)
		rc = write_ranges(gather, err);
	gather->pending = PENDING_NONE;
	gather->count = 0;
	gather->raw_length = 0;
	return rc;
}

/* Note a range; what continues the last one is joined to it. */
static void
add_range(struct gather *gather, uint64_t offset, uint64_t length)
{
	if (gather->count > 0) {
		struct record_range *last = &gather->ranges[gather->count - 1];

		if (last->offset + last->length == offset) {
			last->length += length;
			return;
		}
	}
	gather->ranges[gather->count].offset = offset;
	gather->ranges[gather->count].length = length;
	gather->count++;
}

/* Records of one kind at a time: the ranges of all must ascend. */
static int
switch_to(struct gather *gather, enum pending pending, struct err *err)
{
	int rc = 0;

	if (gather->pending != pending)
		rc = gather_flush(gather, err);
	gather->pending = pending;
	return rc;
}

static int
add_data(struct gather *gather, const struct delta_event *event,
    struct err *err)
{
	const bool prefix = event->base != NULL && gather->compressor != NULL;
	const enum pending pending = prefix ? PENDING_PREFIX : PENDING_PLAIN;
	const uint32_t limit = prefix ? PREFIX_BYTES : PLAIN_BYTES;
	uint64_t done = 0;
	int rc;

	while (done < event->length) {
		uint32_t n;

		if (gather->raw_length == limit ||
		    gather->count == PIECES_MAX) {
			rc = gather_flush(gather, err);
			if (rc != 0)
				return rc;
		}
		rc = switch_to(gather, pending, err);
		if (rc != 0)
			return rc;
		n = (uint32_t)bytes_min(event->length - done,
		    limit - gather->raw_length);
		memcpy(gather->raw + gather->raw_length, event->data + done,
		    n);
		if (prefix)
			memcpy(gather->base + gather->raw_length,
			    event->base + done, n);
		add_range(gather, event->offset + done, n);
		gather->raw_length += n;
		done += n;
	}
	if (gather->digest != NULL)
		digest_update(gather->digest, event->offset, event->data,
		    (size_t)event->length);
	return 0;
}

int
gather_event(void *cookie, const struct delta_event *event, struct err *err)
{
	struct gather *gather = cookie;
	int rc;

	if (event->kind == DELTA_DATA)
		return add_data(gather, event, err);
	rc = switch_to(gather, event->kind == DELTA_ZERO ? PENDING_ZERO :
	    PENDING_HOLE, err);
	if (rc == 0 && gather->count == RANGES_MAX) {
		rc = gather_flush(gather, err);
		gather->pending = event->kind == DELTA_ZERO ? PENDING_ZERO :
		    PENDING_HOLE;
	}
	if (rc == 0)
		add_range(gather, event->offset, event->length);
	return rc;
}
