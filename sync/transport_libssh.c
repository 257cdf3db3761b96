/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * transport_libssh.c - run a command on another machine by libssh.
 */
#include "config.h"

#include <stdlib.h>
#include <unistd.h>

#include "sync/pump.h"
#include "sync/session.h"
#include "sync/spawn.h"
#include "sync/transport_kinds.h"
#include "sync/words.h"

static int
libssh_close(void *link, struct transport_end *end, bool *lost,
    struct err *err)
{
	return pump_stop(link, end, lost, err);
}

static void
libssh_break(void *link)
{
	pump_break(link);
}

/* A session in which the command runs. */
static int
open_session(const struct location *location, char *const argv[],
    const struct transport_options *options, struct session **session,
    bool *lost, struct err *err)
{
	char *line = words_quote(argv);
	int rc;

	if (line == NULL)
		return err_sys(err, ERR_FAILED, "%s", argv[0]);
	rc = session_open(location, options, session, lost, err);
	if (rc == 0) {
		rc = session_run(*session, line, lost, err);
		if (rc != 0)
			session_free(*session);
	}
	free(line);
	return rc;
}

static int
make_pipes(int up[2], int down[2])
{
	if (spawn_pipe(up) != 0)
		return -1;
	if (spawn_pipe(down) == 0)
		return 0;
	close(up[0]);
	close(up[1]);
	return -1;
}

int
transport_libssh_open(const struct location *location, char *const argv[],
    const struct transport_options *options, struct transport *transport,
    bool *lost, struct err *err)
{
	int up[2], down[2];
	struct session *session;
	struct pump *pump = NULL;
	int rc;

	rc = open_session(location, argv, options, &session, lost, err);
	if (rc != 0)
		return rc;
	if (make_pipes(up, down) != 0) {
		err_sys(err, ERR_FAILED, "cannot start %s", argv[0]);
		session_free(session);
		return -ERR_FAILED;
	}
	rc = pump_start(session, up[0], down[1], options->errors,
	    options->timeout, &pump, err);
	if (rc != 0) {
		close(up[1]);
		close(down[0]);
		return rc;
	}
	transport->to = up[1];
	transport->from = down[0];
	transport->close = libssh_close;
	transport->break_off = libssh_break;
	transport->link = pump;
	return 0;
}
