/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * carry.c - send snapshots to a replica, by the libraries or by the installed
 * programs.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "receive/receive.h"
#include "send/send.h"
#include "snapshot/create.h"
#include "tests/torture/carry.h"

#define EXEC_FAILED 127
#define ARGUMENTS 8

/* File systems of the tests are small, so that nothing is kept in reserve. */
static const struct reserve no_reserve = { .given = true, .bytes = 0 };

static int
send_by_library(const struct carry *carry, int fd, struct err *err)
{
	const struct send_options options = {
		.level = carry->level, .threads = carry->threads,
	};
	struct send_result result;
	struct chain chain;
	int rc;

	rc = chain_open(carry->base, carry->snapshot, carry->between, NULL,
	    &chain, err);
	if (rc != 0)
		return rc;
	rc = send_chain(&chain, fd, &options, &result, err);
	chain_close(&chain);
	return rc;
}

static int
receive_by_library(const struct carry *carry, int fd, struct err *err)
{
	const struct receive_options options = {
		.reserve = no_reserve, .threads = carry->threads,
	};
	struct receive_result result;
	int rc;

	rc = receive_stream(fd, carry->directory, &options, &result, err);
	receive_result_free(&result);
	return rc;
}

static int
by_library(const struct carry *carry, struct err *err)
{
	const int fd = memfd_create("stream", MFD_CLOEXEC);
	int rc;

	if (fd < 0)
		return err_sys(err, ERR_FAILED, "memory for a stream");
	rc = send_by_library(carry, fd, err);
	if (rc == 0 && lseek(fd, 0, SEEK_SET) != 0)
		rc = err_sys(err, ERR_FAILED, "a stream in memory");
	if (rc == 0)
		rc = receive_by_library(carry, fd, err);
	close(fd);
	return rc;
}

/* Start a program; its messages go where ours go.  -1 with errno. */
static pid_t
start(const char *const *arguments, int input, int output)
{
	const pid_t pid = fork();

	if (pid == 0) {
		if ((input >= 0 && dup2(input, STDIN_FILENO) < 0) ||
		    (output >= 0 && dup2(output, STDOUT_FILENO) < 0))
			_exit(EXEC_FAILED);
		execvp(arguments[0], (char *const *)arguments);
		perror(arguments[0]);
		_exit(EXEC_FAILED);
	}
	return pid;
}

/* Wait for a program; an exit code other than 0 is a failure. */
static int
finish(pid_t pid, const char *name, struct err *err)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return err_sys(err, ERR_FAILED, "%s", name);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(err, ERR_FAILED, "%s ended with %s %d", name,
		    WIFEXITED(status) ? "exit code" : "signal",
		    WIFEXITED(status) ? WEXITSTATUS(status) :
		    WTERMSIG(status));
	return 0;
}

static int
by_tools(const struct carry *carry, struct err *err)
{
	const char *send[ARGUMENTS] = { "refsend" };
	const char *const receive[] = { "refrecv", "--reserve=0",
	    carry->directory, NULL };
	pid_t sender, receiver;
	char level[32];
	size_t n = 1;
	int pipe_fds[2], rc, rc_receive;

	snprintf(level, sizeof(level), carry->level == 0 ?
	    "--compress=none" : "--compress=zstd:%d", carry->level);
	send[n++] = level;
	if (carry->base != NULL) {
		send[n++] = carry->between ? "-I" : "-i";
		send[n++] = carry->base;
	}
	send[n++] = carry->snapshot;
	if (pipe2(pipe_fds, O_CLOEXEC) != 0)
		return err_sys(err, ERR_FAILED, "pipe");
	sender = start(send, -1, pipe_fds[1]);
	receiver = start(receive, pipe_fds[0], -1);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	rc = finish(sender, "refsend", err);
	rc_receive = finish(receiver, "refrecv", err);
	return rc != 0 ? rc : rc_receive;
}

int
carry_run(const struct carry *carry, struct err *err)
{
	return carry->tools ? by_tools(carry, err) : by_library(carry, err);
}

int
carry_create(const char *live, const char *name, bool tools, struct err *err)
{
	const struct create_options options = {
		.name = name,
		.reflink = REFLINK_ALWAYS,
		.reserve = no_reserve,
	};
	const char *const create[] = { "refsnap", "create", "--reserve=0",
	    live, name, NULL };
	struct create_result result = { .path = NULL };
	int null, rc;

	if (!tools) {
		rc = create_snapshot(live, &options, &result, err);
		free(result.path);
		return rc;
	}
	/* It prints the path of the snapshot. */
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	rc = finish(start(create, -1, null), "refsnap create", err);
	close(null);
	return rc;
}
