/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * session.h - one command on another machine, by libssh.
 *
 * session_open() and session_run() wait, each time for an answer at the longest
 * for the timeout of the options; nothing after them waits.  A session is used
 * by one thread at a time.
 */
#ifndef SYNC_SESSION_H
#define SYNC_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "sync/transport.h"

/* So many bytes fill four packets; in smaller pieces, writing costs more. */
#define SESSION_WRITE_SIZE 131032u

struct session;

/*
 * Connect to location->host as ~/.ssh/config says, check its key, log in with a
 * key.  *lost as in transport_open().
 */
int session_open(const struct location *location,
    const struct transport_options *options, struct session **session,
    bool *lost, struct err *err);

/* Start a command line. */
int session_run(struct session *session, const char *line, bool *lost,
    struct err *err);

/* The host, as the user wrote it. */
const char *session_host(const struct session *session);

/* What to poll(2): a descriptor and events. */
int session_fd(const struct session *session);
short session_events(struct session *session);

/*
 * Take in some of what has come and let go what has to go.  Returns 1 if there
 * may be more of it, 0 if not, -1 if the connection is gone before its time.
 */
int session_work(struct session *session);

/* How many bytes session_write() would take now, 0 while others wait. */
size_t session_room(struct session *session);

/* How many bytes the far side is ready to take; it grows as they are read. */
size_t session_window(const struct session *session);

/* For the command's stdin. Returns how many bytes were taken, -1 if gone. */
ssize_t session_write(struct session *session, const void *data, size_t size);

/* The end of the command's stdin. */
void session_finish(struct session *session);

/*
 * From the command's stdout, or stderr.  Returns how many bytes, 0 if there are
 * none now, -1 at the end.
 */
ssize_t session_read(struct session *session, bool errors, void *data,
    size_t size);

/* Ask for a sign of life; more than once until there is one. */
void session_ask(struct session *session);

/* All bytes that came over the network so far: the signs of life. */
uint64_t session_heard(const struct session *session);

/* Has the far side closed the channel, because the command has ended? */
bool session_closed(const struct session *session);

/* How the command ended, as far as the far side has said it. */
void session_end(const struct session *session, struct transport_end *end);

/* Why the connection is gone. */
const char *session_error(const struct session *session);

/* Close the connection, without waiting. */
void session_free(struct session *session);

#endif
