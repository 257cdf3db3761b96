/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * checkpoint.h - make what was received of a snapshot durable, beside receiving
 * more of it, so that an interrupted transfer can go on.
 *
 * At a CHECKPOINT the partial is synced, its state is written into it
 * (snapshot/partial_state.h), and that is synced; from the first one on it is the
 * only one that is kept of its live file.  One is made at a time: the
 * receiver does not read on past a CHECKPOINT until the one before it is
 * durable.  So of what was read, never more is lost than lies between three
 * CHECKPOINTs in a row: 32 MiB of what refsend writes, 64 MiB of what a stream
 * may be, and beside that what the connection held.
 */
#ifndef RECEIVE_CHECKPOINT_H
#define RECEIVE_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "receive/receive.h"
#include "snapshot/partial.h"
#include "snapshot/partial_state.h"

struct checkpoint;

/*
 * threads as for apply_new(): with 1, all is done by the caller.  durable, which
 * may be NULL, is called for each checkpoint.
 */
int checkpoint_new(unsigned threads, receive_durable *durable, void *cookie,
    struct checkpoint **checkpoint, struct err *err);

/* Waits for the one that is being made.  NULL is harmless. */
void checkpoint_free(struct checkpoint *checkpoint);

/*
 * Start with a partial, which must stay open until checkpoint_wait().  state
 * says what it is; noted, that something of it is durable already: the state
 * that is in it, else NULL.  path is for messages.
 */
void checkpoint_start(struct checkpoint *checkpoint,
    const struct partial *partial, const struct partial_state *state,
    const struct partial_state *noted, const char *path);

/*
 * Everything below offset is written: begin to make that durable.  Waits for
 * the one before; the error may be that of one before.  One that brings nothing
 * new is left out.
 */
int checkpoint_make(struct checkpoint *checkpoint, uint64_t offset,
    struct err *err);

/* Wait until none is being made.  The error of the first that failed. */
int checkpoint_wait(struct checkpoint *checkpoint, struct err *err);

/*
 * Nothing more comes, and the partial will lie there: close the state that is in
 * it.  After checkpoint_wait() only.
 */
int checkpoint_close(struct checkpoint *checkpoint, struct err *err);

/* How far is it durable? 0: not at all.  After checkpoint_wait() only. */
uint64_t checkpoint_offset(const struct checkpoint *checkpoint);

#endif
