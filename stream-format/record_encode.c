/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record_encode.c - write the payload of a record.
 */
#include "config.h"

#include <string.h>

#include "common/buf.h"
#include "stream-format/record.h"

static void
put_uuid(struct buf_writer *w, const struct uuid *uuid)
{
	buf_put(w, uuid->bytes, sizeof(uuid->bytes));
}

static void
put_time(struct buf_writer *w, const struct timespec *time)
{
	buf_put64(w, (uint64_t)(int64_t)time->tv_sec);
	buf_put32(w, (uint32_t)time->tv_nsec);
}

static void
put_text(struct buf_writer *w, const char *text)
{
	buf_put_string(w, text, strlen(text));
}

static void
put_digest(struct buf_writer *w, const struct record_digest *digest)
{
	buf_put16(w, digest->algorithm);
	buf_put16(w, 0);
	buf_put32(w, digest->block_size);
	buf_put(w, digest->value, sizeof(digest->value));
}

static void
encode_begin(struct buf_writer *w, const struct record_begin *begin)
{
	put_uuid(w, &begin->stream);
	put_uuid(w, &begin->snapshot);
	put_uuid(w, &begin->base);
	put_uuid(w, &begin->lineage);
	buf_put64(w, begin->generation);
	buf_put64(w, begin->cut);
	buf_put64(w, begin->size);
	buf_put64(w, begin->base_size);
	put_time(w, &begin->created);
	put_time(w, &begin->mtime);
	buf_put32(w, begin->block_size);
	buf_put32(w, begin->source_type);
	buf_put32(w, begin->files);
	buf_put32(w, begin->flags);
	put_digest(w, &begin->base_digest);
	put_digest(w, &begin->result_digest);
	put_text(w, begin->origin);
	put_text(w, begin->name);
	put_text(w, begin->base_name);
}

/* Ranges whose length fits 32 bits. */
static void
put_pieces(struct buf_writer *w, const struct record_range *ranges,
    uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		buf_put64(w, ranges[i].offset);
		buf_put32(w, (uint32_t)ranges[i].length);
	}
}

static void
encode_data(struct buf_writer *w, const struct record_data *data)
{
	buf_put32(w, data->file);
	buf_put8(w, data->encoding);
	buf_put8(w, data->prefix);
	buf_put16(w, data->source);
	buf_put32(w, data->piece_count);
	buf_put32(w, data->raw_length);
	buf_put32(w, data->encoded_length);
	buf_put(w, data->hash.bytes, sizeof(data->hash.bytes));
	buf_put32(w, data->prefix_count);
	buf_put32(w, 0);	/* reserved */
	buf_put32(w, data->prefix_length);
	put_pieces(w, data->pieces, data->piece_count);
	put_pieces(w, data->prefix_ranges, data->prefix_count);
}

static void
encode_ranges(struct buf_writer *w, const struct record_ranges *ranges)
{
	buf_put32(w, ranges->file);
	buf_put32(w, ranges->count);
	for (uint32_t i = 0; i < ranges->count; i++) {
		buf_put64(w, ranges->ranges[i].offset);
		buf_put64(w, ranges->ranges[i].length);
	}
}

static void
encode_clone(struct buf_writer *w, const struct record_clone *clone)
{
	buf_put32(w, clone->file);
	buf_put32(w, clone->source);
	buf_put64(w, clone->offset);
	buf_put64(w, clone->length);
	buf_put64(w, clone->source_offset);
}

static void
encode_meta(struct buf_writer *w, const struct record_meta *meta)
{
	const struct metadata *metadata = &meta->metadata;

	buf_put32(w, meta->file);
	buf_put32(w, (uint32_t)metadata->mode);
	buf_put32(w, (uint32_t)metadata->uid);
	buf_put32(w, (uint32_t)metadata->gid);
	put_time(w, &metadata->atime);
	put_time(w, &metadata->mtime);
	put_time(w, &metadata->btime);
	buf_put32(w, 0);
	buf_put32(w, (uint32_t)metadata->xattr_count);
	put_text(w, metadata->user);
	put_text(w, metadata->group);
	if (metadata->xattr_count > METADATA_XATTRS_MAX) {
		w->overflow = true;
		return;
	}
	for (size_t i = 0; i < metadata->xattr_count; i++) {
		const struct metadata_xattr *xattr = &metadata->xattrs[i];

		put_text(w, xattr->name);
		buf_put32(w, xattr->length);
		buf_put(w, xattr->value, xattr->length);
	}
}

static void
encode_checkpoint(struct buf_writer *w,
    const struct record_checkpoint *checkpoint)
{
	buf_put32(w, checkpoint->file);
	buf_put32(w, 0);
	buf_put64(w, checkpoint->offset);
	buf_put64(w, checkpoint->wire);
}

static void
encode_resume(struct buf_writer *w, const struct record_resume *resume)
{
	put_uuid(w, &resume->stream);
	put_uuid(w, &resume->snapshot);
	buf_put32(w, resume->file);
	buf_put32(w, 0);
	buf_put64(w, resume->offset);
}

static void
encode_end(struct buf_writer *w, const struct record_end *end)
{
	buf_put64(w, end->records);
	buf_put64(w, end->data);
	buf_put64(w, end->zeros);
	buf_put64(w, end->holes);
	buf_put(w, end->hash.bytes, sizeof(end->hash.bytes));
	put_digest(w, &end->result_digest);
	buf_put32(w, end->last ? 1 : 0);
	buf_put32(w, 0);
}

int
record_encode(const struct record *record, uint8_t *buffer, size_t size,
    size_t *length, struct err *err)
{
	struct buf_writer w = { .data = buffer, .size = size };

	switch (record->type) {
	case RECORD_BEGIN:
		encode_begin(&w, &record->u.begin);
		break;
	case RECORD_DATA:
		encode_data(&w, &record->u.data);
		break;
	case RECORD_ZERO:
		encode_ranges(&w, &record->u.zero);
		break;
	case RECORD_HOLE:
		encode_ranges(&w, &record->u.hole);
		break;
	case RECORD_CLONE:
		encode_clone(&w, &record->u.clone);
		break;
	case RECORD_META:
		encode_meta(&w, &record->u.meta);
		break;
	case RECORD_CHECKPOINT:
		encode_checkpoint(&w, &record->u.checkpoint);
		break;
	case RECORD_RESUME:
		encode_resume(&w, &record->u.resume);
		break;
	case RECORD_DIGEST:
		break;
	case RECORD_END:
		encode_end(&w, &record->u.end);
		break;
	}
	if (w.overflow)
		return err_set(err, ERR_FAILED, "%s holds more than fits into "
		    "a record of a stream", record_type_name(record->type));
	*length = w.used;
	return 0;
}
