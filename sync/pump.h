/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pump.h - carry bytes between two pipes and a session, in a thread.
 */
#ifndef SYNC_PUMP_H
#define SYNC_PUMP_H

#include <stdbool.h>

#include "common/err.h"
#include "sync/session.h"

struct pump;

/*
 * Carry what is read from the pipe in to the command of a session, what it
 * prints to the pipe out, and its stderr, whole lines where possible, to errors
 * (-1: nowhere).  Takes over session, in and out; when the session ends, for
 * whatever reason, both pipes are closed.
 *
 * A peer of which nothing is heard for so many seconds counts as gone: it is
 * asked for a sign of life in time.
 */
int pump_start(struct session *session, int in, int out, int errors,
    unsigned seconds, struct pump **pump, struct err *err);

/* Give up at once: both pipes are closed. By any thread. */
void pump_break(struct pump *pump);

/*
 * Wait until all is carried and the command has ended, but not longer than so
 * many seconds in which nothing leaves.  The other ends of both pipes are
 * closed by now.  Frees pump and session.  As transport_close().
 */
int pump_stop(struct pump *pump, struct transport_end *end, bool *lost,
    struct err *err);

#endif
