/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * session.c - one command on another machine, by libssh.
 *
 * Once both sides have agreed on keys, nothing in libssh blocks: it is told so,
 * and so is the socket, in which it would otherwise wait for room for ever.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/deadline.h"
#include "sync/session_libssh.h"

#define ROUNDS 64		/* of 4 KiB, in one session_work() */
#define PROXY_SECONDS 1u	/* in which a ProxyCommand may end by itself */

void
session_option(struct session *s, enum ssh_options_e option,
    char text[SESSION_TEXT_SIZE])
{
	char *value = NULL;

	text[0] = '\0';
	if (ssh_options_get(s->ssh, option, &value) == SSH_OK)
		snprintf(text, SESSION_TEXT_SIZE, "%s", value);
	ssh_string_free_char(value);
}

bool
session_wait(struct session *s, int64_t deadline)
{
	struct pollfd fd = { .fd = s->fd, .events = session_events(s) };

	return ssh_is_connected(s->ssh) && deadline_left(deadline) > 0 &&
	    poll(&fd, 1, deadline_left(deadline)) != 0;
}

/*
 * Of all that libssh may complain about, what may be otherwise another time: a
 * connection that was closed, and a server that had no room for one more.
 */
static bool
may_pass(const char *why)
{
	static const char *const beginnings[] = { "Socket error",
	    "No version of SSH protocol usable" };
	static const int errors[] = { 0, EPIPE, ECONNABORTED, ECONNRESET,
	    ECONNREFUSED, EHOSTUNREACH, ENETDOWN, ENETUNREACH, ETIMEDOUT };

	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]);
	    i++) {
		if (strncmp(why, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	}
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (strcmp(why, strerror(errors[i])) == 0)
			return true;
	}
	return false;
}

int
session_failed(struct session *s, const char *step, int64_t deadline,
    bool *lost, struct err *err)
{
	const char *why = ssh_get_error(s->ssh);

	if (deadline_left(deadline) == 0) {
		*lost = true;
		return err_set(err, ERR_FAILED,
		    "cannot %s %s: nothing came for %u seconds", step,
		    s->host, s->timeout);
	}
	*lost = may_pass(why);
	/* It has no name for a connection that ends before it begins. */
	return err_set(err, ERR_FAILED, "cannot %s %s: %s", step, s->host,
	    strcmp(why, strerror(0)) == 0 ? "the connection was closed" : why);
}

int
session_open(const struct location *location,
    const struct transport_options *options, struct session **session,
    bool *lost, struct err *err)
{
	struct session *s = calloc(1, sizeof(*s));
	int rc;

	*lost = false;
	if (s == NULL)
		return err_sys(err, ERR_FAILED, "%s", location->host);
	s->fd = -1;
	s->end.code = -1;
	s->timeout = options->timeout;
	s->host = strdup(location->host);
	s->ssh = ssh_new();
	if (s->host == NULL || s->ssh == NULL)
		rc = err_sys(err, ERR_FAILED, "%s", location->host);
	else
		rc = contact_make(s, location, options, lost, err);
	if (rc == 0)
		rc = login_check_host(s, options, err);
	if (rc == 0)
		rc = login_try(s, options, lost, err);
	if (rc == 0)
		*session = s;
	else
		session_free(s);
	return rc;
}

/* ---- what libssh tells ---- */

/* Keep what has come where it is: it counts until session_read() takes it. */
static int
on_data(ssh_session ssh, ssh_channel channel, void *data, uint32_t size,
    int errors, void *cookie)
{
	struct session *s = cookie;

	(void)ssh, (void)channel, (void)data;
	s->unread[errors != 0] = size;
	return 0;
}

static void
on_end(ssh_session ssh, ssh_channel channel, void *cookie)
{
	struct session *s = cookie;

	(void)ssh, (void)channel;
	s->at_end = true;
}

static void
on_exit_status(ssh_session ssh, ssh_channel channel, int code, void *cookie)
{
	struct session *s = cookie;

	(void)ssh, (void)channel;
	s->end.code = code;
}

static void
on_exit_signal(ssh_session ssh, ssh_channel channel, const char *signal,
    int core, const char *message, const char *language, void *cookie)
{
	struct session *s = cookie;

	(void)ssh, (void)channel, (void)core, (void)message, (void)language;
	snprintf(s->end.signal, sizeof(s->end.signal), "%s", signal);
}

static void
on_close(ssh_session ssh, ssh_channel channel, void *cookie)
{
	struct session *s = cookie;

	(void)ssh, (void)channel;
	s->at_end = s->closed = true;
}

/* ---- the command ---- */

