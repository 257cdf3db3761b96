/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * send_server.c - refsend --serve: send what the near side asks for.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "send/resume.h"
#include "send/send.h"
#include "send/send_server.h"
#include "serve/here.h"
#include "serve/holdings.h"
#include "serve/server.h"
#include "snapshot/create.h"
#include "stream-format/compress.h"

/* The path of a snapshot, to be freed; ERR_NOBASE if it is not here. */
static int
find_path(const struct here *here, const struct uuid *id, char **path,
    struct err *err)
{
	const struct catalog_entry *entry;
	const int rc = here_find(here, id, &entry, err);

	if (rc != 0)
		return rc;
	*path = store_file_path(&here->store, entry->kept, entry->name);
	return *path != NULL ? 0 : err_sys(err, ERR_FAILED, "%s", entry->name);
}

/* Take a snapshot, and tell of it as LIST would. */
static int
on_create(struct server *server, const struct dialogue_create *request,
    struct err *err)
{
	const struct send_serving *const serving = server->cookie;
	const struct create_options options = {
		.reflink = REFLINK_ALWAYS, .notify = serving->notify,
	};
	const struct catalog_entry *entry = NULL;
	struct create_result result;
	struct here here;
	struct stat st;
	int rc;

	/* A link could lead out of the directory. */
	if (lstat(request->origin, &st) != 0)
		return err_sys(err, ERR_FAILED, "%s", request->origin);
	if (S_ISLNK(st.st_mode))
		return err_set(err, ERR_FAILED, "%s is a symbolic link",
		    request->origin);
	rc = create_snapshot(request->origin, &options, &result, err);
	free(result.path);
	if (rc != 0)
		return rc;
	rc = here_open(&here, err);
	if (rc == 0)
		entry = catalog_find(&here.catalog, &result.seal.id);
	if (rc == 0)
		rc = entry != NULL ? holdings_tell(server, &here.store, entry,
		    err) : err_set(err, ERR_FAILED, "%s: its snapshot is gone "
		    "again", request->origin);
	here_close(&here);
	return rc;
}

/* STREAM, and the stream behind it: no sign of life comes between. */
static int
send_stream(struct server *server, const struct chain *chain,
    const struct dialogue_send *request, struct err *err)
{
	const struct send_serving *const serving = server->cookie;
	struct err ignored = ERR_INIT;
	size_t index;
	/* A token that does not fit is of no use: all is sent. */
	const struct send_options options = {
		.level = request->level == DIALOGUE_LEVEL_AUTO ? GATHER_AUTO :
		    (int)request->level,
		.resume = request->resume && resume_find(chain,
		    &request->token, &index, &ignored) == 0 ?
		    &request->token : NULL,
		.threads = serving->threads, .notify = serving->notify,
	};
	struct send_result result;
	int rc;

	rc = talk_beat(server->talk, false, err);
	if (rc == 0)
		rc = talk_put_type(server->talk, DIALOGUE_STREAM, err);
	if (rc == 0)
		rc = send_chain(chain, server->out, &options, &result, err);
	return rc == 0 ? talk_beat(server->talk, true, err) : rc;
}

/*
 * The snapshots that are asked for.  What was interrupted may be an older one
 * that was sent whole: then that comes first, and the rest upon it.
 */
static int
open_request(const struct here *here, const struct dialogue_send *request,
    const struct notify *notify, struct chain *chain, struct err *err)
{
	const struct token *token = &request->token;
	const bool older = request->resume && uuid_is_nil(&request->base) &&
	    uuid_is_nil(&token->base) &&
	    !uuid_equal(&token->snapshot, &request->id) &&
	    catalog_find(&here->catalog, &token->snapshot) != NULL;
	const struct uuid *first = older ? &token->snapshot : &request->base;
	char *path = NULL, *base = NULL;
	int rc = find_path(here, &request->id, &path, err);

	if (rc == 0 && !uuid_is_nil(first))
		rc = find_path(here, first, &base, err);
	if (rc == 0)
		rc = chain_open(base, path, base != NULL && request->between,
		    notify, chain, err);
	if (rc == 0 && older)
		chain->based = false;
	free(path);
	free(base);
	return rc;
}

static int
on_send(struct server *server, const struct dialogue_send *request,
    struct err *err)
{
	const struct send_serving *const serving = server->cookie;
	struct chain chain;
	struct here here;
	int rc;

	if (request->level > COMPRESS_LEVEL_MAX &&
	    request->level != DIALOGUE_LEVEL_AUTO)
		return err_set(err, ERR_STREAM, "there is no level %u",
		    request->level);
	rc = here_open(&here, err);
	if (rc == 0)
		rc = open_request(&here, request, serving->notify, &chain, err);
	here_close(&here);
	if (rc != 0)
		return rc;
	rc = send_stream(server, &chain, request, err);
	chain_close(&chain);
	return rc;
}

static int
answer(struct server *server, struct err *err)
{
	switch (server->request.type) {
	case DIALOGUE_CREATE:
		return on_create(server, &server->request.u.create, err);
	case DIALOGUE_SEND:
		return on_send(server, &server->request.u.send, err);
	default:
		return server_refuse(server, err);
	}
}

int
send_serve(int in, int out, const struct send_serving *options, struct err *err)
{
	struct server *server = calloc(1, sizeof(*server));
	struct send_serving serving = *options;
	int rc;

	if (server == NULL)
		return err_sys(err, ERR_FAILED, "cannot serve");
	server->program = "refsend";
	server->directory = options->directory;
	server->restricted = options->restricted;
	server->answer = answer;
	server->cookie = &serving;
	rc = server_run(server, in, out, err);
	free(server);
	return rc;
}
