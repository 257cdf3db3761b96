/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_order_resume.c - where RESUME may stand, and what it changes for the
 * records behind it.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "stream-format/frame.h"
#include "stream-format/order.h"
#include "tests/unit/stream_build.h"

static void
take(struct order *order, const struct record *record)
{
	struct err err = ERR_INIT;

	if (order_next(order, record, &err) != 0)
		fail_msg("%s", err.text);
}

static void
refused(const struct order *order, const struct record *record,
    const char *word)
{
	struct order copy = *order;
	struct err err = ERR_INIT;

	assert_int_equal(order_next(&copy, record, &err), -ERR_STREAM);
	if (strstr(err.text, word) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", word, err.text);
}

/* An order in whose first snapshot the body has begun. */
static struct order
body(void)
{
	const struct record begin = build_begin(), meta = build_meta();
	struct order order = {
		.stream = build_stream_id(), .required = FEATURE_RESUME
	};

	take(&order, &begin);
	take(&order, &meta);
	return order;
}

static struct record
zero(const struct record_range *range)
{
	struct record record = { .type = RECORD_ZERO };

	record.u.zero.count = 1;
	record.u.zero.ranges = range;
	return record;
}

/* RESUME at an offset, of the snapshot and after the stream that is meant. */
static struct record
resume_at(uint64_t offset)
{
	const struct record record = {
		.type = RECORD_RESUME,
		.u.resume = {
			.stream = { { 9 } }, .snapshot = build_snapshot_id(),
			.offset = offset,
		},
	};

	return record;
}

/* It comes right behind the first META, once, and is of that snapshot. */
static void
test_resume(void **state)
{
	static const struct record_range low = { 99, 2 }, next = { 100, 1 };
	struct order order = body();
	struct record record = resume_at(100), range;

	(void)state;
	record.u.resume.snapshot.bytes[0] ^= 1;
	refused(&order, &record, "another snapshot");
	record = resume_at(100);
	record.u.resume.stream = build_stream_id();
	refused(&order, &record, "stream that it is in");
	record = resume_at(BUILD_SIZE + 1);
	refused(&order, &record, "beyond the size");
	record = resume_at(100);
	take(&order, &record);
	refused(&order, &record, "right behind the first META");
	range = zero(&low);
	refused(&order, &range, "before the end 100");
	range = zero(&next);
	take(&order, &range);
	refused(&order, &record, "right behind the first META");
	assert_true(order.records == 4);
	assert_true(order.zeros == 1);
}

/* At the end of the snapshot there is nothing left but END. */
static void
test_resume_at_end(void **state)
{
	struct order order = body();
	const struct record record = resume_at(BUILD_SIZE);
	struct record end = build_end();

	(void)state;
	take(&order, &record);
	end.u.end.records = 3;
	take(&order, &end);
}

/* Neither behind another record, nor in a later snapshot, nor before META. */
static void
test_resume_late(void **state)
{
	const struct record begin = build_begin(), meta = build_meta();
	const struct record record = resume_at(0);
	struct order order = body();
	struct record end = build_end();
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(order_skip(&order, &err), 0);
	refused(&order, &record, "right behind the first META");
	order = body();
	end.u.end.records = 2;
	end.u.end.last = false;
	take(&order, &end);
	refused(&order, &record, "BEGIN is due");
	take(&order, &begin);
	refused(&order, &record, "META is due");
	take(&order, &meta);
	refused(&order, &record, "right behind the first META");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_resume_at_end),
		cmocka_unit_test(test_resume_late),
	};

	return cmocka_run_group_tests_name("order_resume", tests, NULL, NULL);
}
