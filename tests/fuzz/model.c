/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model.c - what the snapshots of an accepted stream must hold, worked out in
 * memory, almost without a check: what was received was found sound.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "common/le.h"
#include "stream-format/compress.h"
#include "stream-format/record.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/model.h"

/* Where fields are in payloads, see refstream(5). */
#define BEGIN_SNAPSHOT 16u
#define BEGIN_BASE 32u
#define BEGIN_SIZE 80u
#define BEGIN_BASE_SIZE 88u
#define RESUME_OFFSET 40u

static const struct model_content *
find(const struct model *model, const struct uuid *id)
{
	for (size_t i = 0; i < model->count; i++) {
		if (uuid_equal(&model->content[i].id, id))
			return &model->content[i];
	}
	return NULL;
}

const struct model_content *
model_known(const struct model *model, const struct uuid *id)
{
	const struct model_content *content = find(model, id);

	return content != NULL && content->bytes != NULL ? content : NULL;
}

/* Make it one that is not known. */
static void
forget(struct model_content *content)
{
	free(content->bytes);
	content->bytes = NULL;
}

/* A new one, with zeros; NULL if there is no room. */
static struct model_content *
add(struct model *model, const struct uuid *id, uint64_t size)
{
	struct model_content *content = &model->content[model->count];

	if (model->count == MODEL_CONTENTS)
		return NULL;
	model->count++;
	content->id = *id;
	content->size = (size_t)size;
	content->bytes = NULL;
	if (size > MODEL_SIZE_MAX)
		return NULL;
	content->bytes = calloc(1, (size_t)size + 1);
	fuzz_demand(content->bytes != NULL, "out of memory");
	return content;
}

void
model_base(struct model *model, const struct uuid *id, const uint8_t *bytes,
    size_t size)
{
	struct model_content *content = add(model, id, size);

	if (content != NULL)
		memcpy(content->bytes, bytes, size);
}

/* Bytes of a base, zeros past its end. */
static void
copy_base(const struct model_content *base, uint64_t offset, size_t length,
    uint8_t *out)
{
	const size_t left = offset < base->size ?
	    base->size - (size_t)offset : 0;
	const size_t n = length < left ? length : left;

	memset(out, 0, length);
	if (n > 0)
		memcpy(out, base->bytes + offset, n);
}

/* Bytes of the base in pieces first to end of DATA; returns how many. */
static size_t
copy_pieces(const struct model_content *base, const uint8_t *payload,
    size_t first, size_t end, uint8_t *out)
{
	size_t done = 0;

	for (size_t i = first; i < end; i++) {
		const uint8_t *at = payload + frame_range(RECORD_DATA, i);

		copy_base(base, le64_get(at), le32_get(at + 8), out + done);
		done += le32_get(at + 8);
	}
	return done;
}

/* The prefix of DATA, whose ranges follow the pieces; returns its length. */
static size_t
make_prefix(const struct model_content *base, const struct frame *frame,
    uint8_t *out)
{
	const uint8_t *payload = frame->payload;
	const size_t count = frame_ranges(RECORD_DATA, payload, frame->length);
	size_t done = 0;

	if (payload[5] >= 2)
		done = copy_pieces(base, payload, count,
		    count + le32_get(payload + 36), out);
	if (payload[5] % 2 == 1)
		done += copy_pieces(base, payload, 0, count, out + done);
	return done;
}

/* The raw bytes of DATA; false if they cannot be known. */
static bool
decode(const struct model_content *base, const struct frame *frame,
    uint8_t *prefix, uint8_t *raw)
{
	const uint8_t *payload = frame->payload;
	const size_t encoded = le32_get(payload + 16);
	const uint8_t *data = payload + frame->length - encoded;
	struct decompressor *decompressor;
	struct err err = ERR_INIT;
	size_t prefix_length;
	int rc;

	if (payload[4] == RECORD_RAW) {
		memcpy(raw, data, encoded);
		return true;
	}
	if (payload[5] != RECORD_PREFIX_NONE && base == NULL)
		return false;
	prefix_length = make_prefix(base, frame, prefix);
	decompressor = decompressor_new();
	fuzz_demand(decompressor != NULL, "out of memory");
	rc = decompress(decompressor, data, encoded, prefix, prefix_length,
	    raw, le32_get(payload + 12), &err);
	decompressor_free(decompressor);
	return rc == 0;
}

