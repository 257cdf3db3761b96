/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_text.c - names and sizes in a form fit for people.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/text.h"

/* A string literal and its length, NULs inside included. */
#define BYTES(literal) literal, sizeof(literal) - 1

static void
check_escape(const void *bytes, size_t length, const char *expected)
{
	char out[256];
	const size_t used = text_escape(out, sizeof(out), bytes, length);

	assert_string_equal(out, expected);
	assert_int_equal(used, strlen(expected));
}

static void
test_escape(void **state)
{
	(void)state;
	check_escape(BYTES(""), "");
	check_escape(BYTES("vm.img ~!"), "vm.img ~!");
	check_escape(BYTES("a\\b"), "a\\\\b");
	check_escape(BYTES("a\nb\tc"), "a\\nb\\tc");
	check_escape(BYTES("\0\x01\x1b[2J\x7f"), "\\x00\\x01\\x1b[2J\\x7f");
	check_escape(BYTES("\xff\xfe"), "\\xff\\xfe");
	check_escape(BYTES("gr\xc3\xbcn \xe2\x82\xac \xf0\x9f\x90\xa7"),
	    "gr\xc3\xbcn \xe2\x82\xac \xf0\x9f\x90\xa7");
	/* A character that is cut off is single bytes. */
	check_escape(BYTES("a\xe2\x82"), "a\\xe2\\x82");
	/* U+009B starts a control sequence on some terminals; U+00A0 not. */
	check_escape(BYTES("\xc2\x9b" "2J"), "\\xc2\\x9b2J");
	check_escape(BYTES("\xc2\xa0"), "\xc2\xa0");
}

/* The output is cut before a character that does not fit, never inside. */
static void
test_escape_cut(void **state)
{
	static const char bytes[] = "a\xe2\x82\xac\n\xff";
	static const size_t ends[] = { 0, 1, 4, 6, 10 };
	char whole[32], out[32];

	(void)state;
	text_escape(whole, sizeof(whole), bytes, strlen(bytes));
	for (size_t size = 1; size <= 12; size++) {
		size_t expected = 0;

		for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
			if (ends[i] < size)
				expected = ends[i];
		}
		memset(out, '#', sizeof(out));
		assert_int_equal(text_escape(out, size, bytes, strlen(bytes)),
		    expected);
		assert_memory_equal(out, whole, expected);
		assert_int_equal(out[expected], '\0');
		for (size_t i = size; i < sizeof(out); i++)
			assert_int_equal(out[i], '#');
	}
}

/* What the decoder of the test says of 1 to 4 bytes: the code point, or -1. */
static long
decode(const uint8_t *p, size_t length)
{
	if (length == 1 && p[0] < 0x80)
		return p[0];
	for (size_t i = 1; i < length; i++) {
		if (p[i] < 0x80 || p[i] > 0xbf)
			return -1;
	}
	if (length == 2 && p[0] >= 0xc0 && p[0] <= 0xdf)
		return (p[0] - 0xc0L) * 64 + (p[1] - 0x80L);
	if (length == 3 && p[0] >= 0xe0 && p[0] <= 0xef)
		return (p[0] - 0xe0L) * 4096 + (p[1] - 0x80L) * 64 +
		    (p[2] - 0x80L);
	if (length == 4 && p[0] >= 0xf0 && p[0] <= 0xf7)
		return (p[0] - 0xf0L) * 262144 + (p[1] - 0x80L) * 4096 +
		    (p[2] - 0x80L) * 64 + (p[3] - 0x80L);
	return -1;
}

static size_t
reference_length(const uint8_t *p, size_t length)
{
	static const long smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };

	for (size_t n = 1; n <= length && n <= 4; n++) {
		const long value = decode(p, n);

		if (value >= smallest[n] && value <= 0x10ffff &&
		    (value < 0xd800 || value > 0xdfff))
			return n;
	}
	return 0;
}

/* Every one and two bytes, and longer ones with bytes around each border. */
static void
test_utf8(void **state)
{
	static const uint8_t tails[] = { 0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f,
	    0xa0, 0xbf, 0xc0, 0xff };
	const size_t n = sizeof(tails);

	(void)state;
	assert_int_equal(text_utf8_length((const uint8_t *)"", 0), 0);
	for (unsigned first = 0; first < 256; first++) {
		for (size_t i = 0; i < n * n * n; i++) {
			const uint8_t p[4] = { (uint8_t)first, tails[i % n],
			    tails[i / n % n], tails[i / n / n] };

			for (size_t length = 1; length <= 4; length++)
				assert_int_equal(text_utf8_length(p, length),
				    reference_length(p, length));
		}
		for (unsigned second = 0; second < 256; second++) {
			const uint8_t p[2] = { (uint8_t)first,
			    (uint8_t)second };

			assert_int_equal(text_utf8_length(p, 2),
			    reference_length(p, 2));
		}
	}
}

static void
test_parse_size(void **state)
{
	static const struct {
		const char *text;
		uint64_t size;
	} good[] = {
		{ "0", 0 }, { "512", 512 }, { "512B", 512 },
		{ "64K", 65536 }, { "64k", 65536 }, { "64KB", 65536 },
		{ "64KiB", 65536 }, { "256M", 256u << 20 },
		{ "10G", (uint64_t)10 << 30 }, { "2T", (uint64_t)2 << 40 },
		{ "1P", (uint64_t)1 << 50 }, { "15E", (uint64_t)15 << 60 },
		{ "18446744073709551615", UINT64_MAX },
	};
	static const char *const bad[] = { "", "K", "-1", "+1", " 1", "1 ",
	    "1 K", "1X", "1KK", "1KiBx", "1.5G", "0x10", "16E",
	    "18014398509481984K", "one" };
	uint64_t size;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		size = 1;
		assert_int_equal(text_parse_size(good[i].text, &size), 0);
		assert_true(size == good[i].size);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(text_parse_size(bad[i], &size), -1);
}

static void
test_size(void **state)
{
	static const struct {
		uint64_t size;
		const char *text;
	} cases[] = {
		{ 0, "0 B" }, { 1023, "1023 B" }, { 1024, "1.0 KiB" },
		{ 1536, "1.5 KiB" }, { 1048575, "1.0 MiB" },
		{ 3355443, "3.2 MiB" }, { (uint64_t)1 << 30, "1.0 GiB" },
		{ (uint64_t)1 << 40, "1.0 TiB" },
		{ (uint64_t)1 << 50, "1.0 PiB" }, { UINT64_MAX, "16.0 EiB" },
	};
	char text[TEXT_SIZE_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(text_size(cases[i].size, text),
		    cases[i].text);
}

static void
test_time(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00Z" }, { -1, "1969-12-31T23:59:59Z" },
		{ 1795226179, "2026-11-21T01:56:19Z" },
		{ 1709164800, "2024-02-29T00:00:00Z" },
		{ INT64_C(253402300799), "9999-12-31T23:59:59Z" },
		{ INT64_C(253402300800), "@253402300800" },
		{ INT64_C(-62167219201), "@-62167219201" },
		{ INT64_MAX, "@9223372036854775807" },
		{ INT64_MIN, "@-9223372036854775808" },
	};
	char text[TEXT_TIME_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(text_time(cases[i].seconds, text),
		    cases[i].text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_escape_cut),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_parse_size),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_time),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
