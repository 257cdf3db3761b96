/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frames.c - take a stream apart, frame by frame, and put it together.
 */
#include "config.h"

#include <string.h>

#include "common/le.h"
#include "stream-format/record.h"
#include "tests/fuzz/frames.h"

/* Where the list begins, where its count is, and how long an entry is. */
#define DATA_PIECES 48u
#define DATA_COUNT 8u
#define DATA_PIECE 12u
#define RANGES_FIRST 8u
#define RANGES_COUNT 4u
#define RANGES_RANGE 16u

void
frames_take(const uint8_t *data, size_t size, struct frames *frames)
{
	size_t at = STREAM_HEADER_SIZE;

	memset(frames->header, 0, sizeof(frames->header));
	memcpy(frames->header, data, size < at ? size : at);
	frames->count = 0;
	if (size < at)
		at = size;
	while (size - at >= FRAME_HEADER_SIZE && frames->count < FRAMES_MAX) {
		const uint8_t *header = data + at;
		const size_t left = size - at - FRAME_HEADER_SIZE;
		struct frame *frame = &frames->frame[frames->count];

		frame->type = le16_get(header + 4);
		frame->flags = le16_get(header + 6);
		frame->length = le32_get(header + 16);
		frame->payload = header + FRAME_HEADER_SIZE;
		if (frame->length > left)
			break;
		frames->count++;
		at += FRAME_HEADER_SIZE + frame->length;
	}
	frames->rest = data + at;
	frames->rest_length = size - at;
}

size_t
frames_put(const struct frames *frames, uint8_t *out, size_t size)
{
	size_t at = STREAM_HEADER_SIZE;

	if (size < at)
		return 0;
	memcpy(out, frames->header, at);
	for (size_t i = 0; i < frames->count; i++) {
		const struct frame *frame = &frames->frame[i];
		struct frame_header header = {
			.type = frame->type,
			.flags = frame->flags,
			.sequence = i,
			.length = (uint32_t)frame->length,
		};

		if (frame->length + FRAME_HEADER_SIZE > size - at)
			return at;
		frame_header_encode(&header, 0, frame->payload, out + at);
		at += FRAME_HEADER_SIZE;
		if (frame->length > 0)
			memcpy(out + at, frame->payload, frame->length);
		at += frame->length;
	}
	if (frames->rest_length > 0 && frames->rest_length <= size - at) {
		memcpy(out + at, frames->rest, frames->rest_length);
		at += frames->rest_length;
	}
	return at;
}

size_t
frame_range(uint16_t type, size_t number)
{
	return type == RECORD_DATA ? DATA_PIECES + number * DATA_PIECE :
	    RANGES_FIRST + number * RANGES_RANGE;
}

size_t
frame_ranges(uint16_t type, const uint8_t *payload, size_t length)
{
	const size_t first = frame_range(type, 0);
	size_t room, said;

	if (type == RECORD_CLONE)
		return length >= frame_range(type, 1) ? 1 : 0;
	if (type != RECORD_DATA && type != RECORD_ZERO && type != RECORD_HOLE)
		return 0;
	if (length < first)
		return 0;
	room = (length - first) / (frame_range(type, 1) - first);
	said = le32_get(payload +
	    (type == RECORD_DATA ? DATA_COUNT : RANGES_COUNT));
	return said < room ? said : room;
}

uint64_t
frame_range_length(uint16_t type, const uint8_t *at)
{
	return type == RECORD_DATA ? le32_get(at + 8) : le64_get(at + 8);
}