/* Apply CLONE; false if what comes of it cannot be known. */
static bool
apply_clone(struct model_content *content, const struct model_content *base,
    const uint8_t *payload)
{
	const uint64_t offset = le64_get(payload + 8);
	const uint64_t length = le64_get(payload + 16);
	const uint64_t source = le64_get(payload + 24);

	if (base == NULL)
		return false;
	fuzz_demand(offset <= content->size &&
	    length <= content->size - offset && source <= base->size &&
	    length <= base->size - source,
	    "a CLONE beyond the end was accepted");
	memcpy(content->bytes + offset, base->bytes + source, length);
	return true;
}

/* Apply RESUME: what was there must be what it goes on with. */
static void
apply_resume(const struct model *model, struct model_content *content,
    const uint8_t *payload)
{
	const uint64_t offset = le64_get(payload + RESUME_OFFSET);

	fuzz_demand(model->partial != NULL && offset <= model->partial_length,
	    "RESUME was accepted where nothing fits it");
	fuzz_demand(offset <= content->size,
	    "a RESUME beyond the end was accepted");
	memcpy(content->bytes, model->partial, (size_t)offset);
}

/* Apply DATA, ZERO or HOLE; false if what comes of it cannot be known. */
static bool
apply(struct model_content *content, const struct model_content *base,
    const struct frame *frame)
{
	const size_t count = frame_ranges(frame->type, frame->payload,
	    frame->length);
	const bool data = frame->type == RECORD_DATA;
	uint8_t *room = calloc(2, RECORD_RAW_MAX);
	const uint8_t *raw = room;
	bool known;

	fuzz_demand(room != NULL, "out of memory");
	known = !data || decode(base, frame, room + RECORD_RAW_MAX, room);
	for (size_t i = 0; i < count && known; i++) {
		const uint8_t *at = frame->payload +
		    frame_range(frame->type, i);
		const size_t length = (size_t)frame_range_length(frame->type,
		    at);

		fuzz_demand(le64_get(at) <= content->size &&
		    length <= content->size - le64_get(at),
		    "a range beyond the end was accepted");
		if (data)
			memcpy(content->bytes + le64_get(at), raw, length);
		else
			memset(content->bytes + le64_get(at), 0, length);
		raw += data ? length : 0;
	}
	free(room);
	return known;
}

/*
 * What a snapshot was built on must have been there, in the size that the
 * sender knows.  A digest cannot tell: each is taken for right here.
 */
static void
demand_base(const struct model *model, const struct uuid *id, uint64_t size)
{
	const struct model_content *base = find(model, id);

	if (base != NULL)
		fuzz_demand(base->size == size,
		    "a base of another size was accepted");
	else
		fuzz_demand(model->count == MODEL_CONTENTS,
		    "a base that is not there was accepted");
}

/* BEGIN: the new snapshot, holding its base; NULL if it is not worked out. */
static struct model_content *
begin(struct model *model, const uint8_t *payload,
    const struct model_content **base)
{
	struct model_content *content;
	struct uuid id, base_id;

	memcpy(id.bytes, payload + BEGIN_SNAPSHOT, UUID_SIZE);
	memcpy(base_id.bytes, payload + BEGIN_BASE, UUID_SIZE);
	*base = NULL;
	if (find(model, &id) != NULL)
		return NULL;	/* it is there already */
	if (!uuid_is_nil(&base_id))
		demand_base(model, &base_id,
		    le64_get(payload + BEGIN_BASE_SIZE));
	*base = model_known(model, &base_id);
	content = add(model, &id, le64_get(payload + BEGIN_SIZE));
	if (content == NULL || uuid_is_nil(&base_id))
		return content;
	if (*base == NULL) {
		forget(content);
		return NULL;
	}
	copy_base(*base, 0, content->size, content->bytes);
	return content;
}

void
model_stream(struct model *model, const struct frames *frames,
    size_t received)
{
	const struct model_content *base = NULL;
	struct model_content *content = NULL;

	for (size_t i = 0; i < frames->count && received > 0; i++) {
		const struct frame *frame = &frames->frame[i];

		if (frame->type == RECORD_END)
			received--;
		if (frame->type == RECORD_BEGIN)
			content = begin(model, frame->payload, &base);
		if (content != NULL && frame->type == RECORD_RESUME)
			apply_resume(model, content, frame->payload);
		if (content == NULL || (frame->type != RECORD_DATA &&
		    frame->type != RECORD_ZERO && frame->type != RECORD_HOLE &&
		    frame->type != RECORD_CLONE))
			continue;
		if (frame->type == RECORD_CLONE ?
		    !apply_clone(content, base, frame->payload) :
		    !apply(content, base, frame)) {
			forget(content);
			content = NULL;
		}
	}
}

void
model_free(struct model *model)
{
	for (size_t i = 0; i < model->count; i++)
		free(model->content[i].bytes);
	model->count = 0;
}
