/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mutate.c - mutations for libFuzzer that know what a stream is: they bend,
 * move, repeat and mix whole frames, and put most of the rest right again.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "stream-format/record.h"
#include "tests/fuzz/frames.h"
#include "tests/fuzz/mend.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
    unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1,
    const uint8_t *data2, size_t size2, uint8_t *out, size_t max_size,
    unsigned seed);

/* A number below limit, which is above 0; the generator of POSIX. */
static size_t
below(unsigned *seed, size_t limit)
{
	*seed = *seed * 1103515245u + 12345u;
	return (*seed >> 8) % limit;
}

/* Make room for a frame at a place. */
static struct frame *
insert(struct frames *frames, size_t place)
{
	struct frame *frame = &frames->frame[place];

	memmove(frame + 1, frame, (frames->count - place) * sizeof(*frame));
	frames->count++;
	return frame;
}

static void
drop(struct frames *frames, size_t place)
{
	struct frame *frame = &frames->frame[place];

	frames->count--;
	memmove(frame, frame + 1, (frames->count - place) * sizeof(*frame));
}

/* A copy of a payload, with some bytes more or less or changed. */
static void
bend_payload(struct frame *frame, uint8_t *room, size_t size)
{
	if (frame->length > size)
		return;
	memcpy(room, frame->payload, frame->length);
	frame->length = LLVMFuzzerMutate(room, frame->length, size);
	frame->payload = room;
}

static void
repeat(struct frames *frames, size_t from, size_t to)
{
	const struct frame copy = frames->frame[from];

	if (frames->count < FRAMES_MAX)
		*insert(frames, to) = copy;
}

static void
swap(struct frame *a, struct frame *b)
{
	const struct frame copy = *a;

	*a = *b;
	*b = copy;
}

/* One change; room of size bytes is for a payload. */
static void
change(struct frames *frames, uint8_t *room, size_t size, unsigned *seed)
{
	const size_t one = below(seed, frames->count);
	const size_t other = below(seed, frames->count);
	struct frame *frame = &frames->frame[one];

	switch (below(seed, 16)) {
	case 0:
		repeat(frames, one, other);
		break;
	case 1:
		swap(frame, &frames->frame[other]);
		break;
	case 2:
		drop(frames, one);
		break;
	case 3:
		frame->type = (uint16_t)below(seed, RECORD_END + 2);
		frame->flags = frame->type == RECORD_DIGEST ||
		    frame->type > RECORD_END ? FRAME_OPTIONAL : 0;
		break;
	case 4:
		frame->flags ^= FRAME_OPTIONAL;
		break;
	case 5:
		LLVMFuzzerMutate(frames->header, sizeof(frames->header),
		    sizeof(frames->header));
		break;
	default:
		bend_payload(frame, room, size);
		break;
	}
}

/* Write the frames to data, and mend most of it most times. */
static size_t
finish(const struct frames *frames, uint8_t *data, size_t max_size,
    unsigned *seed)
{
	uint8_t *out = malloc(max_size);
	unsigned what = MEND_ALL;
	size_t size;

	if (out == NULL)
		return 0;
	if (below(seed, 8) == 0)
		what &= (unsigned)below(seed, MEND_ALL + 1);
	size = frames_put(frames, out, max_size);
	mend(out, size, what);
	memcpy(data, out, size);
	free(out);
	return size;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
    unsigned seed)
{
	struct frames frames;
	uint8_t *room;

	frames_take(data, size, &frames);
	/* Now and then the stream is bytes like any other. */
	if (frames.count == 0 || max_size < STREAM_HEADER_SIZE ||
	    below(&seed, 32) == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	room = malloc(max_size);
	if (room == NULL)
		return 0;
	change(&frames, room, max_size, &seed);
	size = finish(&frames, data, max_size, &seed);
	free(room);
	return size;
}

/* Frames of the second stream, some in a row, among those of the first. */
size_t
LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1,
    const uint8_t *data2, size_t size2, uint8_t *out, size_t max_size,
    unsigned seed)
{
	struct frames frames, others;
	size_t from, place, length;

	frames_take(data1, size1, &frames);
	frames_take(data2, size2, &others);
	if (frames.count == 0 || others.count == 0 ||
	    max_size < STREAM_HEADER_SIZE)
		return 0;
	place = below(&seed, frames.count + 1);
	from = below(&seed, others.count);
	length = 1 + below(&seed, others.count - from);
	for (size_t i = 0; i < length && frames.count < FRAMES_MAX; i++)
		*insert(&frames, place + i) = others.frame[from + i];
	return finish(&frames, out, max_size, &seed);
}
