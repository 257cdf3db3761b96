/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pump.c - carry bytes between two pipes and a session, in a thread.
 *
 * The thread waits in poll(2) and nowhere else.  It takes in whatever comes at
 * any time, also while it has something to send: else two ends that both write
 * would wait for each other.  What it holds back is held back by the window of
 * the channel, on the other side.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "sync/deadline.h"
#include "sync/lines.h"
#include "sync/pump.h"

#define DOWN_SIZE (256u << 10)
#define UNREAD_MAX (1u << 20)	/* a last word is no reason to break off */
#define SIGNS 4			/* of life, that may come in the time limit */
#define TICKS 12		/* looks at the clock in it, at least */

/* Bytes on their way: those from done to have. */
struct load {
	uint8_t *bytes;
	size_t done, have;
};

enum { SOCKET, IN, OUT, ERRORS, WAKE, COUNT };

struct pump {
	pthread_t thread;
	struct session *session;
	int in, out;		/* -1 once they are closed */
	int wake;		/* readable once pump_stop() was called */
	struct load up, down;
	struct lines lines;
	bool finished;		/* the command's stdin is closed */
	bool stopping;
	atomic_bool broken;	/* by pump_break() */
	size_t unread;		/* bytes that nobody took since then */
	bool held;		/* lines that cannot be written now */
	unsigned seconds;
	/*
	 * Milliseconds since anything was heard, and since a byte left or was
	 * taken over there.  Of a long time in which this process did not run,
	 * little counts.
	 */
	int64_t silent, idle;
	uint64_t heard;
	size_t window;
	bool sent;
	/* The outcome. */
	bool lost;
	struct err err;
};

static size_t
left(const struct load *load)
{
	return load->have - load->done;
}

static void
close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* From the pipe to the far side; at its end the far side is told so. */
static int
carry_up(struct pump *p)
{
	struct load *const up = &p->up;
	ssize_t n;

	/* Whoever writes shall hear of it, and go on to read. */
	if (session_closed(p->session)) {
		close_end(&p->in);
		return 0;
	}
	if (left(up) == 0 && p->in >= 0) {
		n = read(p->in, up->bytes, SESSION_WRITE_SIZE);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			close_end(&p->in);
		up->done = 0;
		up->have = n > 0 ? (size_t)n : 0;
	}
	while (left(up) > 0 && session_room(p->session) > 0) {
		n = session_write(p->session, up->bytes + up->done, left(up));
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		up->done += (size_t)n;
		p->sent = true;
	}
	if (left(up) == 0 && p->in < 0 && !p->finished) {
		session_finish(p->session);
		p->finished = true;
	}
	return 0;
}

/* From the far side to the pipe.  Returns false when nothing is left to do. */
static bool
carry_down(struct pump *p)
{
	struct load *const down = &p->down;
	ssize_t n;

	for (;;) {
		if (left(down) == 0) {
			n = session_read(p->session, false, down->bytes,
			    DOWN_SIZE);
			if (n < 0)
				close_end(&p->out);
			if (n <= 0)
				return n == 0;
			down->done = 0;
			down->have = (size_t)n;
		}
		/* What nobody reads any more is taken in all the same. */
		if (p->out < 0) {
			p->unread += p->stopping ? left(down) : 0;
			down->done = down->have;
			continue;
		}
		n = write(p->out, down->bytes + down->done, left(down));
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return true;
		if (n < 0)
			close_end(&p->out);
		else
			down->done += (size_t)n;
	}
}

/* The far side's stderr.  Returns false when nothing is left to do. */
static bool
carry_errors(struct pump *p)
{
	struct lines *const lines = &p->lines;
	ssize_t n = 1;

	p->held = false;
	while (n > 0) {
		p->held = !lines_flush(lines, false);
		if (p->held)
			return true;
		n = session_read(p->session, true, lines->bytes + lines->have,
		    LINES_SIZE - lines->have);
		lines->have += n > 0 ? (size_t)n : 0;
	}
	if (n < 0)
		p->held = !lines_flush(lines, true);
	return n == 0 || p->held;
}

/* Let time pass: is the peer silent, or is the end long in coming? */
static int
let_pass(struct pump *p, int64_t passed)
{
	const int64_t limit = (int64_t)p->seconds * 1000;
	const uint64_t heard = session_heard(p->session);
	const size_t window = session_window(p->session);
	const char *host = session_host(p->session);

	p->silent = heard != p->heard ? 0 : p->silent + passed;
	p->idle = p->sent || window > p->window ? 0 : p->idle + passed;
	p->heard = heard;
	p->window = window;
	p->sent = false;
	if (p->stopping && p->idle >= limit) {
		/* If it is closed, nobody takes the rest of its stderr. */
		return session_closed(p->session) ? -ERR_FAILED :
		    err_set(&p->err, ERR_FAILED, "the command on %s did not "
		    "end within %u seconds", host, p->seconds);
	}
	if (session_closed(p->session))
		return 0;
	if (p->silent >= limit) {
		p->lost = true;
		return err_set(&p->err, ERR_FAILED, "%s does not answer any "
		    "more: nothing came for %u seconds", host, p->seconds);
	}
	if (p->silent >= limit / SIGNS)
		session_ask(p->session);
	return 0;
}

