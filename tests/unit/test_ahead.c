/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_ahead.c - the order in which ranges are told, seen early and used.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "diff/ahead.h"

#define MIB ((uint64_t)1 << 20)

struct log {
	uint64_t seen, used;	/* up to there */
	uint64_t most;		/* bytes seen and not yet used, at most */
	uint64_t longest;	/* range that was used */
	uint64_t elsewhere;	/* ranges that are not to be read */
	int fail_at;		/* calls until one fails */
};

static int
count_down(struct log *log, struct err *err)
{
	return log->fail_at > 0 && --log->fail_at == 0 ?
	    err_set(err, ERR_FAILED, "as told") : 0;
}

static int
see(void *cookie, const struct range *range, struct err *err)
{
	struct log *log = cookie;

	assert_true(range->source == RANGE_READ);
	assert_true(range->offset >= log->seen);
	log->seen = range->offset + range->length;
	return count_down(log, err);
}

static int
use(void *cookie, const struct range *range, struct err *err)
{
	struct log *log = cookie;

	assert_true(range->offset >= log->used);
	log->used = range->offset + range->length;
	if (range->source != RANGE_READ) {
		log->elsewhere++;
		return 0;
	}
	if (log->seen > 0) {
		assert_true(log->seen >= log->used);
		if (log->seen - range->offset > log->most)
			log->most = log->seen - range->offset;
	}
	if (range->length > log->longest)
		log->longest = range->length;
	return count_down(log, err);
}

/* Ranges that touch, of so many bytes each. */
static int
run(struct log *log, bool early, uint64_t count, uint64_t length)
{
	struct err err = ERR_INIT;
	struct ahead *ahead = ahead_new(-1, -1, use, log);
	int rc = 0;

	assert_non_null(ahead);
	if (early)
		ahead_look_early(ahead, see, log);
	for (uint64_t i = 0; i < count && rc == 0; i++) {
		const struct range range = {
			.offset = i * length, .length = length,
			.source = i % 7 == 3 ? 0 : RANGE_READ,
		};

		rc = ahead_put(ahead, &range, &err);
	}
	if (rc == 0)
		rc = ahead_finish(ahead, &err);
	ahead_free(ahead);
	return rc;
}

static void
test_all_used(void **state)
{
	(void)state;
	for (int early = 0; early < 2; early++) {
		struct log log = { .used = 0 }, large = { .used = 0 };

		assert_int_equal(run(&log, early, 20000, 4096), 0);
		assert_true(log.used == (uint64_t)20000 * 4096);
		assert_true(log.elsewhere == 20000 / 7);
		assert_true(early == 0 || log.seen >= log.used - 4096);
		assert_int_equal(run(&large, early, 10, 3 * MIB), 0);
		assert_true(large.used == 30 * MIB);
		assert_true(large.longest == 3 * MIB);
	}
}

/* Much is seen before it is used, but not more than the limit. */
static void
test_distance(void **state)
{
	struct log log = { .used = 0 }, whole = { .used = 0 };
	struct log many = { .used = 0 };

	(void)state;
	assert_int_equal(run(&log, true, 2000, MIB), 0);
	assert_in_range(log.most, 250 * MIB, 310 * MIB);
	/* One long range comes in pieces, and is not seen as a whole first. */
	assert_int_equal(run(&whole, true, 1, 2000 * MIB), 0);
	assert_true(whole.used == 2000 * MIB);
	assert_in_range(whole.longest, MIB, 16 * MIB);
	assert_in_range(whole.most, 250 * MIB, 310 * MIB);
	/* Nor so many small ones that they take much memory. */
	assert_int_equal(run(&many, true, 200000, 1024), 0);
	assert_in_range(many.most, 50 * MIB, 65 * MIB);
}

/* Nobody looks early: a range stays whole. */
static void
test_whole(void **state)
{
	struct log log = { .used = 0 };

	(void)state;
	assert_int_equal(run(&log, false, 1, 1000 * MIB), 0);
	assert_true(log.longest == 1000 * MIB);
}

static void
test_failures(void **state)
{
	(void)state;
	for (int at = 1; at < 20; at++) {
		struct log early = { .fail_at = at }, late = { .fail_at = at };

		assert_int_equal(run(&early, true, 20, 9 * MIB), -ERR_FAILED);
		assert_int_equal(run(&late, false, 40, 9 * MIB), -ERR_FAILED);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_used),
		cmocka_unit_test(test_distance),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
