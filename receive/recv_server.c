/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recv_server.c - refrecv --serve: receive what the near side sends.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "receive/live.h"
#include "receive/recv_server.h"
#include "receive/remedy.h"
#include "receive/unfinished.h"
#include "serve/server.h"
#include "snapshot/catalog.h"
#include "snapshot/prune.h"

/* What a server of this kind keeps between requests. */
struct session {
	struct receive_serving serving;
	struct remedy *remedy;	/* of a replica, under way; or NULL */
};

static int
tell_received(struct server *server, const struct received *received,
    struct err *err)
{
	struct dialogue_received *told = &server->message.u.received;
	const char *slash = strrchr(received->path, '/');

	server_prepare(server, DIALOGUE_RECEIVED);
	told->id = received->id;
	told->present = received->present;
	told->data = received->data;
	strcpy(told->file, slash != NULL ? slash + 1 : received->path);
	return server_tell(server, err);
}

/* Comes from the thread that made it durable. */
static void
tell_durable(void *cookie, const struct uuid *snapshot, uint64_t offset)
{
	struct server *server = cookie;
	struct dialogue message = { .type = DIALOGUE_DURABLE };
	struct err ignored = ERR_INIT;

	message.u.durable.id = *snapshot;
	message.u.durable.offset = offset;
	/* That nobody hears is found by whoever reads the stream. */
	talk_put(server->talk, &message, &ignored);
}

static int
on_unfinished(struct server *server, struct err *err)
{
	struct err none = ERR_INIT;
	struct unfinished *list = NULL;
	size_t count = 0;
	int rc = unfinished_list(SERVER_HERE, &list, &count, &none);

	if (rc == -ERR_NOBASE || rc == -ERR_LOCKED)
		return 0;
	if (rc != 0)
		*err = none;
	for (size_t i = 0; rc == 0 && i < count; i++) {
		server_prepare(server, DIALOGUE_TOKEN);
		server->message.u.token = list[i].token;
		rc = server_tell(server, err);
	}
	free(list);
	return rc;
}

static int
on_stream(struct server *server, const struct dialogue_stream *stream,
    struct err *err)
{
	const struct session *const session = server->cookie;
	struct receive_options options = session->serving.receive;
	struct receive_result result;
	struct err untold = ERR_INIT;
	int rc, told = 0;

	if (stream->live && server->append_only)
		return err_set(err, ERR_FAILED,
		    "nothing is replaced here (--append-only)");
	options.live = stream->live;
	options.as = stream->as[0] != '\0' ? stream->as : NULL;
	options.embedded = true;
	options.resumable = true;
	options.durable = tell_durable;
	options.cookie = server;
	rc = receive_stream(server->in, SERVER_HERE, &options, &result, err);
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

/*
 * Publish the live file of a snapshot that is here.  It goes by the name that it
 * was received under: what checks a new name are the checks of a stream.
 */
static int
publish_live(struct store *store, const struct dialogue_live *request,
    const struct receive_options *options, struct err *err)
{
	const struct catalog_entry *entry;
	struct catalog catalog;
	char text[UUID_TEXT_SIZE];
	int rc = catalog_read(store, &catalog, err);

	if (rc != 0)
		return rc;
	entry = catalog_find(&catalog, &request->id);
	if (entry == NULL || entry->state == SEAL_BROKEN ||
	    seal_is_plain(&entry->seal))
		rc = err_set(err, ERR_NOBASE, "there is no snapshot %s of a "
		    "live file", uuid_format(&request->id, text));
	else if (request->as[0] != '\0' &&
	    strcmp(request->as, entry->seal.origin) != 0)
		rc = err_set(err, ERR_IDENTITY, "%s is here already, as a "
		    "snapshot of %s: nothing is published as %s", entry->name,
		    entry->seal.origin, request->as);
	else
		rc = live_publish(store, entry->seal.origin,
		    &entry->seal.lineage, &request->id, options->reflink,
		    options->notify, err);
	catalog_free(&catalog);
	return rc;
}

static int
on_live(struct server *server, const struct dialogue_live *request,
    struct err *err)
{
	const struct session *const session = server->cookie;
	const struct receive_options *options = &session->serving.receive;
	struct store store = STORE_INIT;
	int rc;

