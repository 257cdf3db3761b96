/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * failing.c - count calls, choose the one that fails, and allocations.
 */
#include "config.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/fault/failing.h"

/* What FAULT says, and how many calls of its kind there were. */
static struct {
	char kind[16];
	unsigned long first;
	atomic_ulong calls;
	bool stays;
	int error;		/* 0: half of the bytes */
	bool ready;		/* calls before main() do not count */
	bool names;		/* within the name service */
} plan;

/* Within a call of this thread that must not fail. */
static _Thread_local bool exempt __attribute__((tls_model("initial-exec")));

__attribute__((constructor))
static void
read_plan(void)
{
	const char *text = getenv("FAULT");
	char how[16], sign[2] = "";

	if (text == NULL)
		return;
	if (sscanf(text, "%15[^:]:%lu%1[+]:%15s", plan.kind, &plan.first,
	    sign, how) != 4 && sscanf(text, "%15[^:]:%lu:%15s", plan.kind,
	    &plan.first, how) != 3) {
		fprintf(stderr, "failing: FAULT=%s makes no sense\n", text);
		_exit(98);
	}
	plan.stays = sign[0] == '+';
	plan.error = strcmp(how, "short") == 0 ? 0 : atoi(how);
	plan.ready = true;
}

/* By bare system calls: what is counted here must not be used here. */
static void
tell(void)
{
	const char *path = getenv("FAULT_TOLD");
	long fd;

	if (path == NULL)
		return;
	fd = FAILING_NEXT(syscall)(SYS_openat, AT_FDCWD, path,
	    O_WRONLY | O_CREAT, 0644);
	if (fd >= 0)
		FAILING_NEXT(syscall)(SYS_close, fd);
}

enum failing_turn
failing_turn(const char *kind)
{
	unsigned long number;

	if (!plan.ready || plan.names || exempt || strcmp(kind, plan.kind) != 0)
		return TURN_PASS;
	number = ++plan.calls;
	if (number < plan.first || (number > plan.first && !plan.stays))
		return TURN_PASS;
	if (number == plan.first)
		tell();
	if (plan.error == 0)
		return TURN_HALF;
	errno = plan.error;
	return TURN_FAIL;
}

bool
failing_is_planned(const char *kind)
{
	return plan.ready && strcmp(kind, plan.kind) == 0;
}

size_t
failing_part(enum failing_turn turn, size_t size)
{
	return turn == TURN_HALF && size > 1 ? size / 2 : size;
}

void *
malloc(size_t size)
{
	static void *(*next)(size_t);

	if (next == NULL)
		next = FAILING_NEXT(malloc);
	return failing_turn("malloc") == TURN_FAIL ? NULL : next(size);
}

void *
calloc(size_t count, size_t size)
{
	static void *(*next)(size_t, size_t);

	if (next == NULL)
		next = FAILING_NEXT(calloc);
	return failing_turn("malloc") == TURN_FAIL ? NULL : next(count, size);
}

void *
realloc(void *old, size_t size)
{
	static void *(*next)(void *, size_t);

	if (next == NULL)
		next = FAILING_NEXT(realloc);
	return failing_turn("malloc") == TURN_FAIL ? NULL : next(old, size);
}

/* The sanitizers have one of their own, which calls no malloc() of ours. */
char *
strdup(const char *text)
{
	return failing_turn("strdup") == TURN_FAIL ? NULL :
	    FAILING_NEXT(strdup)(text);
}

int
pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
    void *(*run)(void *), void *argument)
{
	return failing_turn("thread") == TURN_FAIL ? errno :
	    FAILING_NEXT(pthread_create)(thread, attributes, run, argument);
}

/* The address sanitizer asks this when a thread starts, and dies of a failure. */
int
pthread_getattr_np(pthread_t thread, pthread_attr_t *attributes)
{
	int rc;

	exempt = true;
	rc = FAILING_NEXT(pthread_getattr_np)(thread, attributes);
	exempt = false;
	return rc;
}

/*
 * The name service of glibc 2.36 itself dies of a NULL from malloc(): nothing
 * fails within it, but a name is not found.
 */
#define NAME_SERVICE(type, name, parameter, argument) \
struct type * \
name(parameter argument) \
{ \
	struct type *found; \
\
	if (failing_turn("names") == TURN_FAIL) \
		return NULL; \
	plan.names = true; \
	found = FAILING_NEXT(name)(argument); \
	plan.names = false; \
	return found; \
}

NAME_SERVICE(passwd, getpwnam, const char *, name)
NAME_SERVICE(passwd, getpwuid, uid_t, id)
NAME_SERVICE(group, getgrnam, const char *, name)
NAME_SERVICE(group, getgrgid, gid_t, id)
