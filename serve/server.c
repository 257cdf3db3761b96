/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server.c - the far side of refsync.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "serve/enter.h"
#include "serve/holdings.h"
#include "serve/prove.h"
#include "serve/server.h"
#include "stream-format/frame.h"

void
server_prepare(struct server *server, enum dialogue_type type)
{
	memset(&server->message, 0, sizeof(server->message));
	server->message.type = type;
}

int
server_tell(struct server *server, struct err *err)
{
	return talk_put(server->talk, &server->message, err);
}

int
server_refuse(const struct server *server, struct err *err)
{
	return err_set(err, ERR_STREAM, "%s --serve does not answer %s",
	    server->program, dialogue_name((uint32_t)server->request.type));
}

static int
say_hello(struct server *server, struct err *err)
{
	struct dialogue_hello *hello = &server->message.u.hello;

	server_prepare(server, DIALOGUE_HELLO);
	hello->version = DIALOGUE_VERSION;
	hello->stream = STREAM_VERSION;
	hello->features = FEATURES_SUPPORTED;
	snprintf(hello->program, sizeof(hello->program),
	    "%s " PACKAGE_VERSION, server->program);
	return server_tell(server, err);
}

static int
on_open(struct server *server, struct err *err)
{
	const struct dialogue_open *open = &server->request.u.open;
	int rc;

	if (server->opened)
		return err_set(err, ERR_STREAM, "a second OPEN");
	rc = enter(server->directory, server->restricted, open->path,
	    open->make, err);
	server->opened = rc == 0;
	return rc;
}

/* One request; its answers go out, but for DONE. */
static int
answer(struct server *server, struct err *err)
{
	const struct dialogue *request = &server->request;

	if (request->type != DIALOGUE_OPEN && !server->opened)
		return err_set(err, ERR_STREAM, "%s comes before OPEN",
		    dialogue_name((uint32_t)request->type));
	switch (request->type) {
	case DIALOGUE_OPEN:
		return on_open(server, err);
	case DIALOGUE_LIST:
		return holdings_list(server, &request->u.list, err);
	case DIALOGUE_HOLD:
		return holdings_hold(&request->u.hold, err);
	case DIALOGUE_VERIFY:
		return prove(server, &request->u.verify, err);
	default:
		return server->answer(server, err);
	}
}

/* From HELLO to BYE. */
static int
converse(struct server *server, struct err *err)
{
	int rc = talk_expect(server->talk, DIALOGUE_HELLO, &server->request,
	    err);

	if (rc != 0)
		return rc > 0 ? err_set(err, ERR_STREAM, "no HELLO") : rc;
	/* The near side knows best what to say of a version that differs. */
	rc = say_hello(server, err);
	if (rc == 0)
		rc = talk_beat(server->talk, true, err);
	while (rc == 0) {
		rc = talk_get(server->talk, &server->request, err);
		if (rc != 0 || server->request.type == DIALOGUE_BYE)
			break;
		rc = answer(server, err);
		if (rc == 0)
			rc = talk_put_type(server->talk, DIALOGUE_DONE, err);
	}
	return rc > 0 ? 0 : rc;
}

static void
tell_error(struct server *server, const struct err *err)
{
	struct dialogue_error *error = &server->message.u.error;
	struct err ignored = ERR_INIT;

	server_prepare(server, DIALOGUE_ERROR);
	error->code = err->code;
	snprintf(error->text, sizeof(error->text), "%s", err->text);
	server_tell(server, &ignored);
}

int
server_run(struct server *server, int in, int out, struct err *err)
{
	int rc;

	server->in = in;
	server->out = out;
	rc = talk_new(in, out, "refsync", 0, &server->talk, err);
	if (rc != 0)
		return rc;
	rc = converse(server, err);
	if (rc != 0)
		tell_error(server, err);
	talk_free(server->talk);
	return rc;
}
