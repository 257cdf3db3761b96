/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_location.c - where something is, as users write it.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sync/location.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static void
assert_same(const char *got, const char *expected)
{
	if (expected == NULL)
		assert_null(got);
	else
		assert_string_equal(got, expected);
}

static void
test_good(void **state)
{
	static const struct {
		const char *text, *user, *host, *path;
	} cases[] = {
		{ "file", NULL, NULL, "file" },
		{ "/a/b", NULL, NULL, "/a/b" },
		{ "/a:b", NULL, NULL, "/a:b" },
		{ "./a:b", NULL, NULL, "./a:b" },
		{ "./-x", NULL, NULL, "./-x" },
		{ "-x", NULL, NULL, "-x" },
		{ "user@file", NULL, NULL, "user@file" },
		{ "[x]", NULL, NULL, "[x]" },
		{ "a/[::1]:b", NULL, NULL, "a/[::1]:b" },
		{ "a\nb", NULL, NULL, "a\nb" },
		{ "host:path", NULL, "host", "path" },
		{ "host:/path", NULL, "host", "/path" },
		{ "host:a:b@c", NULL, "host", "a:b@c" },
		{ "host::", NULL, "host", ":" },
		{ "host:~/a/b", NULL, "host", "a/b" },
		{ "host:~//a", NULL, "host", "a" },
		{ "host:~", NULL, "host", "." },
		{ "host:~/", NULL, "host", "." },
		{ "host:~a/b", NULL, "host", "~a/b" },
		{ "host:a/~/b", NULL, "host", "a/~/b" },
		{ "~/a", NULL, NULL, "~/a" },
		{ "host:/a@b:c/d", NULL, "host", "/a@b:c/d" },
		{ "host:-x", NULL, "host", "-x" },
		{ "host:a\nb", NULL, "host", "a\nb" },
		{ "me@host:/", "me", "host", "/" },
		{ "me@there@host:/", "me@there", "host", "/" },
		{ "u-:p", NULL, "u-", "p" },
		{ "[::1]:/path", NULL, "::1", "/path" },
		{ "me@[fe80::1%eth0]:p", "me", "fe80::1%eth0", "p" },
		{ "[host]:p", NULL, "host", "p" },
		{ "[::1]:[::2]:p", NULL, "::1", "[::2]:p" },
		{ "ssh://host/path", NULL, "ssh", "//host/path" },
		{ "gr\xc3\xbcn:p", NULL, "gr\xc3\xbcn", "p" },
	};
	struct location location;
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		assert_int_equal(location_parse(cases[i].text, &location, &err), 0);
		assert_same(location.user, cases[i].user);
		assert_same(location.host, cases[i].host);
		assert_same(location.path, cases[i].path);
		location_free(&location);
		assert_null(location.path);
	}
}

static void
test_bad(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "the path is empty" },
		{ "host:", "the path is empty" },
		{ "[::1]:", "the path is empty" },
		{ ":path", "the host is empty" },
		{ ":", "the host is empty" },
		{ "me@:path", "the host is empty" },
		{ "[]:path", "the host is empty" },
		{ "@host:path", "the user is empty" },
		{ "-host:path", "the host begins with a dash" },
		{ "-oProxyCommand=x:path", "the host begins with a dash" },
		{ "[-x]:path", "the host begins with a dash" },
		{ "me@-host:path", "the host begins with a dash" },
		{ "-l@host:path", "the user begins with a dash" },
		{ "a\nb:path", "the host holds a control character" },
		{ "a\x7f:path", "the host holds a control character" },
		{ "a\x1f:path", "the host holds a control character" },
		{ "m\te@host:path", "the user holds a control character" },
		{ "[::1]", "an address in brackets" },
		{ "[::1:path", "an address in brackets" },
		{ "x[::1]:path", "an address in brackets" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct location location;
		struct err err = ERR_INIT;

		assert_int_equal(location_parse(cases[i].text, &location, &err),
		    -ERR_USAGE);
		assert_non_null(strstr(err.text, cases[i].why));
		assert_null(location.user);
		assert_null(location.host);
		assert_null(location.path);
	}
}

static void
test_snapshot(void **state)
{
	static const struct {
		const char *text, *path, *snapshot;
	} good[] = {
		{ "file", "file", NULL },
		{ "file@mon", "file", "mon" },
		{ "/a/file@mon", "/a/file", "mon" },
		{ "/a@b/file", "/a@b/file", NULL },
		{ "/a@b/file@mon", "/a@b/file", "mon" },
		{ "fi@le@mon", "fi@le", "mon" },
		{ "/a@b/", "/a@b/", NULL },
		{ "/", "/", NULL },
	};
	static const char *const bad[] = { "", "@", "@mon", "/a/@mon",
	    "file@", "/a/file@", "/a/b@c@" };

	(void)state;
	for (size_t i = 0; i < LENGTH(good); i++) {
		struct err err = ERR_INIT;
		char *path, *snapshot;

		assert_int_equal(location_split_snapshot(good[i].text, &path,
		    &snapshot, &err), 0);
		assert_same(path, good[i].path);
		assert_same(snapshot, good[i].snapshot);
		free(path);
		free(snapshot);
	}
	for (size_t i = 0; i < LENGTH(bad); i++) {
		struct err err = ERR_INIT;
		char *path, *snapshot;

		assert_int_equal(location_split_snapshot(bad[i], &path,
		    &snapshot, &err), -ERR_USAGE);
		assert_null(path);
		assert_null(snapshot);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_snapshot),
	};

	return cmocka_run_group_tests_name("location", tests, NULL, NULL);
}
