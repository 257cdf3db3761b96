/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * order.c - check and account for one record after the other.
 */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "stream-format/frame.h"
#include "stream-format/order.h"

/* Does the record come in its place? */
static int
check_state(const struct order *order, enum record_type type, struct err *err)
{
	const char *wanted = NULL;

	switch (order->state) {
	case ORDER_BEGIN:
		wanted = type == RECORD_BEGIN ? NULL : "BEGIN";
		break;
	case ORDER_META:
		wanted = type == RECORD_META ? NULL : "META";
		break;
	case ORDER_BODY:
		if (type == RECORD_BEGIN || type == RECORD_META)
			wanted = "END";
		break;
	case ORDER_DONE:
		wanted = "the end of the stream";
		break;
	}
	if (wanted != NULL)
		return err_set(err, ERR_STREAM, "%s comes where %s is due",
		    record_type_name(type), wanted);
	return 0;
}

static int
check_feature(const struct order *order, uint64_t feature, const char *record,
    const char *name, struct err *err)
{
	if ((order->required & feature) == 0)
		return err_set(err, ERR_STREAM, "%s needs feature %s, which "
		    "the stream header does not announce", record, name);
	return 0;
}

static int
begin(struct order *order, const struct record_begin *record, struct err *err)
{
	if (!uuid_equal(&record->stream, &order->stream))
		return err_set(err, ERR_STREAM,
		    "BEGIN has the id of another stream");
	order->state = ORDER_META;
	order->snapshots++;
	order->snapshot = record->snapshot;
	order->based = !uuid_is_nil(&record->base);
	order->size = record->size;
	order->base_size = record->base_size;
	order->mtime = record->mtime;
	order->result_digest = record->result_digest;
	order->position = 0;
	order->records = 0;
	order->data = 0;
	order->zeros = 0;
	order->holes = 0;
	return 0;
}

static int
meta(struct order *order, const struct record_meta *record, struct err *err)
{
	const struct timespec *mtime = &record->metadata.mtime;

	if (mtime->tv_sec != order->mtime.tv_sec ||
	    mtime->tv_nsec != order->mtime.tv_nsec)
		return err_set(err, ERR_STREAM,
		    "META has another modification time than BEGIN");
	order->state = ORDER_BODY;
	return 0;
}

/* Take ranges into account; *sum, which may be NULL, grows by their lengths. */
static int
advance(struct order *order, const char *name,
    const struct record_range *ranges, uint32_t count, uint64_t *sum,
    struct err *err)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct record_range *range = &ranges[i];

		if (range->offset < order->position)
			return err_set(err, ERR_STREAM,
			    "%s: the range at %" PRIu64 " begins before the "
			    "end %" PRIu64 " of what came before", name,
			    range->offset, order->position);
		if (range->offset > order->size ||
		    range->length > order->size - range->offset)
			return err_set(err, ERR_STREAM, "%s: %" PRIu64
			    " bytes at %" PRIu64 " end beyond the size %"
			    PRIu64 " of the snapshot", name, range->length,
			    range->offset, order->size);
		order->position = range->offset + range->length;
		if (sum != NULL)
			*sum += range->length;
	}
	return 0;
}

static int
data(struct order *order, const struct record_data *record, struct err *err)
{
	if (record->encoding == RECORD_ZSTD &&
	    check_feature(order, FEATURE_ZSTD, "DATA", "zstd", err) < 0)
		return -ERR_STREAM;
	if (record->prefix != RECORD_PREFIX_NONE) {
		if (check_feature(order, FEATURE_PREFIX, "DATA", "prefix",
		    err) < 0)
			return -ERR_STREAM;
		if (!order->based)
			return err_set(err, ERR_STREAM, "DATA has a prefix "
			    "though the snapshot has no base");
	}
	return advance(order, "DATA", record->pieces, record->piece_count,
	    &order->data, err);
}

static int
clone(struct order *order, const struct record_clone *record, struct err *err)
{
	const struct record_range range = { record->offset, record->length };

	if (check_feature(order, FEATURE_CLONE, "CLONE", "clone", err) < 0)
		return -ERR_STREAM;
	if (!order->based)
		return err_set(err, ERR_STREAM,
		    "CLONE comes though the snapshot has no base");
	if (record->source_offset > order->base_size ||
	    record->length > order->base_size - record->source_offset)
		return err_set(err, ERR_STREAM, "CLONE: %" PRIu64 " bytes at %"
		    PRIu64 " end beyond the size %" PRIu64 " of the base",
		    record->length, record->source_offset, order->base_size);
	return advance(order, "CLONE", &range, 1, NULL, err);
}

