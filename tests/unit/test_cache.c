/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_cache.c - which requests to read ahead reach the kernel.
 */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cache.h"

#define GAP CACHE_GAP
#define SPAN (1u << 20)

static struct {
	int count;
	int fd;
	off_t offset[8], length[8];
} calls;

/* Stands in for that of the system. */
int
posix_fadvise(int fd, off_t offset, off_t length, int advice)
{
	assert_int_equal(advice, POSIX_FADV_WILLNEED);
	assert_true(calls.count < 8);
	calls.fd = fd;
	calls.offset[calls.count] = offset;
	calls.length[calls.count] = length;
	calls.count++;
	return 0;
}

static void
assert_call(int n, off_t offset, off_t length)
{
	assert_true(n < calls.count);
	assert_int_equal(calls.fd, 7);
	assert_int_equal(calls.offset[n], offset);
	assert_int_equal(calls.length[n], length);
}

static void
test_close(void **state)
{
	struct cache_ahead ahead = { .fd = 7 };

	(void)state;
	calls.count = 0;
	cache_ahead_add(&ahead, 4096, 4096);
	cache_ahead_add(&ahead, 8192, 100);
	cache_ahead_add(&ahead, 8292 + GAP, 50);
	assert_int_equal(calls.count, 0);
	cache_ahead_add(&ahead, 8342 + 2 * GAP + 1, 10);
	assert_int_equal(calls.count, 1);
	assert_call(0, 4096, 4246 + GAP);
	cache_ahead_flush(&ahead);
	assert_call(1, 8342 + 2 * GAP + 1, 10);
	cache_ahead_flush(&ahead);
	assert_int_equal(calls.count, 2);
}

/* One request has a largest length; one that begins earlier stands alone. */
static void
test_limits(void **state)
{
	struct cache_ahead ahead = { .fd = 7 };

	(void)state;
	calls.count = 0;
	cache_ahead_add(&ahead, 0, SPAN - 100);
	cache_ahead_add(&ahead, SPAN - 100, 100);
	cache_ahead_add(&ahead, SPAN, 1);
	assert_int_equal(calls.count, 1);
	assert_call(0, 0, SPAN);
	cache_ahead_add(&ahead, 500, 10);
	assert_int_equal(calls.count, 2);
	assert_call(1, SPAN, 1);
	cache_ahead_flush(&ahead);
	assert_call(2, 500, 10);
}

static void
test_no_file(void **state)
{
	struct cache_ahead ahead = { .fd = -1 };

	(void)state;
	calls.count = 0;
	cache_ahead_add(&ahead, 0, 10);
	cache_ahead_add(&ahead, SPAN, 10);
	cache_ahead_flush(&ahead);
	assert_int_equal(calls.count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_no_file),
	};

	return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}
