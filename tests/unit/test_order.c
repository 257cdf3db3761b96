/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_order.c - the rules that span records.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "stream-format/frame.h"
#include "stream-format/order.h"
#include "tests/unit/stream_build.h"

static struct order
start(uint64_t required)
{
	const struct order order = {
		.stream = build_stream_id(), .required = required
	};

	return order;
}

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

/* An order in whose snapshot, with or without base, the body has begun. */
static struct order
body(uint64_t required, bool based)
{
	struct order order = start(required);
	struct record record = build_begin();

	if (based)
		build_based(&record.u.begin);
	take(&order, &record);
	record = build_meta();
	take(&order, &record);
	return order;
}

static struct record
ranges(enum record_type type, const struct record_range *range, uint32_t count)
{
	struct record record = { .type = type };

	record.u.zero.count = count;	/* hole has the same form */
	record.u.zero.ranges = range;
	return record;
}

static void
test_states(void **state)
{
	static const struct record_range range = { 0, 1 };
	const struct record begin = build_begin(), meta = build_meta();
	const struct record hole = ranges(RECORD_HOLE, &range, 1);
	const struct record digest = { .type = RECORD_DIGEST };
	struct order order = start(0);
	struct record end = build_end();

	(void)state;
	refused(&order, &meta, "META comes where BEGIN is due");
	refused(&order, &hole, "BEGIN is due");
	refused(&order, &end, "BEGIN is due");
	take(&order, &begin);
	refused(&order, &begin, "META is due");
	refused(&order, &hole, "META is due");
	refused(&order, &end, "META is due");
	take(&order, &meta);
	refused(&order, &begin, "END is due");
	refused(&order, &meta, "END is due");
	refused(&order, &digest, "cannot be applied");
	end.u.end.records = 2;
	end.u.end.last = false;
	take(&order, &end);
	refused(&order, &end, "BEGIN is due");
	take(&order, &begin);
	take(&order, &meta);
	end.u.end.last = true;
	take(&order, &end);
	assert_int_equal(order.state, ORDER_DONE);
	refused(&order, &begin, "end of the stream");
}

static void
test_stream_id(void **state)
{
	const struct order order = start(0);
	struct record begin = build_begin();

	(void)state;
	begin.u.begin.stream.bytes[3] ^= 1;
	refused(&order, &begin, "another stream");
}

static void
test_mtime(void **state)
{
	struct order order = start(0);
	const struct record begin = build_begin();
	struct record meta = build_meta();

	(void)state;
	take(&order, &begin);
	meta.u.meta.metadata.mtime.tv_nsec ^= 1;
	refused(&order, &meta, "another modification time");
	meta = build_meta();
	meta.u.meta.metadata.mtime.tv_sec++;
	refused(&order, &meta, "another modification time");
}

static void
test_ranges(void **state)
{
	static const struct record_range two[] = { { 0, 10 }, { 20, 10 } };
	static const struct record_range overlap = { 29, 1 };
	static const struct record_range next = { 30, BUILD_SIZE - 31 };
	static const struct record_range beyond = { BUILD_SIZE - 1, 2 };
	static const struct record_range far = { BUILD_SIZE + 1, 1 };
	static const struct record_range huge = { 64, UINT64_MAX - 63 };
	static const struct record_range last = { BUILD_SIZE - 1, 1 };
	static const uint8_t bytes[BUILD_SIZE];
	struct order order = body(0, false);
	struct record record = ranges(RECORD_ZERO, two, 2);

	(void)state;
	take(&order, &record);
	record = ranges(RECORD_HOLE, &overlap, 1);
	refused(&order, &record, "begins before the end 30");
	record = ranges(RECORD_HOLE, two, 2);
	refused(&order, &record, "begins before");
	record = build_data(&overlap, bytes);
	refused(&order, &record, "begins before");
	record = build_data(&next, bytes);
	take(&order, &record);
	record = ranges(RECORD_HOLE, &beyond, 1);
	refused(&order, &record, "beyond the size");
	record = ranges(RECORD_HOLE, &far, 1);
	refused(&order, &record, "beyond the size");
	order.position = 0;
	record = ranges(RECORD_HOLE, &huge, 1);
	refused(&order, &record, "beyond the size");
	record = ranges(RECORD_HOLE, &last, 1);
	take(&order, &record);
	assert_true(order.zeros == 20);
	assert_true(order.holes == 1);
	assert_true(order.data == BUILD_SIZE - 31);
	assert_true(order.records == 5);
}

