/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_hostile.c - streams whose checksums are right and whose contents lie.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/hash.h"
#include "common/le.h"
#include "stream-format/frame.h"
#include "tests/unit/stream_build.h"

#define UNKNOWN 200		/* a type of record */

static void
finish(struct stream_build *build, const char *word)
{
	if (word == NULL)
		build_accepted(build);
	else
		build_refused(build, word);
	build_free(build);
}

/* A legal stream with one frame between META and END. */
static void
with_frame(unsigned type, unsigned flags, const void *payload, size_t length,
    const char *word)
{
	struct stream_build build;

	build_start(&build, 0);
	build_open(&build);
	build_frame(&build, type, flags, payload, length);
	build_close(&build);
	finish(&build, word);
}

static void
test_unknown_frames(void **state)
{
	(void)state;
	with_frame(UNKNOWN, FRAME_OPTIONAL, "any", 3, NULL);
	with_frame(0, FRAME_OPTIONAL, NULL, 0, NULL);
	with_frame(UINT16_MAX, FRAME_OPTIONAL, "any", 3, NULL);
	with_frame(RECORD_DIGEST, FRAME_OPTIONAL, "any", 3, NULL);
	with_frame(UNKNOWN, 0, "any", 3, "record 2 at byte ");
	with_frame(UNKNOWN, 0, "any", 3, "type 200");
	with_frame(0, 0, NULL, 0, "type 0");
	with_frame(RECORD_DIGEST, 0, "any", 3, "DIGEST");
	with_frame(UNKNOWN, FRAME_OPTIONAL | 2, "any", 3, "unknown flags");
	with_frame(RECORD_ZERO, FRAME_OPTIONAL, "any", 3, "optional");
}

/* Optional frames belong into the body of a snapshot. */
static void
test_optional_places(void **state)
{
	const struct record begin = build_begin(), meta = build_meta();
	struct stream_build build;

	(void)state;
	for (int place = 0; place < 4; place++) {
		build_start(&build, 0);
		if (place == 0)
			build_frame(&build, UNKNOWN, FRAME_OPTIONAL, "x", 1);
		build_record(&build, &begin);
		if (place == 1)
			build_frame(&build, UNKNOWN, FRAME_OPTIONAL, "x", 1);
		build_record(&build, &meta);
		if (place == 2)
			build_frame(&build, UNKNOWN, FRAME_OPTIONAL, "x", 1);
		build_close(&build);
		if (place == 3)
			build_frame(&build, UNKNOWN, FRAME_OPTIONAL, "x", 1);
		finish(&build, place == 2 ? NULL : place == 3 ?
		    "bytes follow" : "outside of META and END");
	}
}

static void
test_reserved_records(void **state)
{
	static const struct record clone = {
		.type = RECORD_CLONE, .u.clone = { .length = 5 }
	};
	static const struct record resume = {
		.type = RECORD_RESUME, .u.resume.stream = { { 1 } }
	};
	struct stream_build build;

	(void)state;
	build_start(&build, 0);
	build_open(&build);
	build_record(&build, &clone);
	finish(&build, "needs feature clone");
	build_start(&build, 0);
	build_open(&build);
	build_record(&build, &resume);
	finish(&build, "needs feature resume");
	build_start(&build, FEATURE_FILES);
	finish(&build, "0x8");
}

/* END of a snapshot with all that counts in it, then bent. */
static void
with_end(const struct record *end, const char *word)
{
	static const struct record_range zero = { 0, 10 }, piece = { 10, 3 },
	    hole = { 100, 20 };
	const struct record data = build_data(&piece, "abc");
	struct record record = { .type = RECORD_ZERO };
	struct stream_build build;

	build_start(&build, 0);
	build_open(&build);
	record.u.zero.count = 1;
	record.u.zero.ranges = &zero;
	build_record(&build, &record);
	build_record(&build, &data);
	record.type = RECORD_HOLE;
	record.u.hole.ranges = &hole;
	build_record(&build, &record);
	build_record(&build, end);
	finish(&build, word);
}

static void
test_end(void **state)
{
	struct record good = build_end(), bad;

	(void)state;
	good.u.end.data = 3;
	good.u.end.zeros = 10;
	good.u.end.holes = 20;
	with_end(&good, NULL);
	bad = good;
	bad.u.end.records = 1;
	with_end(&bad, "END counts 6 records, but there were 5");
	bad = good;
	bad.u.end.data = 2;
	with_end(&bad, "bytes of data");
	bad = good;
	bad.u.end.zeros = 0;
	with_end(&bad, "bytes of zeros");
	bad = good;
	bad.u.end.holes = 21;
	with_end(&bad, "bytes of holes");
	bad = good;
	bad.u.end.last = false;
	with_end(&bad, "truncated");
}

/* A frame left out, its neighbours numbered anew: END's hash tells. */
static void
test_stream_hash(void **state)
{
	static const struct record_range range = { 0, 3 };
	const struct record abc = build_data(&range, "abc");
	const struct record xyz = build_data(&range, "xyz");
	struct stream_build build, other;
	struct record end = build_end();

	(void)state;
	end.u.end.data = 3;
	build_start(&build, 0);
	build_open(&build);
	build_record(&build, &abc);
	build_start(&other, 0);
	build_open(&other);
	build_record(&other, &xyz);
	/* END of one behind the frames of the other */
	assert_int_equal(build.length, other.length);
	build_record(&build, &end);
	build_bytes(&other, build.bytes + other.length,
	    build.length - other.length);
	build_accepted(&build);
	build_refused(&other, "another hash");
	build_free(&build);
	build_free(&other);
}

