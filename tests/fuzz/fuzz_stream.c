/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_stream.c - fuzz target: an input as a stream, received into a directory.
 *
 * The optional features of the stream header mean nothing to a reader; here
 * they choose how to receive.
 */
#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/le.h"
#include "stream-format/record.h"
#include "tests/fuzz/frames.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/model.h"
#include "tests/fuzz/place.h"

/* An input that writes more only takes time. */
#define WRITE_MAX (2u << 20)

/* Bits of the optional features. */
#define LIVE 1u
#define DRY_RUN 2u
#define TRUSTED 4u
#define AS 8u
#define NEVER 16u
#define ALWAYS 32u
#define RESERVE 64u
#define RESUMABLE 128u
#define INTERRUPTED 256u	/* an earlier run was, see place_interrupt() */
#define WRONG_SHIFT 9		/* what is wrong with what it left */

static struct receive_options
choose_options(const struct frames *frames)
{
	const uint64_t bits = le64_get(frames->header + 24);
	struct receive_options options = {
		.live = (bits & LIVE) != 0,
		.dry_run = (bits & DRY_RUN) != 0,
		.trusted = (bits & TRUSTED) != 0,
		.resumable = (bits & RESUMABLE) != 0,
		.as = (bits & AS) != 0 ? "other" : NULL,
		.reserve = { .given = true },
	};

	if ((bits & NEVER) != 0)
		options.reflink = REFLINK_NEVER;
	else if ((bits & ALWAYS) != 0)
		options.reflink = REFLINK_ALWAYS;
	if ((bits & RESERVE) != 0)
		options.reserve.bytes = UINT64_MAX;
	return options;
}

/* How many bytes the frames ask to be written, without holes. */
static uint64_t
written(const struct frames *frames)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < frames->count; i++) {
		const struct frame *frame = &frames->frame[i];
		const size_t count = frame_ranges(frame->type, frame->payload,
		    frame->length);

		for (size_t j = 0; j < count; j++) {
			const uint64_t length = frame_range_length(frame->type,
			    frame->payload + frame_range(frame->type, j));

			if (frame->type == RECORD_HOLE)
				continue;
			sum = length > UINT64_MAX - sum ? UINT64_MAX :
			    sum + length;
		}
	}
	return sum;
}

/* The lowest descriptor that is free: it moves if one leaks. */
static int
free_descriptor(void)
{
	const int fd = fcntl(STDERR_FILENO, F_DUPFD, 0);

	close(fd);
	return fd;
}

/* Leave a partial, if the stream asks for that. */
static bool
interrupt(struct place_of_fuzz *place, const struct frames *frames,
    struct model *model)
{
	const uint64_t bits = le64_get(frames->header + 24);

	return (bits & INTERRUPTED) != 0 && place_interrupt(place, frames,
	    (enum place_wrong)((bits >> WRONG_SHIFT) % PLACE_WRONGS), model);
}

static void
receive(struct place_of_fuzz *place, const struct frames *frames, int fd)
{
	const struct receive_options options = choose_options(frames);
	const int lowest = free_descriptor();
	struct model model = { .count = 0 };
	struct receive_result result;
	struct err err = ERR_INIT;
	bool interrupted;
	int rc;

	interrupted = interrupt(place, frames, &model);
	rc = receive_stream(fd, place->path, &options, &result, &err);
	fuzz_demand(rc <= 0 && rc == -(int)err.code && rc >= -ERR_HOOK &&
	    (rc == 0 || err.text[0] != '\0'), "receive: %d %s", rc, err.text);
	if (rc == 0)
		fuzz_demand(result.count > 0, "nothing was received");
	if (options.dry_run) {
		receive_result_free(&result);
	} else if (result.count > 0 || rc == -ERR_INTERRUPTED) {
		model_base(&model, &place->base_id, place->content,
		    PLACE_BASE_SIZE);
		model_stream(&model, frames, result.count +
		    (rc == -ERR_INTERRUPTED));
	}
	place_check_partial(place, rc == -ERR_INTERRUPTED || (interrupted &&
	    (rc != 0 || options.dry_run)), &model);
	place_check(place, &result, &model);
	receive_result_free(&result);
	model_free(&model);
	fuzz_demand(free_descriptor() == lowest, "a descriptor stays open");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct place_of_fuzz place;
	static struct frames frames;

	if (place.path == NULL)
		place_make(&place);
	frames_take(data, size, &frames);
	if (written(&frames) <= WRITE_MAX)
		receive(&place, &frames, fuzz_input(data, size));
	return 0;
}
