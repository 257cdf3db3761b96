/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * session_libssh.h - what the files of a session share: the one file that
 * includes libssh.
 *
 * session.c opens it and runs the command; contact.c gets as far as encrypted
 * packets; login.c checks who is there, and says who we are.
 */
#ifndef SYNC_SESSION_LIBSSH_H
#define SYNC_SESSION_LIBSSH_H

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>	/* ssh_send_keepalive() */

#include "sync/session.h"
#include "sync/spawn.h"

struct session {
	ssh_session ssh;
	ssh_channel channel;
	ssh_event event;
	struct ssh_callbacks_struct asking;
	struct ssh_channel_callbacks_struct events;
	struct ssh_counter_struct bytes, packets;
	struct spawn *proxy;	/* NULL without a ProxyCommand */
	int fd;			/* libssh closes it */
	char *host;		/* as the user wrote it */
	unsigned timeout;
	bool wants_passphrase;
	/* What the far side has said, and what of it was not read yet. */
	uint32_t unread[2];	/* bytes of stdout, of stderr */
	bool at_end;
	bool closed;
	struct transport_end end;
};

#define SESSION_TEXT_SIZE 512	/* of an option, for messages */

/* An option as text, "" if it is not set. */
void session_option(struct session *session, enum ssh_options_e option,
    char text[SESSION_TEXT_SIZE]);

/*
 * Wait for an answer, as libssh would not: it does not notice that the host has
 * closed the connection.  False if that is so, or none comes before deadline.
 */
bool session_wait(struct session *session, int64_t deadline);

/*
 * A step failed ("log in to" the host): there was no answer before deadline, no
 * connection any more, or no agreement.  Returns -ERR_FAILED.
 */
int session_failed(struct session *session, const char *step,
    int64_t deadline, bool *lost, struct err *err);

/* Read the configuration, connect, agree on keys and ciphers. */
int contact_make(struct session *session, const struct location *location,
    const struct transport_options *options, bool *lost, struct err *err);

/* Is it the host that we know?  A new one is recorded if the options say so. */
int login_check_host(struct session *session,
    const struct transport_options *options, struct err *err);

/* By a key, of the agent or in a file. */
int login_try(struct session *session,
    const struct transport_options *options, bool *lost, struct err *err);

#endif
