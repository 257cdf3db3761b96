/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peer.c - the far side: a connection, and a dialogue over it.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream-format/frame.h"
#include "sync/peer.h"

#define SERVE "--serve"

static char *
name_of(const struct location *location)
{
	const bool far = location->host != NULL;
	const size_t size = strlen(location->path) + 2 +
	    (far ? strlen(location->host) : 0);
	char *name = malloc(size);

	if (name != NULL)
		snprintf(name, size, "%s%s%s", far ? location->host : "",
		    far ? ":" : "", location->path);
	return name;
}

static int
greet(struct peer *peer, const char *tool, struct err *err)
{
	struct dialogue_hello *hello = &peer->message.u.hello;
	struct err why = ERR_INIT;
	int rc;

	memset(&peer->message, 0, sizeof(peer->message));
	peer->message.type = DIALOGUE_HELLO;
	hello->version = DIALOGUE_VERSION;
	hello->stream = STREAM_VERSION;
	hello->features = FEATURES_SUPPORTED;
	strcpy(hello->program, "refsync " PACKAGE_VERSION);
	rc = talk_put(peer->talk, &peer->message, &why);
	if (rc == 0)
		rc = talk_expect(peer->talk, DIALOGUE_HELLO, &peer->message,
		    &why);
	if (rc == -ERR_STREAM)
		return err_set(err, ERR_STREAM, "%s: what answers there is no "
		    "%s " SERVE ": its version is older, or the login shell "
		    "prints something (%s)", peer->name, tool, why.text);
	if (rc != 0) {
		*err = why;
		return rc;
	}
	if (hello->version != DIALOGUE_VERSION ||
	    hello->stream != STREAM_VERSION ||
	    (FEATURES_SUPPORTED & ~hello->features) != 0)
		return err_set(err, ERR_STREAM, "%s: %s there does not fit "
		    "refsync " PACKAGE_VERSION " here (dialogue %" PRIu32
		    ", stream %" PRIu32 ", features %#" PRIx64 "): install "
		    "the same version on both sides", peer->name,
		    hello->program, hello->version, hello->stream,
		    hello->features);
	return 0;
}

static int
open_directory(struct peer *peer, const char *path, bool make,
    struct err *err)
{
	struct dialogue_open *open = &peer->message.u.open;

	if (strlen(path) > DIALOGUE_PATH_MAX)
		return err_set(err, ERR_USAGE, "%s: the path is too long",
		    peer->name);
	memset(&peer->message, 0, sizeof(peer->message));
	open->make = make;
	strcpy(open->path, path);
	return peer_ask(peer, DIALOGUE_OPEN, err);
}

int
peer_open(const struct location *location, const char *tool, bool make,
    const struct transport_options *options, struct peer *peer,
    struct err *err)
{
	char *const argv[] = { (char *)(uintptr_t)tool, SERVE, NULL };
	int rc;

	peer->name = name_of(location);
	if (peer->name == NULL)
		return err_sys(err, ERR_FAILED, "%s", location->path);
	rc = transport_open(location, argv, options, &peer->transport,
	    &peer->lost, err);
	if (rc != 0)
		return rc;
	peer->connected = true;
	rc = talk_new(peer->transport.from, peer->transport.to, peer->name,
	    options->timeout > 0 ? options->timeout : TRANSPORT_TIMEOUT,
	    &peer->talk, err);
	if (rc == 0)
		rc = greet(peer, tool, err);
	if (rc == 0)
		rc = open_directory(peer, location->path, make, err);
	peer->answered = rc == 0;
	if (rc == 0)
		rc = talk_beat(peer->talk, true, err);
	return rc;
}

int
peer_ask(struct peer *peer, enum dialogue_type type, struct err *err)
{
	int rc;

	peer->message.type = type;
	rc = talk_put(peer->talk, &peer->message, err);
	if (rc == 0)
		rc = talk_expect(peer->talk, DIALOGUE_DONE, &peer->message,
		    err);
	return rc;
}

int
peer_hold(struct peer *peer, const struct uuid *id, const char *tag,
    struct err *err)
{
	memset(&peer->message, 0, sizeof(peer->message));
	peer->message.u.hold.id = *id;
	strcpy(peer->message.u.hold.tag, tag);
	return peer_ask(peer, DIALOGUE_HOLD, err);
}

int
peer_publish(struct peer *peer, const struct uuid *id, const char *as,
    struct err *err)
{
	struct dialogue_live *live = &peer->message.u.live;

	memset(&peer->message, 0, sizeof(peer->message));
	live->id = *id;
	if (as != NULL)
		strcpy(live->as, as);
	return peer_ask(peer, DIALOGUE_LIVE, err);
}

int
peer_close(struct peer *peer, int rc, struct err *err)
{
	struct transport_end end;
	struct err why = ERR_INIT;
	bool lost = peer->lost, answered = peer->answered, why_lost, ended;

	if (rc == 0 && peer->talk != NULL)
		rc = talk_put_type(peer->talk, DIALOGUE_BYE, err);
	ended = peer->talk != NULL && talk_ended(peer->talk);
	lost = lost || (peer->talk != NULL && rc != 0 && answered &&
	    talk_lost(peer->talk));
	talk_free(peer->talk);
	if (peer->connected) {
		transport_finish(&peer->transport);
		/* Of a connection that ended, the transport knows why. */
		if (transport_close(&peer->transport, &end, &why_lost,
		    &why) != 0 &&
		    (rc == 0 || (ended && err->code == ERR_FAILED))) {
			*err = why;
			rc = -(int)why.code;
			lost = lost || why_lost;
		}
	}
	free(peer->name);
	*peer = (struct peer)PEER_INIT;
	peer->answered = answered;
	peer->lost = lost;
	return err_never_silent(err, rc);
}
