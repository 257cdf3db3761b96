/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * transport.c - run a command at a place: what all kinds have in common.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sync/transport.h"
#include "sync/transport_kinds.h"

#define CODE_NOT_RUN 126	/* what shells say */
#define CODE_NOT_FOUND 127

static void
forget(struct transport *transport)
{
	free(transport->command);
	free(transport->where);
	transport->command = transport->where = NULL;
}

int
transport_open(const struct location *location, char *const argv[],
    const struct transport_options *options, struct transport *transport,
    bool *lost, struct err *err)
{
	struct transport_options chosen = *options;
	int rc;

	*lost = false;
	*transport = (struct transport){ .to = -1, .from = -1 };
	if (chosen.timeout == 0)
		chosen.timeout = TRANSPORT_TIMEOUT;
	transport->command = strdup(argv[0]);
	transport->where = strdup(location->host != NULL ? location->host :
	    "this machine");
	if (transport->command == NULL || transport->where == NULL)
		rc = err_sys(err, ERR_FAILED, "%s", argv[0]);
	else if (location->host == NULL)
		rc = transport_local_open(argv, &chosen, transport, err);
	else if (chosen.program != NULL)
		rc = transport_program_open(location, argv, &chosen, transport,
		    err);
	else
		rc = transport_libssh_open(location, argv, &chosen, transport,
		    lost, err);
	if (rc != 0)
		forget(transport);
	return rc;
}

void
transport_break(struct transport *transport)
{
	transport->break_off(transport->link);
}

void
transport_finish(struct transport *transport)
{
	if (transport->to >= 0)
		close(transport->to);
	transport->to = -1;
}

/* What an end means that no command of ours comes to by itself. */
static int
explain(const struct transport *transport, struct transport_end *end,
    struct err *err)
{
	const char *command = transport->command, *where = transport->where;

	if (end->signal[0] != '\0')
		return err_set(err, ERR_FAILED,
		    "%s on %s was killed by signal %s", command, where,
		    end->signal);
	if (end->code == CODE_NOT_FOUND) {
		end->code = -1;
		return err_set(err, ERR_FAILED,
		    "%s is not installed on %s (or not in PATH there)",
		    command, where);
	}
	if (end->code == CODE_NOT_RUN) {
		end->code = -1;
		return err_set(err, ERR_FAILED, "%s cannot be run on %s",
		    command, where);
	}
	return 0;
}

int
transport_close(struct transport *transport, struct transport_end *end,
    bool *lost, struct err *err)
{
	int rc;

	*lost = false;
	*end = (struct transport_end){ .code = -1 };
	transport_finish(transport);
	close(transport->from);
	transport->from = -1;
	rc = transport->close(transport->link, end, lost, err);
	if (rc == 0)
		rc = explain(transport, end, err);
	else
		end->code = -1;
	forget(transport);
	return rc;
}
