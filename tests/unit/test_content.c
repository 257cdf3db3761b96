/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_content.c - do two files hold the same bytes?  And made to do so from an
 * offset on.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "snapshot/content.h"

#define MIB ((uint64_t)1 << 20)
#define TIB ((uint64_t)1 << 40)

/* In the directory that this runs in, which may be able to reflink. */
static FILE *
temporary_file(void)
{
	char name[] = "content.XXXXXX";
	const int fd = mkstemp(name);

	assert_true(fd >= 0);
	assert_int_equal(unlink(name), 0);
	return fdopen(fd, "w+");
}

/* Two files of one size, all hole. */
struct two_files {
	FILE *a, *b;
};

static struct two_files
two_files(uint64_t size)
{
	const struct two_files files = { temporary_file(), temporary_file() };

	assert_non_null(files.a);
	assert_non_null(files.b);
	assert_int_equal(ftruncate(fileno(files.a), (off_t)size), 0);
	assert_int_equal(ftruncate(fileno(files.b), (off_t)size), 0);
	return files;
}

static void
put(FILE *file, uint64_t offset, char byte)
{
	assert_int_equal(pwrite(fileno(file), &byte, 1, (off_t)offset), 1);
}

/* Compare both ways. */
static void
check_same(const struct two_files *files, bool expected)
{
	const int a = fileno(files->a), b = fileno(files->b);
	struct err err = ERR_INIT;
	bool same = !expected;

	assert_int_equal(content_same(a, b, "file", &same, &err), 0);
	assert_int_equal(same, expected);
	same = !expected;
	assert_int_equal(content_same(b, a, "file", &same, &err), 0);
	assert_int_equal(same, expected);
}

static void
close_two(const struct two_files *files)
{
	fclose(files->a);
	fclose(files->b);
}

static void
test_sizes(void **state)
{
	struct two_files files = two_files(0);

	(void)state;
	check_same(&files, true);
	put(files.a, 0, 0);
	check_same(&files, false);
	put(files.b, 0, 0);
	check_same(&files, true);
	close_two(&files);
}

/* Written zeros are as good as a hole; a byte anywhere is a difference. */
static void
test_holes(void **state)
{
	static const uint64_t places[] = { 0, MIB - 1, MIB, 3 * MIB + 5,
	    TIB - 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct two_files files = two_files(TIB);

		put(files.b, 7 * MIB, 0);
		check_same(&files, true);
		put(files.a, places[i], 'x');
		check_same(&files, false);
		put(files.b, places[i], 'x');
		check_same(&files, true);
		put(files.b, places[i], 'y');
		check_same(&files, false);
		close_two(&files);
	}
}

/* The second difference of a long piece that begins in only one file. */
static void
test_pieces(void **state)
{
	struct two_files files = two_files(8 * MIB);

	(void)state;
	for (uint64_t at = 0; at < 5 * MIB; at += 1000)
		put(files.a, at, 'x');
	for (uint64_t at = 0; at < 5 * MIB; at += 1000)
		put(files.b, at, 'x');
	check_same(&files, true);
	put(files.b, 4 * MIB + 1, 'y');
	check_same(&files, false);
	close_two(&files);
}

/* The byte that a file of the pattern c has at a place; holes in between. */
static char
byte_at(char c, uint64_t at)
{
	return at % 30000 < 10000 ? '\0' : (char)((uint64_t)c + at % 7);
}

/* A file of this size and pattern. */
static FILE *
pattern_file(char c, uint64_t size)
{
	FILE *file = temporary_file();

	assert_non_null(file);
	assert_int_equal(ftruncate(fileno(file), (off_t)size), 0);
	for (uint64_t at = 0; at < size; at++) {
		if (byte_at(c, at) != '\0')
			put(file, at, byte_at(c, at));
	}
	return file;
}

/* Renew a file of the pattern A from one of B, or from nothing. */
static void
check_renewed(uint64_t size_a, uint64_t size_b, uint64_t from, uint64_t size,
    enum reflink_mode mode, bool nothing)
{
	FILE *a = pattern_file('a', size_a), *b = pattern_file('b', size_b);
	struct err err = ERR_INIT;
	uint64_t at = 0;
	bool cloned;
	char byte;

	if (content_renew(nothing ? -1 : fileno(b), fileno(a), from, size,
	    mode, "file", &cloned, &err) != 0)
		fail_msg("%s", err.text);
	for (; pread(fileno(a), &byte, 1, (off_t)at) == 1; at++) {
		const char old = at < size_a ? byte_at('a', at) : '\0';
		const char new = at < size_b && !nothing ? byte_at('b', at) :
		    '\0';

		if (byte != (at < from ? old : new))
			fail_msg("byte %d of %d+%d from %d", (int)at,
			    (int)size_a, (int)size_b, (int)from);
	}
	assert_int_equal(at, size);
	fclose(a);
	fclose(b);
}

/* From and up to any place, within a block or at its end, past either file. */
static void
test_renew(void **state)
{
	static const uint64_t places[] = { 0, 1, 4096, 12287, 40000, 65536,
	    70000 };
	static const uint64_t sizes[] = { 0, 12288, 65535, 70000 };

	(void)state;
	for (size_t i = 0; i < 7 * 7 * 4; i++) {
		const uint64_t from = places[i % 7];
		const uint64_t size = places[i / 7 % 7];
		const uint64_t other = sizes[i / 49];

		if (from > size)
			continue;
		check_renewed(66000, other, from, size, REFLINK_AUTO, false);
		check_renewed(66000, other, from, size, REFLINK_NEVER, false);
		check_renewed(66000, other, from, size, REFLINK_AUTO, true);
		check_renewed(from, other, from, size, REFLINK_AUTO, false);
	}
}

static void
test_error(void **state)
{
	const struct two_files files = two_files(MIB);
	struct err err = ERR_INIT;
	bool same;

	(void)state;
	assert_int_not_equal(content_same(fileno(files.a), -1, "file", &same,
	    &err), 0);
	close_two(&files);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_renew),
		cmocka_unit_test(test_error),
	};

	return cmocka_run_group_tests_name("content", tests, NULL, NULL);
}
