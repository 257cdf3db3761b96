/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_lines.c - text passed on in whole lines.
 */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sync/lines.h"

static struct lines lines;
static int out;		/* the other end of the pipe */

static int
set_up(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	lines = (struct lines){ .fd = fds[1] };
	out = fds[0];
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	close(out);
	close(lines.fd);
	return 0;
}

static void
put(const char *text)
{
	memcpy(lines.bytes + lines.have, text, strlen(text));
	lines.have += strlen(text);
}

/* All that has come out since. */
static void
expect(const char *text)
{
	static char got[2 * LINES_SIZE];
	const ssize_t n = read(out, got, sizeof(got) - 1);

	got[n < 0 ? 0 : n] = '\0';
	assert_string_equal(got, text);
}

static void
test_whole(void **state)
{
	(void)state;
	assert_true(lines_flush(&lines, false));
	put("one\ntwo\nthr");
	assert_true(lines_flush(&lines, false));
	expect("one\ntwo\n");
	assert_true(lines_flush(&lines, false));
	expect("");
	put("ee\n");
	assert_true(lines_flush(&lines, false));
	expect("three\n");
	put("four\nlast");
	assert_true(lines_flush(&lines, true));
	expect("four\nlast");
	assert_int_equal(lines.have, 0);
}

/* A line longer than the buffer cannot be kept together. */
static void
test_long(void **state)
{
	static char line[LINES_SIZE + 1];

	(void)state;
	memset(line, 'x', LINES_SIZE);
	line[LINES_SIZE - 1] = '\0';
	put(line);
	assert_true(lines_flush(&lines, false));
	expect("");
	put("x");
	line[LINES_SIZE - 1] = 'x';
	assert_true(lines_flush(&lines, false));
	expect(line);
}

/* Nothing is lost, and nothing waits, while nobody reads. */
static void
test_held(void **state)
{
	static char filling[65536];

	(void)state;
	while (write(lines.fd, filling, sizeof(filling)) > 0)
		;
	put("kept\n");
	assert_false(lines_flush(&lines, false));
	assert_false(lines_flush(&lines, true));
	while (read(out, filling, sizeof(filling)) > 0)
		;
	assert_true(lines_flush(&lines, false));
	expect("kept\n");
}

static void
test_nowhere(void **state)
{
	const int fd = lines.fd;

	(void)state;
	lines.fd = -1;
	put("gone\n");
	assert_true(lines_flush(&lines, false));
	assert_int_equal(lines.have, 0);
	/* Nor does it matter that the reader goes away. */
	lines.fd = fd;
	close(out);
	put("gone\n");
	assert_true(lines_flush(&lines, false));
	assert_int_equal(lines.have, 0);
	assert_int_equal(lines.fd, -1);
	lines.fd = fd;
	out = dup(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_held, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nowhere, set_up,
		    tear_down),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
