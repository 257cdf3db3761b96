/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * listen.c - hear what the far side says while a stream is being written to it.
 */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "sync/listen.h"

#define LAST_WORDS 2	/* seconds */

static void *
listen_to(void *cookie)
{
	struct listener *listener = cookie;
	struct peer *peer = listener->peer;
	int rc;

	while ((rc = talk_answer(peer->talk, &peer->message,
	    &listener->err)) == 0) {
		if (peer->message.type == DIALOGUE_DURABLE)
			listener->durable = true;
		else if (peer->message.type == DIALOGUE_RECEIVED)
			listener->received++;
		else
			rc = err_set(&listener->err, ERR_STREAM, "%s: %s comes "
			    "during a stream", peer->name,
			    dialogue_name((uint32_t)peer->message.type));
		if (rc != 0)
			break;
	}
	listener->rc = rc > 0 ? 0 : rc;
	if (rc < 0)
		transport_break(&peer->transport);
	return NULL;
}

int
listen_begin(struct listener *listener, struct peer *peer, struct err *err)
{
	memset(listener, 0, sizeof(*listener));
	listener->peer = peer;
	errno = pthread_create(&listener->thread, NULL, listen_to, listener);
	if (errno != 0)
		return err_sys(err, ERR_FAILED, "%s: no thread", peer->name);
	return 0;
}

int
listen_end(struct listener *listener, int rc, struct err *err)
{
	struct timespec until;
	bool heard = rc == 0;

	if (rc != 0) {
		/* A far side that gave up says why before it ends. */
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += LAST_WORDS;
		heard = pthread_timedjoin_np(listener->thread, NULL,
		    &until) == 0;
		if (!heard)
			transport_break(&listener->peer->transport);
	}
	if (rc == 0 || !heard)
		pthread_join(listener->thread, NULL);
	if (!heard || listener->rc == 0)
		return rc;
	*err = listener->err;
	return listener->rc;
}
