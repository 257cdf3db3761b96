/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * transport.h - run a command at a location, with a descriptor for its stdin and
 * one for its stdout.
 *
 *	transport_open(&location, argv, &options, &transport, &lost, err)
 *	    write(transport.to), read(transport.from) ...
 *	transport_finish(&transport)		the far side sees the end
 *	    read(transport.from) until its end
 *	transport_close(&transport, &end, &lost, err)
 *
 * Both descriptors block, are pipes and close on exec.  When the connection is
 * lost or the command ends early, writing fails with EPIPE and reading comes to
 * an end; transport_close() says why.  Only an answer of the far side proves
 * that something arrived: what was written may lie in a buffer.
 *
 * Whoever uses this ignores SIGPIPE and does not ignore SIGCHLD.
 */
#ifndef SYNC_TRANSPORT_H
#define SYNC_TRANSPORT_H

#include <stdbool.h>

#include "common/err.h"
#include "common/notify.h"
#include "sync/location.h"

#define TRANSPORT_TIMEOUT 30u	/* seconds */

/* All zero but errors is the default. */
struct transport_options {
	/* As -e of rsync: the words of a command such as ssh -p 2222. */
	const char *program;

	/* For libssh, that is without a program.  NULL: as ssh(1) has it. */
	const char *config;	/* in place of both files, ~/.ssh/config ... */
	const char *identity;	/* a key to try before all others */
	const char *known_hosts;
	unsigned port;		/* 0: as configured, or 22 */
	bool accept_new;	/* record the key of a host not known so far */

	/*
	 * Seconds after which a peer that gives no sign of life counts as
	 * gone, and a command that should end is left alone or killed; 0:
	 * TRANSPORT_TIMEOUT.
	 */
	unsigned timeout;
	/* Where the far side's stderr goes; -1: nowhere. */
	int errors;
	const struct notify *notify;	/* may be NULL */
};

/* How a command ended. */
struct transport_end {
	int code;		/* its exit code, or -1 */
	char signal[32];	/* what killed it, "9" or "KILL", or "" */
};

struct transport {
	int to;		/* its stdin; -1 after transport_finish() */
	int from;	/* its stdout */
	/* The rest is the transport's own. */
	int (*close)(void *link, struct transport_end *end, bool *lost,
	    struct err *err);
	void (*break_off)(void *link);
	void *link;
	char *command;	/* for messages */
	char *where;
};

/*
 * Run argv, which ends with NULL, at a place: here if it names no host, beside
 * this program's own file if it is there, else from $PATH; else there, by the
 * program of the options or by libssh.  The options must outlive this call
 * only, but for errors and notify.
 *
 * On failure, *lost says whether it may help to try again later.
 */
int transport_open(const struct location *location, char *const argv[],
    const struct transport_options *options, struct transport *transport,
    bool *lost, struct err *err);

/*
 * Break the connection off: whoever writes, or waits for bytes, in another
 * thread, comes back.  By any thread; transport_close() is due all the same.
 */
void transport_break(struct transport *transport);

/* No more will be written. */
void transport_finish(struct transport *transport);

/*
 * Close both descriptors, wait until the command has ended, and say how.  It
 * takes not much longer than the timeout, however the far side behaves, unless
 * what was written is still on its way; for a command that works longer after
 * its stdin has ended, first read to the end.  A command that goes on writing
 * is broken off.
 *
 * Returns 0 with *end if the command ended by itself, whatever its exit code.
 * ERR_FAILED if it was killed (*end says by what), cannot be found or run there
 * (exit code 127 and 126 of shells), did not end, or if the connection was
 * lost; then end->code is -1, and *lost is as above.
 */
int transport_close(struct transport *transport, struct transport_end *end,
    bool *lost, struct err *err);

#endif