static int
connection_lost(struct pump *p)
{
	p->lost = true;
	return err_set(&p->err, ERR_FAILED, "the connection to %s was lost: %s",
	    session_host(p->session), session_error(p->session));
}

/* Wait until something can be done, for so many milliseconds at most. */
static void
wait_for_work(struct pump *p, int milliseconds)
{
	const bool closed = session_closed(p->session);
	struct pollfd fds[COUNT] = {
		[SOCKET] = { .fd = closed ? -1 : session_fd(p->session),
		    .events = closed ? 0 : session_events(p->session) },
		[IN] = { .fd = left(&p->up) == 0 ? p->in : -1,
		    .events = POLLIN },
		[OUT] = { .fd = p->out,
		    .events = left(&p->down) > 0 ? POLLOUT : 0 },
		[ERRORS] = { .fd = p->held ? p->lines.fd : -1,
		    .events = POLLOUT },
		[WAKE] = { .fd = p->stopping ? -1 : p->wake,
		    .events = POLLIN },
	};

	if (poll(fds, COUNT, milliseconds) <= 0)
		return;
	if (fds[WAKE].revents != 0) {
		p->stopping = true;
		p->idle = 0;
	}
	/* Nobody reads it any more. */
	if ((fds[OUT].revents & POLLERR) != 0)
		close_end(&p->out);
}

/* Do what can be done: 1 if there is more, 0 if not, -code at the end. */
static int
work(struct pump *p)
{
	bool more_out, more_errors;
	int rc = 0;

	if (!session_closed(p->session))
		rc = session_work(p->session);
	if (rc < 0 || (carry_up(p) != 0 && !session_closed(p->session)))
		return connection_lost(p);
	more_out = carry_down(p);
	if (p->unread > UNREAD_MAX)
		return err_set(&p->err, ERR_FAILED, "the command on %s was "
		    "broken off: it had more to say",
		    session_host(p->session));
	more_errors = carry_errors(p);
	if (session_closed(p->session) && !more_out && !more_errors)
		return -ERR_FAILED;
	return rc;
}

static void *
run(void *argument)
{
	struct pump *const p = argument;
	const int64_t limit = (int64_t)p->seconds * 1000;
	const int64_t tick = limit / TICKS < 1000 ? limit / TICKS : 1000;
	int64_t last = deadline_now(), now;
	int rc = 1;

	while (rc >= 0 && !p->broken) {
		wait_for_work(p, rc > 0 ? 0 : (int)tick);
		rc = work(p);
		now = deadline_now();
		if (rc >= 0 && now > last) {
			const int64_t passed = now - last;

			if (let_pass(p, passed < 2 * tick ? passed :
			    2 * tick) != 0)
				rc = -ERR_FAILED;
			last = now;
		}
	}
	close_end(&p->in);
	close_end(&p->out);
	return NULL;
}

static void
free_pump(struct pump *p)
{
	if (p == NULL)
		return;
	close_end(&p->in);
	close_end(&p->out);
	close_end(&p->wake);
	session_free(p->session);
	free(p->up.bytes);
	free(p->down.bytes);
	free(p);
}

/* A thread that no signal interrupts. */
static int
start_thread(struct pump *p)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&p->thread, NULL, run, p);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

int
pump_start(struct session *session, int in, int out, int errors,
    unsigned seconds, struct pump **pump, struct err *err)
{
	struct pump *p = calloc(1, sizeof(*p));
	int rc;

	if (p == NULL) {
		err_sys(err, ERR_FAILED, "cannot start");
		close(in);
		close(out);
		session_free(session);
		return -ERR_FAILED;
	}
	p->session = session;
	p->in = in;
	p->out = out;
	p->lines.fd = errors;
	p->seconds = seconds;
	p->wake = eventfd(0, EFD_CLOEXEC);
	p->up.bytes = malloc(SESSION_WRITE_SIZE);
	p->down.bytes = malloc(DOWN_SIZE);
	if (p->wake < 0 || p->up.bytes == NULL || p->down.bytes == NULL ||
	    fcntl(in, F_SETFL, O_NONBLOCK) != 0 ||
	    fcntl(out, F_SETFL, O_NONBLOCK) != 0) {
		rc = errno;
	} else {
		rc = start_thread(p);
	}
	if (rc != 0) {
		errno = rc;
		err_sys(err, ERR_FAILED, "cannot start");
		free_pump(p);
		return -ERR_FAILED;
	}
	*pump = p;
	return 0;
}

void
pump_break(struct pump *p)
{
	p->broken = true;
	eventfd_write(p->wake, 1);
}

int
pump_stop(struct pump *p, struct transport_end *end, bool *lost,
    struct err *err)
{
	int rc = 0;

	eventfd_write(p->wake, 1);
	pthread_join(p->thread, NULL);
	session_end(p->session, end);
	*lost = p->lost;
	if (p->err.code != ERR_NONE) {
		rc = err_set(err, p->err.code, "%s", p->err.text);
	} else if (end->code < 0 && end->signal[0] == '\0') {
		*lost = true;
		rc = err_set(err, ERR_FAILED, "how the command on %s ended is "
		    "unknown", session_host(p->session));
	}
	free_pump(p);
	return rc;
}