static int
start_command(struct session *s, const char *line, bool *lost,
    struct err *err)
{
	int64_t deadline = deadline_in(s->timeout);
	int rc;

	do
		rc = ssh_channel_open_session(s->channel);
	while (rc == SSH_AGAIN && session_wait(s, deadline));
	if (rc == SSH_OK) {
		deadline = deadline_in(s->timeout);
		do
			rc = ssh_channel_request_exec(s->channel, line);
		while (rc == SSH_AGAIN && session_wait(s, deadline));
	}
	return rc == SSH_OK ? 0 :
	    session_failed(s, "run a command on", deadline, lost, err);
}

int
session_run(struct session *s, const char *line, bool *lost, struct err *err)
{
	int rc;

	s->channel = ssh_channel_new(s->ssh);
	s->event = ssh_event_new();
	ssh_callbacks_init(&s->events);
	s->events.userdata = s;
	s->events.channel_data_function = on_data;
	s->events.channel_eof_function = on_end;
	s->events.channel_exit_status_function = on_exit_status;
	s->events.channel_exit_signal_function = on_exit_signal;
	s->events.channel_close_function = on_close;
	if (s->channel == NULL || s->event == NULL ||
	    ssh_set_channel_callbacks(s->channel, &s->events) != SSH_OK)
		return err_set(err, ERR_FAILED, "%s: out of memory", s->host);
	rc = start_command(s, line, lost, err);
	ssh_set_counters(s->ssh, &s->bytes, &s->packets);
	if (rc == 0 && ssh_event_add_session(s->event, s->ssh) != SSH_OK)
		rc = err_set(err, ERR_FAILED, "%s: out of memory", s->host);
	return rc;
}

const char *
session_host(const struct session *s)
{
	return s->host;
}

int
session_fd(const struct session *s)
{
	return s->fd;
}

short
session_events(struct session *s)
{
	return (ssh_get_poll_flags(s->ssh) & SSH_WRITE_PENDING) ?
	    POLLIN | POLLOUT : POLLIN;
}

static bool
is_gone(struct session *s)
{
	return !ssh_is_connected(s->ssh) ||
	    (ssh_get_status(s->ssh) & (SSH_CLOSED | SSH_CLOSED_ERROR)) != 0;
}

int
session_work(struct session *s)
{
	int rc = SSH_OK;

	for (int i = 0; i < ROUNDS && rc == SSH_OK && !s->closed; i++)
		rc = ssh_event_dopoll(s->event, 0);
	/* What was not read yet is gone with it. */
	if ((rc == SSH_ERROR || is_gone(s)) &&
	    (!s->closed || s->unread[0] > 0))
		return -1;
	return rc == SSH_OK && !s->closed;
}

size_t
session_window(const struct session *s)
{
	return ssh_channel_window_size(s->channel);
}

size_t
session_room(struct session *s)
{
	if (s->closed || (ssh_get_status(s->ssh) & SSH_WRITE_PENDING) != 0)
		return 0;
	return session_window(s);
}

ssize_t
session_write(struct session *s, const void *data, size_t size)
{
	const size_t room = session_room(s);

	if (size > room)
		size = room;
	return size == 0 ? 0 :
	    ssh_channel_write(s->channel, data, (uint32_t)size);
}

void
session_finish(struct session *s)
{
	ssh_channel_send_eof(s->channel);
}

ssize_t
session_read(struct session *s, bool errors, void *data, size_t size)
{
	int n;

	/* libssh would look for more first. */
	if (s->unread[errors] == 0)
		return s->at_end ? -1 : 0;
	n = ssh_channel_read_nonblocking(s->channel, data, (uint32_t)size,
	    errors);
	if (n < 0)
		return -1;
	s->unread[errors] -= (uint32_t)n;
	return n;
}

void
session_ask(struct session *s)
{
	ssh_send_keepalive(s->ssh);
}

uint64_t
session_heard(const struct session *s)
{
	return s->bytes.in_bytes;
}

bool
session_closed(const struct session *s)
{
	return s->closed;
}

void
session_end(const struct session *s, struct transport_end *end)
{
	*end = s->end;
}

const char *
session_error(const struct session *s)
{
	return ssh_get_error(s->ssh);
}

void
session_free(struct session *s)
{
	struct transport_end end;
	struct err err = ERR_INIT;

	/* ssh_disconnect() would not close a socket that was given to it. */
	if (s->event != NULL)
		ssh_event_remove_session(s->event, s->ssh);
	ssh_event_free(s->event);
	ssh_channel_free(s->channel);
	ssh_free(s->ssh);
	if (s->proxy != NULL)
		spawn_close(s->proxy, PROXY_SECONDS, &end, &err);
	free(s->host);
	free(s);
}
