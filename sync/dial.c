/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dial.c - a connection to a port of another machine.
 *
 * libssh would make one itself, but tries the first address of a host only,
 * leaves the socket open on exec, and tells less of what went wrong.
 */
#include "config.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sync/deadline.h"
#include "sync/dial.h"

/* Wait for the outcome of connect(2), at the longest until then. */
static int
wait_connected(int fd, int64_t deadline)
{
	struct pollfd wait = { .fd = fd, .events = POLLOUT };
	int n, error = 0;
	socklen_t size = sizeof(error);

	do
		n = poll(&wait, 1, deadline_left(deadline));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	if (n == 0)
		error = ETIMEDOUT;
	else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
		return -1;
	errno = error;
	return error == 0 ? 0 : -1;
}

static void
set_options(int fd, unsigned seconds)
{
	const unsigned milliseconds = seconds * 1000;
	const int on = 1;

	/* Without one of these it works, and a dead peer is noticed later. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds,
	    sizeof(milliseconds));
}

/* A socket that is connected to one address, or -1 with errno. */
static int
dial_address(const struct addrinfo *address, unsigned seconds,
    int64_t deadline)
{
	const int fd = socket(address->ai_family, address->ai_socktype |
	    SOCK_CLOEXEC | SOCK_NONBLOCK, address->ai_protocol);
	int error;

	if (fd < 0)
		return -1;
	set_options(fd, seconds);
	if (connect(fd, address->ai_addr, address->ai_addrlen) == 0)
		return fd;
	if (errno == EINPROGRESS && wait_connected(fd, deadline) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* Are there circumstances in which the same call succeeds another time? */
static bool
may_pass(int error)
{
	return error != EACCES && error != EPERM && error != EAFNOSUPPORT;
}

int
dial(const char *host, unsigned port, unsigned seconds, int *fd, bool *lost,
    struct err *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_NUMERICSERV };
	const int64_t deadline = deadline_in(seconds);
	struct addrinfo *list;
	char service[16];
	int left = 0, error = 0, rc;

	snprintf(service, sizeof(service), "%u", port);
	rc = getaddrinfo(host, service, &hints, &list);
	if (rc != 0) {
		*lost = true;
		return err_set(err, ERR_FAILED,
		    "the name %s cannot be resolved: %s", host,
		    gai_strerror(rc));
	}
	for (const struct addrinfo *a = list; a != NULL; a = a->ai_next)
		left++;
	*fd = -1;
	/* One that does not answer leaves the others their share of time. */
	for (const struct addrinfo *a = list; a != NULL && *fd < 0;
	    a = a->ai_next) {
		*fd = dial_address(a, seconds,
		    deadline_now() + deadline_left(deadline) / left--);
		/* The first is the one that the system prefers. */
		if (*fd < 0 && error == 0)
			error = errno;
	}
	freeaddrinfo(list);
	if (*fd >= 0)
		return 0;
	errno = error;
	*lost = may_pass(error);
	return err_sys(err, ERR_FAILED, "cannot connect to %s port %u", host,
	    port);
}
