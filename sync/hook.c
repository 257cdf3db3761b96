/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hook.c - commands of the user around the moment of a snapshot.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sync/deadline.h"
#include "sync/hook.h"

#define GRACE 5u	/* seconds between SIGTERM and SIGKILL */

static void
signals_that_end(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
}

void
hook_begin(void)
{
	sigset_t set;

	signals_that_end(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

void
hook_end(void)
{
	sigset_t set;

	signals_that_end(&set);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* In the child: never returns. */
static void
become(const char *which, const char *command, const struct hook_facts *facts)
{
	static const int defaults[] = { SIGPIPE, SIGXFSZ, SIGIO };
	char code[16];
	sigset_t none;

	setpgid(0, 0);
	for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++)
		signal(defaults[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	snprintf(code, sizeof(code), "%d", facts->code);
	if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0 ||
	    setenv("REFSNAP_HOOK", which, 1) != 0 ||
	    setenv("REFSNAP_SOURCE", facts->source, 1) != 0 ||
	    setenv("REFSNAP_STATUS", code, 1) != 0 ||
	    setenv("REFSNAP_SNAPSHOT", facts->snapshot != NULL ?
	    facts->snapshot : "", 1) != 0)
		_exit(126);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(126);
}

/* Has it ended, so many seconds from now at the latest? */
static int
wait_for(pid_t pid, int pidfd, unsigned seconds, int *status)
{
	const int64_t deadline = deadline_in(seconds);
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };
	int left = deadline_left(deadline);

	while (waitpid(pid, status, WNOHANG) == 0) {
		if (left == 0)
			return 0;
		poll(&ended, 1, pidfd < 0 && left > 20 ? 20 : left);
		left = deadline_left(deadline);
	}
	return 1;
}

int
hook_run(const char *which, const char *command, unsigned seconds,
    const struct hook_facts *facts, struct err *err)
{
	const unsigned limit = seconds > 0 ? seconds : HOOK_TIMEOUT;
	const pid_t pid = fork();
	int pidfd, status = -1;

	if (pid == 0)
		become(which, command, facts);
	if (pid < 0)
		return err_sys(err, ERR_HOOK, "--%s: cannot run it", which);
	setpgid(pid, pid);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (!wait_for(pid, pidfd, limit, &status)) {
		err_set(err, ERR_HOOK, "--%s: %s did not end within %u seconds "
		    "and was stopped", which, command, limit);
		kill(-pid, SIGTERM);
		if (!wait_for(pid, pidfd, GRACE, &status)) {
			kill(-pid, SIGKILL);
			waitpid(pid, &status, 0);
		}
	} else if (!WIFEXITED(status)) {
		err_set(err, ERR_HOOK, "--%s: %s was killed by signal %d",
		    which, command, WTERMSIG(status));
	} else if (WEXITSTATUS(status) != 0) {
		err_set(err, ERR_HOOK, "--%s: %s: exit code %d", which,
		    command, WEXITSTATUS(status));
	}
	if (pidfd >= 0)
		close(pidfd);
	return -(int)err->code;
}
