/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * retry.c - try again, with longer and longer pauses, when a connection is lost.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sync/retry.h"

#define PAUSE_MAX 60u	/* seconds */

static unsigned
pause_before(unsigned tries)
{
	const unsigned pause = tries < 7 ? 1u << tries : PAUSE_MAX;

	return pause < PAUSE_MAX ? pause : PAUSE_MAX;
}

/* The failure is not all there is to tell. */
static void
interrupt(struct err *err)
{
	const size_t used = strlen(err->text);

	err->code = ERR_INTERRUPTED;
	snprintf(err->text + used, sizeof(err->text) - used,
	    "; what came is kept, the next run goes on from there");
}

bool
retry_again(struct retry *retry, const struct attempt *attempt, int rc,
    const struct notify *notify, struct err *err)
{
	const bool locked = rc == -ERR_LOCKED && retry->connected;
	unsigned seconds;

	retry->connected = retry->connected || attempt->connected;
	retry->durable = retry->durable || attempt->durable;
	if (rc == 0 || !((attempt->lost && retry->connected) || locked))
		return false;
	if (attempt->durable)
		retry->tries = 0;
	if (retry->tries >= retry->limit) {
		if (retry->durable)
			interrupt(err);
		return false;
	}
	seconds = pause_before(retry->tries++);
	notify_line(notify, NOTIFY_WARNING, "%s; trying again in %u s",
	    err->text, seconds);
	err_clear(err);
	sleep(seconds);
	return true;
}