static int
checkpoint(struct order *order, const struct record_checkpoint *record,
    struct err *err)
{
	if (record->offset < order->position || record->offset > order->size)
		return err_set(err, ERR_STREAM, "CHECKPOINT: the offset %"
		    PRIu64 " is not within %" PRIu64 " to %" PRIu64,
		    record->offset, order->position, order->size);
	order->position = record->offset;
	return 0;
}

/*
 * An interrupted snapshot goes on: what lies below the offset is there.  Only
 * the first of a stream can be one, and BEGIN and META alone come before.
 */
static int
resume(struct order *order, const struct record_resume *record,
    struct err *err)
{
	if (check_feature(order, FEATURE_RESUME, "RESUME", "resume", err) < 0)
		return -ERR_STREAM;
	if (order->snapshots != 1 || order->records != 2)
		return err_set(err, ERR_STREAM, "RESUME comes elsewhere than "
		    "right behind the first META of the stream");
	if (!uuid_equal(&record->snapshot, &order->snapshot))
		return err_set(err, ERR_STREAM,
		    "RESUME has the id of another snapshot than BEGIN");
	if (uuid_equal(&record->stream, &order->stream))
		return err_set(err, ERR_STREAM,
		    "RESUME goes on with the stream that it is in");
	if (record->offset > order->size)
		return err_set(err, ERR_STREAM, "RESUME: the offset %" PRIu64
		    " lies beyond the size %" PRIu64 " of the snapshot",
		    record->offset, order->size);
	order->position = record->offset;
	return 0;
}

static int
check_count(const char *what, uint64_t said, uint64_t seen, struct err *err)
{
	if (said != seen)
		return err_set(err, ERR_STREAM, "END counts %" PRIu64
		    " %s, but there were %" PRIu64, said, what, seen);
	return 0;
}

/* The digest of END is there if it must be, and is the one BEGIN told. */
static int
check_digest(const struct order *order, const struct record_digest *digest,
    struct err *err)
{
	static const uint8_t unknown[DIGEST_VALUE_SIZE];
	const struct record_digest *told = &order->result_digest;

	if (!order->based && digest->algorithm == DIGEST_NONE)
		return err_set(err, ERR_STREAM,
		    "END: a snapshot that is sent whole has no digest");
	if (memcmp(told->value, unknown, sizeof(unknown)) != 0 &&
	    (told->algorithm != digest->algorithm ||
	    told->block_size != digest->block_size ||
	    memcmp(told->value, digest->value, sizeof(unknown)) != 0))
		return err_set(err, ERR_STREAM,
		    "END has another digest of the snapshot than BEGIN");
	return 0;
}

static int
end(struct order *order, const struct record_end *record, struct err *err)
{
	if (check_count("records", record->records, order->records, err) < 0 ||
	    check_count("bytes of data", record->data, order->data, err) < 0 ||
	    check_count("bytes of zeros", record->zeros, order->zeros,
	    err) < 0 ||
	    check_count("bytes of holes", record->holes, order->holes,
	    err) < 0 ||
	    check_digest(order, &record->result_digest, err) < 0)
		return -ERR_STREAM;
	order->state = record->last ? ORDER_DONE : ORDER_BEGIN;
	return 0;
}

/* The rules of the record itself, which comes in its place. */
static int
account(struct order *order, const struct record *record, struct err *err)
{
	switch (record->type) {
	case RECORD_BEGIN:
		return begin(order, &record->u.begin, err);
	case RECORD_META:
		return meta(order, &record->u.meta, err);
	case RECORD_DATA:
		return data(order, &record->u.data, err);
	case RECORD_ZERO:
		return advance(order, "ZERO", record->u.zero.ranges,
		    record->u.zero.count, &order->zeros, err);
	case RECORD_HOLE:
		return advance(order, "HOLE", record->u.hole.ranges,
		    record->u.hole.count, &order->holes, err);
	case RECORD_CLONE:
		return clone(order, &record->u.clone, err);
	case RECORD_CHECKPOINT:
		return checkpoint(order, &record->u.checkpoint, err);
	case RECORD_END:
		return end(order, &record->u.end, err);
	case RECORD_RESUME:
		return resume(order, &record->u.resume, err);
	case RECORD_DIGEST:
		break;
	}
	return err_set(err, ERR_STREAM, "%s cannot be applied",
	    record_type_name(record->type));
}

int
order_next(struct order *order, const struct record *record, struct err *err)
{
	if (check_state(order, record->type, err) < 0 ||
	    account(order, record, err) < 0)
		return -ERR_STREAM;
	order->records++;
	return 0;
}

int
order_skip(struct order *order, struct err *err)
{
	if (order->state != ORDER_BODY)
		return err_set(err, ERR_STREAM, "an optional frame comes "
		    "outside of META and END");
	order->records++;
	return 0;
}
