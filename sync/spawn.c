/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spawn.c - start a program of this machine and talk to it.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sync/deadline.h"
#include "sync/spawn.h"

#define GRACE 2u	/* seconds for SIGTERM, and for SIGKILL */

struct spawn {
	pid_t pid;
	int pidfd;
	char *name;
};

int
spawn_pipe(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC) != 0)
		return -1;
	/* Smaller is slower, no more. */
	fcntl(fds[0], F_SETPIPE_SZ, SPAWN_PIPE_SIZE);
	return 0;
}

static void
close_both(int fds[2])
{
	if (fds[0] >= 0)
		close(fds[0]);
	if (fds[1] >= 0)
		close(fds[1]);
}

/* posix_spawn(3) with descriptors in place; returns an errno. */
static int
run(char *const argv[], int in, int out, int errors, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t set;
	int rc;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (errors >= 0)
		posix_spawn_file_actions_adddup2(&actions, errors,
		    STDERR_FILENO);
	else
		posix_spawn_file_actions_addopen(&actions, STDERR_FILENO,
		    "/dev/null", O_WRONLY, 0);
	posix_spawnattr_init(&attributes);
	sigemptyset(&set);
	posix_spawnattr_setsigmask(&attributes, &set);
	sigaddset(&set, SIGPIPE);
	sigaddset(&set, SIGXFSZ);
	sigaddset(&set, SIGIO);
	posix_spawnattr_setsigdefault(&attributes, &set);
	posix_spawnattr_setflags(&attributes,
	    POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	rc = posix_spawnp(pid, argv[0], &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

/* The descriptors of both sides: *to and *from are ours. */
static int
make_descriptors(int *to, int *from, int child[2])
{
	int pair[2];

	if (from == NULL) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
		    pair) != 0)
			return -1;
		*to = pair[0];
		child[0] = pair[1];
		return 0;
	}
	if (spawn_pipe(pair) != 0)
		return -1;
	child[0] = pair[0];
	*to = pair[1];
	if (spawn_pipe(pair) != 0) {
		close(*to);
		return -1;
	}
	*from = pair[0];
	child[1] = pair[1];
	return 0;
}

int
spawn_open(char *const argv[], int errors, int *to, int *from,
    struct spawn **spawn, struct err *err)
{
	struct spawn *s = calloc(1, sizeof(*s));
	int child[2] = { -1, -1 };
	int rc;

	if (s == NULL || (s->name = strdup(argv[0])) == NULL ||
	    make_descriptors(to, from, child) != 0) {
		err_sys(err, ERR_FAILED, "cannot start %s", argv[0]);
		goto fail;
	}
	rc = run(argv, child[0], child[1] < 0 ? child[0] : child[1], errors,
	    &s->pid);
	if (rc != 0) {
		errno = rc;
		err_sys(err, ERR_FAILED, "cannot run %s", argv[0]);
		close(*to);
		if (from != NULL)
			close(*from);
		goto fail;
	}
	close_both(child);
	s->pidfd = (int)syscall(SYS_pidfd_open, s->pid, 0);
	*spawn = s;
	return 0;
fail:
	close_both(child);
	if (s != NULL)
		free(s->name);
	free(s);
	return -ERR_FAILED;
}

/* Has it ended, at the latest so many seconds from now? */
static bool
wait_for_end(struct spawn *s, unsigned seconds, int *status)
{
	const int64_t deadline = deadline_in(seconds);
	struct pollfd fd = { .fd = s->pidfd, .events = POLLIN };
	int left = deadline_left(deadline);
	pid_t pid;

	/* Without a descriptor of the process (EMFILE), look often. */
	while ((pid = waitpid(s->pid, status, WNOHANG)) == 0 && left > 0) {
		poll(&fd, 1, s->pidfd < 0 && left > 20 ? 20 : left);
		left = deadline_left(deadline);
	}
	if (pid < 0)
		*status = -1;
	return pid != 0;
}

void
spawn_kill(struct spawn *s)
{
	/* Nobody has waited for it: the number is still its own. */
	kill(s->pid, SIGKILL);
}

int
spawn_close(struct spawn *s, unsigned seconds, struct transport_end *end,
    struct err *err)
{
	const int signals[] = { SIGTERM, SIGKILL };
	int rc = 0, status = -1;
	bool ended = wait_for_end(s, seconds, &status);

	for (size_t i = 0; !ended && i < 2; i++) {
		rc = err_set(err, ERR_FAILED,
		    "%s did not end within %u seconds and was stopped",
		    s->name, seconds);
		kill(s->pid, signals[i]);
		ended = wait_for_end(s, GRACE, &status);
	}
	if (rc == 0 && status == -1)
		rc = err_set(err, ERR_FAILED, "how %s ended is unknown",
		    s->name);
	if (rc == 0 && WIFEXITED(status))
		end->code = WEXITSTATUS(status);
	else if (rc == 0)
		snprintf(end->signal, sizeof(end->signal), "%d",
		    WTERMSIG(status));
	if (s->pidfd >= 0)
		close(s->pidfd);
	free(s->name);
	free(s);
	return rc;
}
