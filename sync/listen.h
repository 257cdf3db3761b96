/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * listen.h - hear what the far side says while a stream is being written to it.
 */
#ifndef SYNC_LISTEN_H
#define SYNC_LISTEN_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "sync/peer.h"

struct listener {
	struct peer *peer;
	pthread_t thread;
	/* Good after listen_end(). */
	uint64_t received;	/* snapshots */
	bool durable;		/* a part of one cannot be lost any more */
	int rc;
	struct err err;
};

/*
 * Listen in a thread, until DONE or the end; nobody else may read meanwhile.
 * If the far side gives no sign of life the connection is broken off, so that
 * whoever writes to it does not wait for ever.
 */
int listen_begin(struct listener *listener, struct peer *peer,
    struct err *err);

/*
 * Sending is over, with rc and err.  Wait for DONE; if sending failed, find out
 * whether that was the far side's doing, and else break off the connection.
 * Returns 0, or the failure that was first, with err.
 */
int listen_end(struct listener *listener, int rc, struct err *err);

#endif
