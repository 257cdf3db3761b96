/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gather.h - pack the ranges of a delta into records.
 *
 * Changed blocks lie scattered; gathered into records of some size they
 * compress better, above all against their own old contents.
 */
#ifndef SEND_GATHER_H
#define SEND_GATHER_H

#include <stdint.h>

#include "common/err.h"
#include "diff/delta.h"
#include "snapshot/digest.h"
#include "stream-format/stream_writer.h"

struct gather;

/*
 * Gather into writer.  level is that of zstd, 0 stores raw bytes.  digest, if
 * not NULL, takes in all data.  All must outlive it.  NULL without memory.
 */
struct gather *gather_new(struct stream_writer *writer, int level,
    struct digest_state *digest);

/* Take one event; a delta_sink whose cookie is the struct gather. */
int gather_event(void *cookie, const struct delta_event *event,
    struct err *err);

/* Write what is pending. */
int gather_flush(struct gather *gather, struct err *err);

void gather_free(struct gather *gather);

#endif
