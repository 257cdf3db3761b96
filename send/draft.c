/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * draft.c - a DATA, ZERO, HOLE or CLONE record that is being made.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "send/draft.h"
#include "stream-format/compress.h"

#define RELATED 64u	/* see changed_in_place() */
#define SAMPLE 65536u	/* bytes to try a prefix on */
#define WORTH 32u	/* a prefix that saves less than 1/WORTH is not worth it */

struct draft *
draft_new(void)
{
	struct draft *draft = calloc(1, sizeof(*draft));

	if (draft == NULL)
		return NULL;
	draft->compressor = compressor_new();
	draft->encoded = malloc(compress_bound(DRAFT_PLAIN_BYTES));
	if (draft->compressor == NULL || draft->encoded == NULL) {
		draft_free(draft);
		return NULL;
	}
	return draft;
}

void
draft_free(struct draft *draft)
{
	if (draft == NULL)
		return;
	compressor_free(draft->compressor);
	free(draft->encoded);
	free(draft);
}

void
draft_clear(struct draft *draft, enum draft_kind kind, int level)
{
	draft->kind = kind;
	draft->level = level;
	draft->count = 0;
	draft->raw_length = 0;
}

void
draft_add(struct draft *draft, uint64_t offset, uint64_t length)
{
	if (draft->count > 0) {
		struct record_range *last = &draft->ranges[draft->count - 1];

		if (last->offset + last->length == offset) {
			last->length += length;
			return;
		}
	}
	draft->ranges[draft->count].offset = offset;
	draft->ranges[draft->count].length = length;
	draft->count++;
}

/*
 * Are at least 1/RELATED of the words the same in both, zeros left out?  Bytes
 * that were changed in place are so far above it, and chance so far below, that
 * the number does not matter.
 */
static bool
changed_in_place(const struct draft *draft)
{
	const size_t words = draft->raw_length / sizeof(uint64_t);
	size_t same = 0;

	for (size_t i = 0; i < words; i++) {
		uint64_t raw, base;

		memcpy(&raw, draft->raw + i * sizeof(raw), sizeof(raw));
		memcpy(&base, draft->base + i * sizeof(base), sizeof(base));
		same += raw == base && raw != 0;
	}
	return same > words / RELATED;
}

static int
compress_some(struct draft *draft, bool prefix, size_t length, size_t *encoded,
    struct err *err)
{
	return compress(draft->compressor, draft->level, draft->raw, length,
	    prefix ? draft->base : NULL, prefix ? length : 0, draft->encoded,
	    encoded, err);
}

/*
 * Is the base worth being the prefix?  It costs time here, and there it has to
 * be read.  Bytes that moved within the base (an insertion) are found by trying
 * on a sample.
 */
static int
choose_prefix(struct draft *draft, bool *prefix, struct err *err)
{
	const size_t sample = draft->raw_length < SAMPLE ? draft->raw_length :
	    SAMPLE;
	size_t with, without;
	int rc;

	*prefix = draft->kind == DRAFT_PREFIX;
	if (!*prefix || changed_in_place(draft))
		return 0;
	rc = compress_some(draft, true, sample, &with, err);
	if (rc == 0)
		rc = compress_some(draft, false, sample, &without, err);
	if (rc == 0)
		*prefix = with < without - without / WORTH;
	return rc;
}

/* Compress the bytes; raw, if that is no shorter. */
static int
encode_data(struct draft *draft, struct record_data *data, struct err *err)
{
	size_t length;
	bool prefix;
	int rc;

	data->data = draft->raw;
	data->encoded_length = draft->raw_length;
	if (draft->level == 0)
		return 0;
	rc = choose_prefix(draft, &prefix, err);
	if (rc == 0)
		rc = compress_some(draft, prefix, draft->raw_length, &length,
		    err);
	if (rc != 0 || length >= draft->raw_length)
		return rc;
	data->encoding = RECORD_ZSTD;
	data->prefix = prefix ? RECORD_PREFIX_SAME : RECORD_PREFIX_NONE;
	data->encoded_length = (uint32_t)length;
	data->data = draft->encoded;
	return 0;
}

int
draft_encode(struct draft *draft, struct err *err)
{
	const struct record_ranges ranges = {
		.count = draft->count, .ranges = draft->ranges,
	};
	struct record *const record = &draft->record;

	memset(record, 0, sizeof(*record));
	if (draft->kind == DRAFT_ZERO) {
		record->type = RECORD_ZERO;
		record->u.zero = ranges;
		return 0;
	}
	if (draft->kind == DRAFT_HOLE) {
		record->type = RECORD_HOLE;
		record->u.hole = ranges;
		return 0;
	}
	if (draft->kind == DRAFT_MOVED) {
		record->type = RECORD_CLONE;
		record->u.clone.offset = draft->ranges[0].offset;
		record->u.clone.length = draft->ranges[0].length;
		record->u.clone.source_offset = draft->source;
		return 0;
	}
	record->type = RECORD_DATA;
	record->u.data.piece_count = draft->count;
	record->u.data.raw_length = draft->raw_length;
	record->u.data.pieces = draft->ranges;
	record->u.data.hash = hash128(draft->raw, draft->raw_length);
	return encode_data(draft, &record->u.data, err);
}
