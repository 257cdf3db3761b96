/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * draft.c - a DATA, ZERO, HOLE or CLONE record that is being made.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/hash.h"
#include "send/draft.h"
#include "stream-format/compress.h"

#define RELATED 64u	/* see changed_in_place() */
#define LOOKED_AT 64u	/* bytes at once */
#define WORTH 32u	/* a prefix that is like less than 1/WORTH is not worth it */

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
draft_clear(struct draft *draft, enum draft_kind kind, int level,
    const struct alike *alike)
{
	draft->kind = kind;
	draft->level = level;
	draft->alike = alike;
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
 * the number does not matter, and a ninth of the words is enough to look at, at
 * all distances from the beginning of a page or a sector.
 */
static bool
changed_in_place(const struct draft *draft)
{
	size_t words = 0, same = 0;

	for (size_t at = 0; at < draft->raw_length; at += 9 * LOOKED_AT) {
		const size_t n = (size_t)bytes_min(draft->raw_length - at,
		    LOOKED_AT) / sizeof(uint64_t);
		uint64_t raw[LOOKED_AT / sizeof(uint64_t)];
		uint64_t base[LOOKED_AT / sizeof(uint64_t)];

		memcpy(raw, draft->raw + at, n * sizeof(uint64_t));
		memcpy(base, draft->base + at, n * sizeof(uint64_t));
		for (size_t i = 0; i < n; i++)
			same += raw[i] == base[i] && raw[i] != 0;
		words += n;
	}
	return same > words / RELATED;
}

/*
 * Which bytes of the base shall be the prefix?  They cost time here, and there
 * they have to be read.  *own: those at the same places; what else is in
 * draft->found.
 */
static void
choose_prefix(struct draft *draft, bool *own)
{
	const bool based = draft->kind == DRAFT_PREFIX;

	draft->found = (struct alike_found){ .count = 0 };
	if (draft->alike != NULL)
		alike_find(draft->alike, draft->raw, draft->raw_length,
		    draft->ranges, based ? draft->count : 0, &draft->found);
	*own = based && (changed_in_place(draft) ||
	    draft->found.own > draft->raw_length / WORTH);
}

/* Compress the bytes; raw, if that is no shorter. */
static int
encode_data(struct draft *draft, struct record_data *data, struct err *err)
{
	const struct alike_found *found = &draft->found;
	uint8_t *prefix;
	size_t length;
	bool own;
	int rc = 0;

	data->data = draft->raw;
	data->encoded_length = draft->raw_length;
	if (draft->level == 0)
		return 0;
	choose_prefix(draft, &own);
	prefix = draft->base - found->length;
	if (found->count > 0)
		rc = alike_read(draft->alike, found, prefix, err);
	if (rc == 0)
		rc = compress(draft->compressor, draft->level, draft->raw,
		    draft->raw_length, prefix, found->length +
		    (own ? draft->raw_length : 0), draft->encoded, &length,
		    err);
	if (rc != 0 || length >= draft->raw_length)
		return rc;
	data->encoding = RECORD_ZSTD;
	data->prefix = own ? RECORD_PREFIX_SAME : RECORD_PREFIX_NONE;
	if (found->count > 0)
		data->prefix |= RECORD_PREFIX_RANGES;
	data->prefix_count = found->count;
	data->prefix_length = found->length;
	data->prefix_ranges = found->parts;
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