	if (server->append_only)
		return err_set(err, ERR_FAILED,
		    "nothing is replaced here (--append-only)");
	rc = store_open(SERVER_HERE, false, ERR_STREAM, &store, err);
	if (rc == 0)
		rc = store_lock(&store, options->wait, err);
	if (rc == 0)
		rc = store_make(&store, err);
	if (rc == 0)
		rc = publish_live(&store, request, options, err);
	store_close(&store);
	return rc;
}

/* What tell_pruned() needs. */
struct pruning {
	struct server *server;
	struct err *err;
	int rc;
};

static void
tell_pruned(void *cookie, const struct catalog_entry *entry,
    const char *path, enum prune_fate fate)
{
	struct pruning *pruning = cookie;
	struct dialogue *message = &pruning->server->message;

	(void)path;
	if (fate != PRUNE_DELETED || pruning->rc != 0)
		return;
	server_prepare(pruning->server, DIALOGUE_PRUNED);
	message->u.pruned.id = entry->seal.id;
	strcpy(message->u.pruned.file, entry->name);
	pruning->rc = server_tell(pruning->server, pruning->err);
}

static int
on_prune(struct server *server, const struct dialogue_prune *request,
    struct err *err)
{
	const struct session *const session = server->cookie;
	struct err untold = ERR_INIT;
	struct pruning pruning = { server, &untold, 0 };
	const struct prune_ahead ahead = {
		.lineage = request->lineage, .times = request->ahead,
		.count = request->ahead_count, .tag = request->tag,
	};
	struct prune_options options = {
		.dry_run = request->dry_run,
		.ahead = request->dry_run ? &ahead : NULL,
		.protected = request->keep,
		.protected_count = request->keep_count,
		.notify = session->serving.receive.notify, .told = tell_pruned,
		.cookie = &pruning,
	};
	int rc;

	if (server->append_only && !request->dry_run)
		return err_set(err, ERR_FAILED,
		    "nothing is deleted here (--append-only)");
	rc = retention_parse(request->policy, &options.keep, err);
	if (rc == 0)
		rc = prune_snapshots(request->origin, &options, err);
	if (rc == 0 && pruning.rc != 0) {
		*err = untold;
		rc = pruning.rc;
	}
	return rc;
}

static int
on_mend(struct server *server, const struct dialogue_mend *request,
    struct err *err)
{
	struct session *const session = server->cookie;

	if (server->append_only)
		return err_set(err, ERR_FAILED,
		    "nothing is replaced here (--append-only)");
	if (session->remedy != NULL)
		return err_set(err, ERR_STREAM, "a MEND within another");
	return remedy_begin(SERVER_HERE, request, &session->serving.receive,
	    &session->remedy, err);
}

static int
on_seal(struct session *session, struct err *err)
{
	const int rc = remedy_finish(session->remedy, err);

	remedy_free(session->remedy);
	session->remedy = NULL;
	return rc;
}

static int
answer(struct server *server, struct err *err)
{
	struct session *const session = server->cookie;

	if (session->remedy == NULL && (server->request.type == DIALOGUE_PATCH ||
	    server->request.type == DIALOGUE_SEAL))
		return err_set(err, ERR_STREAM, "%s comes before MEND",
		    dialogue_name((uint32_t)server->request.type));
	switch (server->request.type) {
	case DIALOGUE_STREAM:
		return on_stream(server, &server->request.u.stream, err);
	case DIALOGUE_LIVE:
		return on_live(server, &server->request.u.live, err);
	case DIALOGUE_UNFINISHED:
		return on_unfinished(server, err);
	case DIALOGUE_PRUNE:
		return on_prune(server, &server->request.u.prune, err);
	case DIALOGUE_MEND:
		return on_mend(server, &server->request.u.mend, err);
	case DIALOGUE_PATCH:
		return remedy_patch(session->remedy, &server->request.u.patch, err);
	case DIALOGUE_SEAL:
		return on_seal(session, err);
	default:
		return server_refuse(server, err);
	}
}

int
receive_serve(int in, int out, const struct receive_serving *options, struct err *err)
{
	struct server *server = calloc(1, sizeof(*server));
	struct session session = { .serving = *options };
	int rc;

	if (server == NULL)
		return err_sys(err, ERR_FAILED, "cannot serve");
	server->program = "refrecv";
	server->directory = options->directory;
	server->restricted = options->restricted;
	server->append_only = options->append_only;
	server->answer = answer;
	server->cookie = &session;
	rc = server_run(server, in, out, err);
	remedy_free(session.remedy);
	free(server);
	return rc;
}