static void
test_order(void **state)
{
	static const struct record_range range = { 0, 1 };
	const struct record begin = build_begin(), meta = build_meta();
	struct record zero = { .type = RECORD_ZERO };
	struct stream_build build;

	(void)state;
	zero.u.zero.count = 1;
	zero.u.zero.ranges = &range;
	build_start(&build, 0);
	build_record(&build, &meta);
	finish(&build, "record 0 at byte 64: META comes where BEGIN is due");
	build_start(&build, 0);
	build_record(&build, &begin);
	build_record(&build, &zero);
	finish(&build, "META is due");
	build_start(&build, 0);
	build_open(&build);
	build_record(&build, &begin);
	finish(&build, "END is due");
	build_start(&build, 0);
	build_open(&build);
	build_record(&build, &zero);
	build_record(&build, &zero);
	finish(&build, "begins before the end");
}

static void
test_checkpoint(void **state)
{
	struct record record = { .type = RECORD_CHECKPOINT };
	struct stream_build build;

	(void)state;
	for (int wrong = 0; wrong < 2; wrong++) {
		build_start(&build, 0);
		build_open(&build);
		record.u.checkpoint.wire = build.length + (size_t)wrong;
		build_record(&build, &record);
		build_close(&build);
		finish(&build, wrong ? "bytes of stream before it" : NULL);
	}
}

/* Each rule of names, as a whole stream. */
static void
test_hostile_names(void **state)
{
	static const struct {
		const char *origin, *name;
		uint32_t flags;
	} bad[] = {
		{ "disk.img", "", 0 },
		{ "disk.img", "../../root/.ssh/authorized_keys", 0 },
		{ "..", "monday", 0 },
		{ ".", "monday", 0 },
		{ "a/b", "monday", 0 },
		{ "", "monday", 0 },
		{ "", "", RECORD_BEGIN_PLAIN },
		{ "", ".", RECORD_BEGIN_PLAIN },
		{ "", "..", RECORD_BEGIN_PLAIN },
		{ "", "/etc/passwd", RECORD_BEGIN_PLAIN },
		{ "disk.img", "monday", RECORD_BEGIN_PLAIN },
		{ "disk.img", "monday", 2 },
	};
	struct stream_build build;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct record begin = build_begin();

		snprintf(begin.u.begin.origin, 256, "%s", bad[i].origin);
		snprintf(begin.u.begin.name, 256, "%s", bad[i].name);
		begin.u.begin.flags = bad[i].flags;
		build_start(&build, 0);
		build_record(&build, &begin);
		finish(&build, "record 0 at byte 64: BEGIN: ");
	}
}

/* A claimed length is judged before as much is read. */
static void
test_claimed_length(void **state)
{
	struct stream_build build;
	uint8_t bytes[FRAME_HEADER_SIZE];
	const struct uuid id = build_stream_id();
	struct frame_header header = { .type = RECORD_BEGIN, .length = 0 };

	(void)state;
	for (uint32_t over = 0; over < 2; over++) {
		build_start(&build, 0);
		frame_header_encode(&header, frame_seed(&id), NULL, bytes);
		le32_put(bytes + 16, RECORD_PAYLOAD_MAX + over);
		build_bytes(&build, bytes, sizeof(bytes));
		finish(&build, over ? "claims a payload" : "truncated");
	}
	build_start(&build, 0);
	le32_put(bytes + 16, UINT32_MAX);
	build_bytes(&build, bytes, sizeof(bytes));
	finish(&build, "claims a payload of 4294967295 bytes");
}

/* A sound frame of another stream, and one that comes twice. */
static void
test_foreign_frames(void **state)
{
	struct uuid other = build_stream_id();
	struct stream_header header = { .required = 0 };
	uint8_t bytes[STREAM_HEADER_SIZE];
	uint8_t twice[FRAME_HEADER_SIZE + 1];
	struct stream_build build;

	(void)state;
	other.bytes[0] ^= 1;
	header.stream = other;
	build_start(&build, 0);
	build_open(&build);
	build_close(&build);
	stream_header_encode(&header, bytes);
	memcpy(build.bytes, bytes, sizeof(bytes));
	finish(&build, "record 0 at byte 64: the frame is damaged");

	build_start(&build, 0);
	build_open(&build);
	build_frame(&build, UNKNOWN, FRAME_OPTIONAL, "x", 1);
	memcpy(twice, build.bytes + build.length - sizeof(twice),
	    sizeof(twice));
	build_bytes(&build, twice, sizeof(twice));
	build_close(&build);
	finish(&build, "sequence number 2 instead of 3");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unknown_frames),
		cmocka_unit_test(test_optional_places),
		cmocka_unit_test(test_reserved_records),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_stream_hash),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_checkpoint),
		cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_claimed_length),
		cmocka_unit_test(test_foreign_frames),
	};

	return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
