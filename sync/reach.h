/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reach.h - a socket to an ssh server, as ssh_config(5) says: over the network
 * or from a ProxyCommand.
 *
 * libssh would run the command, but hides what it prints, and when it is to end
 * waits for that for ever.
 */
#ifndef SYNC_REACH_H
#define SYNC_REACH_H

#include <stdbool.h>

#include "common/err.h"
#include "sync/spawn.h"

struct reach_target {
	const char *host;	/* %h, HostName */
	const char *original;	/* %n, as the user wrote it */
	const char *user;	/* %r */
	unsigned port;		/* %p */
	const char *command;	/* ProxyCommand, NULL: none */
};

/*
 * *fd becomes a socket that closes on exec and does not block; *proxy the
 * command, if one was run: spawn_close() ends it.  On failure, *lost says
 * whether it may help to try again later.
 */
int reach_open(const struct reach_target *target, unsigned seconds,
    int errors, int *fd, struct spawn **proxy, bool *lost, struct err *err);

/*
 * The command for the shell, its tokens replaced, to be freed by the caller.
 * ERR_FAILED if it has others than those above and %%.
 */
int reach_expand(const struct reach_target *target, char **expanded,
    struct err *err);

#endif
