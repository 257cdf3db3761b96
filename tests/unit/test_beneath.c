/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_beneath.c - no path leads out of a directory.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/beneath.h"

/* A directory in the build directory, with what a test needs in it. */
struct place {
	char name[32];
	int fd;
};

static void
refuse(const struct place *place, const char *path, int flags, int error)
{
	errno = 0;
	assert_int_equal(beneath_open(place->fd, path, flags,
	    (flags & O_CREAT) != 0 ? 0600 : 0), -1);
	assert_int_equal(errno, error);
}

static void
test_opens(void **state)
{
	const struct place *place = *state;
	int fd = beneath_open(place->fd, "inner/file", O_RDONLY, 0);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	fd = beneath_open(place->fd, "made", O_WRONLY | O_CREAT | O_EXCL,
	    0600);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	close(fd);
	refuse(place, "made", O_WRONLY | O_CREAT | O_EXCL, EEXIST);
	refuse(place, "missing", O_RDONLY, ENOENT);
}

static void
test_upwards(void **state)
{
	refuse(*state, "..", O_RDONLY | O_DIRECTORY, EXDEV);
	refuse(*state, "inner/../../outside", O_WRONLY | O_CREAT, EXDEV);
	refuse(*state, "/", O_RDONLY | O_DIRECTORY, EXDEV);
}

/* Not even those that stay inside. */
static void
test_links(void **state)
{
	refuse(*state, "link", O_RDONLY, ELOOP);
	refuse(*state, "link", O_WRONLY | O_CREAT, ELOOP);
	refuse(*state, "inner-link/file", O_RDONLY, ELOOP);
}

static int
setup(void **state)
{
	static struct place place;
	int fd;

	snprintf(place.name, sizeof(place.name), "beneath.XXXXXX");
	if (mkdtemp(place.name) == NULL)
		return -1;
	place.fd = open(place.name, O_RDONLY | O_DIRECTORY);
	if (place.fd < 0 || mkdirat(place.fd, "inner", 0700) != 0)
		return -1;
	fd = openat(place.fd, "inner/file", O_WRONLY | O_CREAT, 0600);
	close(fd);
	*state = &place;
	return fd >= 0 && symlinkat("inner/file", place.fd, "link") == 0 &&
	    symlinkat("inner", place.fd, "inner-link") == 0 ? 0 : -1;
}

static int
teardown(void **state)
{
	static const char *const names[] = { "inner/file", "made", "link",
	    "inner-link" };
	const struct place *place = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlinkat(place->fd, names[i], 0);
	unlinkat(place->fd, "inner", AT_REMOVEDIR);
	close(place->fd);
	return rmdir(place->name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opens),
		cmocka_unit_test(test_upwards),
		cmocka_unit_test(test_links),
	};

	return cmocka_run_group_tests_name("beneath", tests, setup, teardown);
}
