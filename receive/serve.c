/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * serve.c - the far side of refsync.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "receive/enter.h"
#include "receive/serve.h"
#include "snapshot/catalog.h"
#include "snapshot/hold.h"
#include "snapshot/hold_move.h"
#include "stream-format/frame.h"
#include "stream-format/talk.h"

#define HERE "."	/* the directory, once it was entered */

struct server {
	const struct serve_options *options;
	struct talk *talk;
	int in;
	bool entered;
	struct dialogue request, answer;
};

static int
say_hello(struct server *server, struct err *err)
{
	struct dialogue_hello *hello = &server->answer.u.hello;

	memset(&server->answer, 0, sizeof(server->answer));
	server->answer.type = DIALOGUE_HELLO;
	hello->version = DIALOGUE_VERSION;
	hello->stream = STREAM_VERSION;
	hello->features = FEATURES_SUPPORTED;
	strcpy(hello->program, "refrecv " PACKAGE_VERSION);
	return talk_put(server->talk, &server->answer, err);
}

static int
on_open(struct server *server, const struct dialogue_open *open,
    struct err *err)
{
	const struct serve_options *options = server->options;
	int rc;

	if (server->entered)
		return err_set(err, ERR_STREAM, "a second OPEN");
	rc = enter(options->directory, options->restricted, open->path,
	    open->make, err);
	server->entered = rc == 0;
	return rc;
}

static void
fill_held(const struct catalog_entry *entry, struct dialogue_held *held)
{
	held->id = entry->seal.id;
	held->lineage = entry->seal.lineage;
	held->generation = entry->seal.generation;
	held->cut = entry->seal.cut;
	held->size = entry->identity.size;
	held->created = entry->seal.created;
	held->valid = entry->state != SEAL_BROKEN;
	strcpy(held->origin, entry->seal.origin);
	strcpy(held->name, entry->seal.name);
}

static int
tell_entry(struct server *server, const struct store *store,
    const struct catalog_entry *entry, struct err *err)
{
	struct dialogue_held *held = &server->answer.u.held;
	struct holds holds;
	int rc;

	memset(&server->answer, 0, sizeof(server->answer));
	server->answer.type = DIALOGUE_HELD;
	fill_held(entry, held);
	rc = hold_list(store, &entry->seal.id, &holds, err);
	if (rc != 0)
		return rc;
	held->held = holds.count > 0;
	holds_free(&holds);
	return talk_put(server->talk, &server->answer, err);
}

/* What is here of a lineage, or of all. */
static int
on_list(struct server *server, const struct dialogue_list *list,
    struct err *err)
{
	struct store store = STORE_INIT;
	struct catalog catalog = { NULL, 0 };
	int rc;

	rc = store_open(HERE, false, ERR_STREAM, &store, err);
	if (rc == 0)
		rc = catalog_read(&store, &catalog, err);
	for (size_t i = 0; rc == 0 && i < catalog.count; i++) {
		const struct catalog_entry *entry = &catalog.entries[i];

		if (uuid_is_nil(&list->lineage) ||
		    uuid_equal(&list->lineage, &entry->seal.lineage))
			rc = tell_entry(server, &store, entry, err);
	}
	catalog_free(&catalog);
	store_close(&store);
	return rc;
}

static int
on_hold(const struct dialogue_hold *hold, struct err *err)
{
	struct store store = STORE_INIT;
	struct catalog catalog = { NULL, 0 };
	const struct catalog_entry *entry;
	char id[UUID_TEXT_SIZE];
	int rc;

	rc = hold_check_tag(hold->tag, err);
	if (rc == 0)
		rc = store_open(HERE, false, ERR_STREAM, &store, err);
	if (rc == 0)
		rc = catalog_read(&store, &catalog, err);
	if (rc == 0) {
		entry = catalog_find(&catalog, &hold->id);
		rc = entry == NULL || entry->state == SEAL_BROKEN ?
		    err_set(err, ERR_NOBASE, "snapshot %s, to be held, is not "
		    "there", uuid_format(&hold->id, id)) :
		    hold_move(&store, &catalog, entry, hold->tag, err);
	}
	catalog_free(&catalog);
	store_close(&store);
	return rc;
}

static int
tell_received(struct server *server, const struct received *received,
    struct err *err)
{
	struct dialogue_received *told = &server->answer.u.received;
	const char *slash = strrchr(received->path, '/');

	memset(&server->answer, 0, sizeof(server->answer));
	server->answer.type = DIALOGUE_RECEIVED;
	told->id = received->id;
	told->present = received->present;
	told->data = received->data;
	strcpy(told->file, slash != NULL ? slash + 1 : received->path);
	return talk_put(server->talk, &server->answer, err);
}

static int
on_stream(struct server *server, const struct dialogue_stream *stream,
    struct err *err)
{
	struct receive_options options = server->options->receive;
	struct receive_result result;
	struct err untold = ERR_INIT;
	int rc, told = 0;

	if (stream->live && server->options->append_only)
		return err_set(err, ERR_FAILED,
		    "nothing is replaced here (--append-only)");
	options.live = stream->live;
	options.as = stream->as[0] != '\0' ? stream->as : NULL;
	options.embedded = true;
	rc = receive_stream(server->in, HERE, &options, &result, err);
	/* What was complete before a failure stays, and is told. */
	for (size_t i = 0; told == 0 && i < result.count; i++)
		told = tell_received(server, &result.snapshots[i], &untold);
	receive_result_free(&result);
	if (rc == 0 && told != 0) {
		*err = untold;
		rc = told;
	}
	return rc;
}

/* One request; its answers go out, but for DONE. */
static int
answer(struct server *server, struct err *err)
{
	const struct dialogue *request = &server->request;

	if (request->type != DIALOGUE_OPEN && !server->entered)
		return err_set(err, ERR_STREAM, "%s comes before OPEN",
		    dialogue_name((uint32_t)request->type));
	switch (request->type) {
	case DIALOGUE_OPEN:
		return on_open(server, &request->u.open, err);
	case DIALOGUE_LIST:
		return on_list(server, &request->u.list, err);
	case DIALOGUE_HOLD:
		return on_hold(&request->u.hold, err);
	case DIALOGUE_STREAM:
		return on_stream(server, &request->u.stream, err);
	default:
		return err_set(err, ERR_STREAM, "%s is no request",
		    dialogue_name((uint32_t)request->type));
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
	struct dialogue_error *error = &server->answer.u.error;
	struct err ignored = ERR_INIT;

	memset(&server->answer, 0, sizeof(server->answer));
	server->answer.type = DIALOGUE_ERROR;
	error->code = err->code;
	memcpy(error->text, err->text, sizeof(error->text));
	error->text[sizeof(error->text) - 1] = '\0';
	talk_put(server->talk, &server->answer, &ignored);
}

int
serve(int in, int out, const struct serve_options *options, struct err *err)
{
	struct server *server = calloc(1, sizeof(*server));
	int rc;

	if (server == NULL)
		return err_sys(err, ERR_FAILED, "cannot serve");
	server->options = options;
	server->in = in;
	rc = talk_new(in, out, "refsync", 0, &server->talk, err);
	if (rc == 0)
		rc = converse(server, err);
	if (rc != 0 && server->talk != NULL)
		tell_error(server, err);
	talk_free(server->talk);
	free(server);
	return rc;
}
