/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_buf.c - typed fields in a bounded buffer.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"

/* Layout of all forms, byte by byte. */
static void
test_layout(void **state)
{
	static const uint8_t expected[] = {
		0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04,
		0x0f, 0x0e, 0x0d, 0x0c, 0x0b, 0x0a, 0x09, 0x08,
		0x02, 0x00, 'h', 'i', 0x00, 0x00, 0xff,
	};
	uint8_t bytes[sizeof(expected)];
	struct buf_writer w = { .data = bytes, .size = sizeof(bytes) };

	(void)state;
	buf_put8(&w, 0x01);
	buf_put16(&w, 0x0203);
	buf_put32(&w, 0x04050607);
	buf_put64(&w, 0x08090a0b0c0d0e0f);
	buf_put_string(&w, "hi", 2);
	buf_put_string(&w, NULL, 0);
	buf_put(&w, "\xff", 1);
	assert_false(w.overflow);
	assert_int_equal(w.used, sizeof(expected));
	assert_memory_equal(bytes, expected, sizeof(expected));
}

static void
test_get(void **state)
{
	static const uint8_t bytes[] = {
		0x01, 0x03, 0x82, 0x07, 0x06, 0x05, 0x84,
		0x0f, 0x0e, 0x0d, 0x0c, 0x0b, 0x0a, 0x09, 0x88,
		0x02, 0x00, 'h', 'i',
	};
	struct buf_reader r = { .data = bytes, .size = sizeof(bytes) };
	const uint8_t *string;
	size_t length;

	(void)state;
	assert_int_equal(buf_get8(&r), 0x01);
	assert_int_equal(buf_get16(&r), 0x8203);
	assert_int_equal(buf_get32(&r), 0x84050607);
	assert_true(buf_get64(&r) == 0x88090a0b0c0d0e0f);
	assert_false(buf_complete(&r));
	string = buf_get_string(&r, &length);
	assert_int_equal(length, 2);
	assert_memory_equal(string, "hi", 2);
	assert_true(buf_complete(&r));
	assert_int_equal(buf_get8(&r), 0);
	assert_false(buf_complete(&r));
}

/* Copies are whole, or what was there stays and the reader is spoilt. */
static void
test_copies(void **state)
{
	static const uint8_t bytes[] = { 'a', 'b', 'c', 3, 0, 'x', 'y', 'z' };
	struct buf_reader r = { .data = bytes, .size = sizeof(bytes) };
	char out[4] = "....";

	(void)state;
	buf_get_copy(&r, out, 3);
	assert_memory_equal(out, "abc.", 4);
	buf_get_text(&r, out, sizeof(out));
	assert_string_equal(out, "xyz");
	assert_true(buf_complete(&r));
	buf_get_copy(&r, out, 1);
	assert_string_equal(out, "xyz");
	assert_true(r.underrun);
	/* A text of three bytes needs room for four. */
	r = (struct buf_reader){ .data = bytes + 3, .size = 5 };
	buf_get_text(&r, out, 3);
	assert_true(r.underrun);
	assert_string_equal(out, "");
	r = (struct buf_reader){ .data = bytes + 3, .size = 4 };
	memset(out, '.', sizeof(out));
	buf_get_text(&r, out, sizeof(out));
	assert_true(r.underrun);
	assert_string_equal(out, "");
}

/* A writer at its end writes nothing, ever after. */
static void
test_overflow(void **state)
{
	uint8_t bytes[4] = { 0 };
	struct buf_writer w = { .data = bytes, .size = 3 };

	(void)state;
	buf_put16(&w, 0xffff);
	buf_put16(&w, 0xffff);
	assert_true(w.overflow);
	assert_int_equal(w.used, 2);
	buf_put8(&w, 0xff);
	assert_int_equal(w.used, 2);
	assert_int_equal(bytes[2] | bytes[3], 0);
}

static void
test_long_string(void **state)
{
	uint8_t *bytes = calloc(1, 70000);
	struct buf_writer w = { .data = bytes, .size = 70000 };

	(void)state;
	assert_non_null(bytes);
	buf_put_string(&w, bytes + 2, 65535);
	assert_false(w.overflow);
	w.used = 0;
	buf_put_string(&w, bytes, 65536);
	assert_true(w.overflow);
	free(bytes);
}

/* A reader at its end yields zeros, ever after, and lengths do not wrap. */
static void
test_underrun(void **state)
{
	static const uint8_t bytes[] = { 0xff, 0xff, 0xff, 0xff, 0xff };
	struct buf_reader r = { .data = bytes, .size = sizeof(bytes) };
	size_t length = 9;

	(void)state;
	assert_null(buf_get_string(&r, &length));
	assert_int_equal(length, 0);
	assert_true(r.underrun);
	assert_int_equal(buf_get8(&r), 0);
	r.underrun = false;
	assert_null(buf_get(&r, SIZE_MAX));
	assert_false(buf_complete(&r));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_long_string),
		cmocka_unit_test(test_underrun),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
