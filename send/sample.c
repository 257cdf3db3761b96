/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sample.c - how long a stream would be, by compressing a part of it.
 */
#include "config.h"

#include <string.h>

#include "common/bytes.h"
#include "send/sample.h"

#define PIECE 1048576u		/* bytes of data that are passed on at once */
#define GROWTH 64u		/* then so much of all before is skipped */

void
sample_start(struct sample *sample, struct gather *gather,
    const struct stream_writer *writer)
{
	memset(sample, 0, sizeof(*sample));
	sample->gather = gather;
	sample->writer = writer;
	sample->end = UINT64_MAX;
}

/* A piece begins: what was written before it is not its own. */
static int
begin_piece(struct sample *sample, struct err *err)
{
	const int rc = gather_finish(sample->gather, err);

	sample->start = stream_writer_bytes(sample->writer);
	return rc;
}

/* It is complete: what is skipped after it would be as long. */
static int
end_piece(struct sample *sample, struct err *err)
{
	const int rc = gather_finish(sample->gather, err);
	const uint64_t length = stream_writer_bytes(sample->writer) -
	    sample->start;

	sample->ratio = (double)length / (double)sample->passed;
	sample->passed = 0;
	if (sample->data / GROWTH >= PIECE)
		sample->left = sample->data / GROWTH;
	return rc;
}

static int
take_data(struct sample *sample, const struct delta_event *event,
    struct err *err)
{
	int rc = 0;

	sample->data += event->length;
	if (sample->left > 0) {
		sample->left -= bytes_min(sample->left, event->length);
		sample->skipped += event->length;
		sample->extra += (double)event->length * sample->ratio;
		return 0;
	}
	if (sample->passed == 0)
		rc = begin_piece(sample, err);
	if (rc == 0)
		rc = gather_event(sample->gather, event, err);
	sample->passed += event->length;
	return rc == 0 && sample->passed >= PIECE ? end_piece(sample, err) : rc;
}

int
sample_event(void *cookie, const struct delta_event *event, struct err *err)
{
	struct sample *sample = cookie;

	if (event->offset != sample->end)
		sample->ranges++;
	sample->end = event->offset + event->length;
	return event->kind == DELTA_DATA ? take_data(sample, event, err) :
	    gather_event(sample->gather, event, err);
}
