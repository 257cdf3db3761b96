/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sample.h - how long a stream would be, by compressing a part of it.
 */
#ifndef SEND_SAMPLE_H
#define SEND_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "diff/delta.h"
#include "send/gather.h"
#include "stream-format/stream_writer.h"

/*
 * Stands between a delta and a gather: of the data some is passed on, and what
 * the rest would come to is estimated from that.  The first 64 MiB are passed
 * on whole, then 1 MiB of each growth by a sixty-fourth.
 */
struct sample {
	struct gather *gather;
	const struct stream_writer *writer;	/* that of gather */
	uint64_t ranges;	/* that changed; those that touch are one */
	uint64_t end;		/* of the last one */
	uint64_t data;		/* bytes of data, in all */
	uint64_t skipped;	/* of them not passed on */
	double extra;		/* what those would come to in the stream */
	/* The piece that is being passed on, or was before what is skipped. */
	uint64_t start;		/* bytes of the stream before it */
	uint64_t passed;	/* bytes of data in it so far */
	double ratio;		/* bytes of the stream for each of its data */
	uint64_t left;		/* bytes of data to be skipped yet */
};

/* Begin with one snapshot. */
void sample_start(struct sample *sample, struct gather *gather,
    const struct stream_writer *writer);

/* A delta_sink whose cookie is the struct sample. */
int sample_event(void *cookie, const struct delta_event *event,
    struct err *err);

#endif
