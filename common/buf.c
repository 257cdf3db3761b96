/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * buf.c - typed fields in a bounded buffer.
 */
#include "config.h"

#include <string.h>

#include "common/buf.h"
#include "common/le.h"

/* Room for length more bytes, or NULL. */
static uint8_t *
reserve(struct buf_writer *w, size_t length)
{
	uint8_t *place;

	if (w->overflow || w->size - w->used < length) {
		w->overflow = true;
		return NULL;
	}
	place = w->data + w->used;
	w->used += length;
	return place;
}

void
buf_put(struct buf_writer *w, const void *bytes, size_t length)
{
	uint8_t *place = reserve(w, length);

	if (place != NULL && length > 0)
		memcpy(place, bytes, length);
}

void
buf_put8(struct buf_writer *w, uint8_t value)
{
	buf_put(w, &value, 1);
}

void
buf_put16(struct buf_writer *w, uint16_t value)
{
	uint8_t *place = reserve(w, 2);

	if (place != NULL)
		le16_put(place, value);
}

void
buf_put32(struct buf_writer *w, uint32_t value)
{
	uint8_t *place = reserve(w, 4);

	if (place != NULL)
		le32_put(place, value);
}

void
buf_put64(struct buf_writer *w, uint64_t value)
{
	uint8_t *place = reserve(w, 8);

	if (place != NULL)
		le64_put(place, value);
}

void
buf_put_string(struct buf_writer *w, const void *bytes, size_t length)
{
	if (length > UINT16_MAX) {
		w->overflow = true;
		return;
	}
	buf_put16(w, (uint16_t)length);
	buf_put(w, bytes, length);
}

const uint8_t *
buf_get(struct buf_reader *r, size_t length)
{
	const uint8_t *place;

	if (r->underrun || r->size - r->pos < length) {
		r->underrun = true;
		return NULL;
	}
	place = r->data + r->pos;
	r->pos += length;
	return place;
}

void
buf_get_copy(struct buf_reader *r, void *out, size_t length)
{
	const uint8_t *place = buf_get(r, length);

	if (place != NULL)
		memcpy(out, place, length);
}

uint8_t
buf_get8(struct buf_reader *r)
{
	const uint8_t *place = buf_get(r, 1);

	return place != NULL ? *place : 0;
}

uint16_t
buf_get16(struct buf_reader *r)
{
	const uint8_t *place = buf_get(r, 2);

	return place != NULL ? le16_get(place) : 0;
}

uint32_t
buf_get32(struct buf_reader *r)
{
	const uint8_t *place = buf_get(r, 4);

	return place != NULL ? le32_get(place) : 0;
}

uint64_t
buf_get64(struct buf_reader *r)
{
	const uint8_t *place = buf_get(r, 8);

	return place != NULL ? le64_get(place) : 0;
}

const uint8_t *
buf_get_string(struct buf_reader *r, size_t *length)
{
	const uint8_t *place;

	*length = buf_get16(r);
	place = buf_get(r, *length);
	if (place == NULL)
		*length = 0;
	return place;
}

void
buf_get_text(struct buf_reader *r, char *out, size_t size)
{
	size_t length;
	const uint8_t *place = buf_get_string(r, &length);

	if (place == NULL || length >= size) {
		r->underrun = true;
		length = 0;
	} else if (length > 0) {
		memcpy(out, place, length);
	}
	out[length] = '\0';
}

bool
buf_complete(const struct buf_reader *r)
{
	return !r->underrun && r->pos == r->size;
}
