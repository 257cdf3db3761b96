/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pipeline.h - prepare pieces side by side, and hand them on in order.
 *
 * The caller fills one piece after another; workers work on any of them at
 * once; a sink takes them in the order in which they were filled.  There are
 * as many pieces as the caller made, so memory is bounded: when all are on
 * their way, filling waits.
 */
#ifndef COMMON_PIPELINE_H
#define COMMON_PIPELINE_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define PIPELINE_THREADS_MAX 256u
#define PIPELINE_DEFAULT_MAX 8u

struct pipeline;

/*
 * One step of a piece: 0, or -code with err.  Steps of different pieces run at
 * the same time, each in a thread that it must not assume to be the same twice.
 */
typedef int pipeline_step(void *cookie, void *piece, struct err *err);

/*
 * Make a pipeline of count pieces, which stay the caller's.  With threads > 1,
 * so many workers and one thread for the sink are started; with 1 there are
 * none, and pipeline_put() does it all; so it is too if the system gives no
 * threads.  count should be two pieces more than twice the threads.  ERR_FAILED
 * without memory.
 */
int pipeline_new(unsigned threads, void **pieces, size_t count,
    pipeline_step *work, pipeline_step *sink, void *cookie,
    struct pipeline **pipeline, struct err *err);

/*
 * The next piece to be filled.  Waits for one to be free.  The error of the
 * first piece that failed, once one did.
 */
int pipeline_next(struct pipeline *pipeline, void **piece, struct err *err);

/*
 * The piece that pipeline_next() gave is filled: send it on its way.  Returns how
 * many were put by now.
 */
uint64_t pipeline_put(struct pipeline *pipeline);

/*
 * Wait until the first count of the pieces that were put are no longer on their
 * way.  Returns 0 if all that left it reached the sink and it took it; else the
 * error of the first piece, in order, that failed; the sink took none after it.
 */
int pipeline_wait(struct pipeline *pipeline, uint64_t count, struct err *err);

/* The same for all that were put. */
int pipeline_drain(struct pipeline *pipeline, struct err *err);

/*
 * The share of their time that workers worked, 0 to 1, since this was last
 * asked.
 */
double pipeline_load(struct pipeline *pipeline);

/* Wait until nothing is on its way, and end the threads.  NULL is harmless. */
void pipeline_free(struct pipeline *pipeline);

/*
 * The number of threads to use by default: the processors of this process, but
 * at most PIPELINE_DEFAULT_MAX, since each has pieces of some MiB.
 */
unsigned pipeline_processors(void);

#endif