static void
test_features(void **state)
{
	static const struct record_range range = { 0, 4 };
	const struct order none = body(0, true);
	const struct order zstd = body(FEATURE_ZSTD, true);
	const struct order whole = body(FEATURE_ZSTD | FEATURE_PREFIX, false);
	struct order both = body(FEATURE_ZSTD | FEATURE_PREFIX, true);
	struct record record = build_data(&range, "abcd");

	(void)state;
	record.u.data.encoding = RECORD_ZSTD;
	refused(&none, &record, "feature zstd");
	record.u.data.prefix = RECORD_PREFIX_SAME;
	refused(&zstd, &record, "feature prefix");
	refused(&whole, &record, "no base");
	take(&both, &record);
	record.type = RECORD_CLONE;
	memset(&record.u, 0, sizeof(record.u));
	record.u.clone.length = 5;
	refused(&both, &record, "feature clone");
	record.type = RECORD_RESUME;
	refused(&both, &record, "feature resume");
}

/* A CLONE is a range like others, and its source lies within the base. */
static void
test_clone(void **state)
{
	struct order order = body(FEATURE_CLONE, true);
	struct record record = { .type = RECORD_CLONE };

	(void)state;
	order.base_size = 200;
	record.u.clone.offset = 100;
	record.u.clone.length = 50;
	record.u.clone.source_offset = 150;
	take(&order, &record);
	refused(&order, &record, "begins before the end 150");
	record.u.clone.offset = BUILD_SIZE;
	refused(&order, &record, "beyond the size");
	record.u.clone.offset = 150;
	record.u.clone.source_offset = 151;
	refused(&order, &record, "beyond the size 200 of the base");
	record.u.clone.source_offset = UINT64_MAX;
	refused(&order, &record, "beyond the size 200 of the base");
	order.based = false;
	refused(&order, &record, "no base");
}

static void
test_checkpoint(void **state)
{
	static const struct record_range range = { 100, 100 };
	struct order order = body(0, false);
	struct record record = ranges(RECORD_ZERO, &range, 1);

	(void)state;
	take(&order, &record);
	memset(&record, 0, sizeof(record));
	record.type = RECORD_CHECKPOINT;
	record.u.checkpoint.offset = 199;
	refused(&order, &record, "offset 199");
	record.u.checkpoint.offset = BUILD_SIZE + 1;
	refused(&order, &record, "offset");
	record.u.checkpoint.offset = 300;
	take(&order, &record);
	record = ranges(RECORD_ZERO, &range, 1);
	refused(&order, &record, "before the end 300");
}

static void
test_counts(void **state)
{
	static const struct record_range range = { 0, 10 };
	struct order order = body(0, false);
	struct record record = ranges(RECORD_ZERO, &range, 1), end;
	struct err err = ERR_INIT;

	(void)state;
	take(&order, &record);
	assert_int_equal(order_skip(&order, &err), 0);
	end = build_end();
	end.u.end.records = 4;
	end.u.end.zeros = 10;
	record = end;
	record.u.end.records = 3;
	refused(&order, &record, "records");
	record = end;
	record.u.end.data = 1;
	refused(&order, &record, "bytes of data");
	record = end;
	record.u.end.zeros = 11;
	refused(&order, &record, "bytes of zeros");
	record = end;
	record.u.end.holes = 1;
	refused(&order, &record, "bytes of holes");
	take(&order, &end);
}

/* Skipping is for the body only. */
static void
test_skip(void **state)
{
	struct order order = start(0);
	const struct record begin = build_begin();
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(order_skip(&order, &err), -ERR_STREAM);
	take(&order, &begin);
	err_clear(&err);
	assert_int_equal(order_skip(&order, &err), -ERR_STREAM);
	order.state = ORDER_DONE;
	err_clear(&err);
	assert_int_equal(order_skip(&order, &err), -ERR_STREAM);
}

static void
test_digest(void **state)
{
	struct order order = body(0, false);
	struct record end = build_end();

	(void)state;
	end.u.end.records = 2;
	memset(&end.u.end.result_digest, 0, sizeof(end.u.end.result_digest));
	refused(&order, &end, "no digest");
	order.based = true;
	take(&order, &end);
	/* BEGIN told the value: END must agree. */
	order = body(0, true);
	order.result_digest.value[0] = 0xee;
	refused(&order, &end, "another digest");
	end = build_end();
	end.u.end.records = 2;
	refused(&order, &end, "another digest");
	order.result_digest = end.u.end.result_digest;
	take(&order, &end);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_stream_id),
		cmocka_unit_test(test_mtime),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_features),
		cmocka_unit_test(test_clone),
		cmocka_unit_test(test_checkpoint),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_skip),
		cmocka_unit_test(test_digest),
	};

	return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
