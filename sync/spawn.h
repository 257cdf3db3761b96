/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spawn.h - start a program of this machine and talk to it.
 *
 * A child gets its three standard descriptors and no other, the default of
 * SIGPIPE, SIGXFSZ and SIGIO, which the tools ignore, and an empty signal mask.
 */
#ifndef SYNC_SPAWN_H
#define SYNC_SPAWN_H

#include <stdbool.h>

#include "common/err.h"
#include "sync/transport.h"

#define SPAWN_PIPE_SIZE (1 << 20)	/* what any user may ask for */

struct spawn;

/*
 * Start argv[0], found as execvp(3) does, its stderr at errors (-1: nowhere).
 * *to and *from become two pipes of SPAWN_PIPE_SIZE or what the system gives,
 * or, where from is NULL, *to the end of a socket pair.
 */
int spawn_open(char *const argv[], int errors, int *to, int *from,
    struct spawn **spawn, struct err *err);

/*
 * Wait for its end for so many seconds, then ask it to end by SIGTERM, then
 * kill it: both have two seconds more.  ERR_FAILED if it had to be asked or did
 * not end even so.  Frees spawn.
 */
int spawn_close(struct spawn *spawn, unsigned seconds,
    struct transport_end *end, struct err *err);

/* Kill it; spawn_close() is due all the same. */
void spawn_kill(struct spawn *spawn);

/* A pipe that closes on exec, as large as SPAWN_PIPE_SIZE if that may be. */
int spawn_pipe(int fds[2]);

#endif
