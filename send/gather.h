/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gather.h - pack the ranges of a delta into records.
 *
 * Changed blocks lie scattered; gathered into records of some size they
 * compress better, above all against their own old contents.  Records are
 * compressed by several threads and written by one more.
 */
#ifndef SEND_GATHER_H
#define SEND_GATHER_H

#include <stdint.h>

#include "common/err.h"
#include "diff/delta.h"
#include "send/alike.h"
#include "snapshot/digest.h"
#include "stream-format/stream_writer.h"

#define GATHER_AUTO (-1)

struct gather;

/*
 * Gather into writer, which must outlive it.  level is that of zstd, 0 stores
 * raw bytes, GATHER_AUTO takes what time there is: it rises, up to 9, while
 * reading or writing is slower than compressing, and falls, down to 1, while it
 * is not.  Until gather_finish() returns, nobody else may use the writer.
 */
int gather_new(struct stream_writer *writer, int level, unsigned threads,
    struct gather **gather, struct err *err);

/*
 * Start with a snapshot: digest, if not NULL, takes in all its data; alike, if
 * not NULL, tells what of the base its bytes are like.  Both must outlive
 * gather_finish().
 */
void gather_start(struct gather *gather, struct digest_state *digest,
    const struct alike *alike);

/* Take one event; a delta_sink whose cookie is the struct gather. */
int gather_event(void *cookie, const struct delta_event *event,
    struct err *err);

/* Write what is pending; all is written when this returns. */
int gather_finish(struct gather *gather, struct err *err);

/* Waits for what is being written.  NULL is harmless. */
void gather_free(struct gather *gather);

#endif
