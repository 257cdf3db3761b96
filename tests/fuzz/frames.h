/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frames.h - take a stream apart, frame by frame, and put it together.
 *
 * Nothing is checked: what is no frame is rest.
 */
#ifndef TESTS_FUZZ_FRAMES_H
#define TESTS_FUZZ_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "stream-format/frame.h"

#define FRAMES_MAX 512

struct frame {
	uint16_t type;
	uint16_t flags;
	const uint8_t *payload;
	size_t length;
};

struct frames {
	uint8_t header[STREAM_HEADER_SIZE];
	struct frame frame[FRAMES_MAX];
	size_t count;
	const uint8_t *rest;	/* what follows the last frame */
	size_t rest_length;
};

/* Payloads and rest point into data. */
void frames_take(const uint8_t *data, size_t size, struct frames *frames);

/*
 * Write the stream with right sequence numbers; frames for which there is no
 * room are left out.  Returns its length, 0 if not even the header fits.
 */
size_t frames_put(const struct frames *frames, uint8_t *out, size_t size);

/*
 * Ranges and pieces in the payload of DATA, ZERO, HOLE and CLONE: how many are there
 * indeed, and where the one with a number begins.
 */
size_t frame_ranges(uint16_t type, const uint8_t *payload, size_t length);
size_t frame_range(uint16_t type, size_t number);

/* The length that a range says; at is where it begins. */
uint64_t frame_range_length(uint16_t type, const uint8_t *at);

#endif
