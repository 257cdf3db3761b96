/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server.h - the far side of refsync: what refrecv --serve and refsend --serve
 * have in common.
 */
#ifndef SERVE_SERVER_H
#define SERVE_SERVER_H

#include <stdbool.h>

#include "common/err.h"
#include "stream-format/talk.h"

#define SERVER_HERE "."	/* the directory, once it was opened */

struct server {
	/* Set by the caller of server_run(). */
	const char *program;	/* name of the tool */
	const char *directory;	/* where paths begin; NULL: here */
	bool restricted;	/* paths stay within directory */
	bool append_only;	/* nothing is deleted or replaced */
	/*
	 * Answer a request that is this tool's alone, but for DONE.  Requests
	 * that no tool knows come here too.
	 */
	int (*answer)(struct server *server, struct err *err);
	void *cookie;
	/* The dialogue. */
	int in, out;
	struct talk *talk;
	bool opened;
	struct dialogue request, message;	/* what came, what goes */
};

/*
 * Answer requests from in on out until the near side says goodbye or is gone.
 *
 * An error is told to the near side, and ends the dialogue; it is returned too,
 * so that the exit code tells it.  With restricted no path of a request leaves
 * the directory, nor follows a symbolic link.
 */
int server_run(struct server *server, int in, int out, struct err *err);

/* Empty server->message, of a type. */
void server_prepare(struct server *server, enum dialogue_type type);

/* Send server->message. */
int server_tell(struct server *server, struct err *err);

/* The request is none that this tool answers. */
int server_refuse(const struct server *server, struct err *err);

#endif
