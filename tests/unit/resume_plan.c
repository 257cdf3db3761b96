/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resume_plan.c - build streams of one whole snapshot that break off, or go on.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "snapshot/digest.h"
#include "stream-format/frame.h"
#include "tests/unit/resume_plan.h"

struct uuid
plan_earlier(void)
{
	struct uuid stream;

	memset(stream.bytes, 0x77, sizeof(stream.bytes));
	return stream;
}

/* What comes before the pieces. */
static void
build_beginning(struct stream_build *build, const struct plan *plan)
{
	struct record begin = build_begin(), resume = {
		.type = RECORD_RESUME,
		.u.resume = { .stream = plan_earlier(), .offset = plan->from },
	};
	const struct record meta = build_meta();

	if (plan->snapshot != 0) {
		begin.u.begin.snapshot.bytes[0] = (uint8_t)plan->snapshot;
		begin.u.begin.cut = plan->snapshot;
		snprintf(begin.u.begin.name, sizeof(begin.u.begin.name),
		    "cut %d", (int)plan->snapshot);
	}
	resume.u.resume.snapshot = begin.u.begin.snapshot;
	build_start(build, FEATURE_RESUME);
	build_record(build, &begin);
	build_record(build, &meta);
	if (plan->from > 0)
		build_record(build, &resume);
}

static void
build_ending(struct stream_build *build, const uint8_t *content, uint64_t data)
{
	const int fd = build_fd(content, BUILD_SIZE);
	struct record end = build_end();
	struct digest digest;

	assert_int_equal(digest_file(fd, BUILD_SIZE, NULL, &digest), 0);
	close(fd);
	memcpy(end.u.end.result_digest.value, digest.value, DIGEST_BYTES);
	end.u.end.data = data;
	build_record(build, &end);
}

struct stream_build
plan_build(const struct plan *plan, const uint8_t *content)
{
	struct record checkpoint = { .type = RECORD_CHECKPOINT };
	struct stream_build build;
	uint64_t data = 0;
	size_t end = 0;

	build_beginning(&build, plan);
	for (size_t i = 0; i < PIECES; i++) {
		const struct record_range range = { i * PIECE, PIECE };
		struct record record;

		if (i == plan->pieces)
			end = build.length;
		if (range.offset < plan->from)
			continue;
		record = build_data(&range, content + range.offset);
		build_record(&build, &record);
		checkpoint.u.checkpoint.offset = range.offset + PIECE;
		checkpoint.u.checkpoint.wire = build.length;
		build_record(&build, &checkpoint);
		data += PIECE;
	}
	if (plan->pieces == PIECES)
		end = build.length;
	build_ending(&build, content, data);
	if (plan->damaged)
		build.bytes[end + 100] ^= 1;
	else if (plan->pieces != WHOLE)
		build.length = end + plan->cut;
	return build;
}
