/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peer.h - the far side: a connection, and a dialogue over it.
 */
#ifndef SYNC_PEER_H
#define SYNC_PEER_H

#include <stdbool.h>

#include "common/err.h"
#include "stream-format/talk.h"
#include "sync/location.h"
#include "sync/transport.h"

struct peer {
	char *name;		/* of the place, for messages */
	struct transport transport;
	bool connected;
	struct talk *talk;
	struct dialogue message;	/* the last that came, or the next to go */
	bool answered;		/* it was there, and ready; still so after
				   peer_close(), as is: */
	bool lost;		/* there was no connection (any more): it may help
				   to try again later */
};

/* The value of a peer that is not open. */
#define PEER_INIT { .connected = false }

/*
 * Run tool --serve at a location, and open its directory; make says to make
 * that if it is missing.  ERR_STREAM if what answers is not this version of
 * the tool.  Close with peer_close(), also after a failure.
 */
int peer_open(const struct location *location, const char *tool, bool make,
    const struct transport_options *options, struct peer *peer,
    struct err *err);

/* Send peer->message, of this type, and wait for DONE. */
int peer_ask(struct peer *peer, enum dialogue_type type, struct err *err);

/* Have it hold a snapshot, and let go of the one that this tag held before. */
int peer_hold(struct peer *peer, const struct uuid *id, const char *tag,
    struct err *err);

/*
 * Have a snapshot that is there published as the live file of its name, or as,
 * if that is not NULL.  Nothing is done if it is that already.
 */
int peer_publish(struct peer *peer, const struct uuid *id, const char *as,
    struct err *err);

/*
 * Say goodbye if all went well (rc is 0), and close.  Returns rc; but if the far
 * side ended in a way that explains a failure better than err does, err is
 * that.
 */
int peer_close(struct peer *peer, int rc, struct err *err);

#endif
