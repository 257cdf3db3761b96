/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * retry.h - try again, with longer and longer pauses, when a connection is lost.
 */
#ifndef SYNC_RETRY_H
#define SYNC_RETRY_H

#include <stdbool.h>

#include "common/err.h"
#include "common/notify.h"

#define RETRY_DEFAULT 5u
#define RETRY_MAX 1000u

/* Set limit; the rest begins with 0. */
struct retry {
	unsigned limit;		/* tries in a row that bring nothing new */
	unsigned tries;
	bool connected;		/* one of the tries reached the far side */
	bool durable;		/* something that is there now was brought */
};

/* What came of one try. */
struct attempt {
	bool connected;		/* the far side answered */
	bool lost;		/* it failed since there is no connection (any more) */
	bool durable;		/* something new is durable there */
};

/*
 * A try ended with rc and err.  If it is worth another one: tell so, forget
 * err, wait, and return true.  It is if the connection was lost after the far
 * side had answered, be it in an earlier try; or if a run that was cut off there
 * still has its lock (ERR_LOCKED).
 *
 * Else false; if something is durable there that the next run can go on with,
 * the failure of a lost connection becomes ERR_INTERRUPTED.
 */
bool retry_again(struct retry *retry, const struct attempt *attempt, int rc,
    const struct notify *notify, struct err *err);

#endif
