/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_dump.c - a stream as text: every record a line, names escaped.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "stream-format/dump.h"
#include "stream-format/compress.h"
#include "stream-format/frame.h"
#include "tests/unit/stream_build.h"

/* Dump the stream; returns the text, to be freed. */
static char *
dump(struct stream_build *build, int expected, struct err *err)
{
	const int fd = build_fd(build->bytes, build->length);
	size_t length;
	char *text = NULL;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	assert_int_equal(dump_stream(fd, out, err), expected);
	fclose(out);
	close(fd);
	build_free(build);
	return text;
}

static void
has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void
test_lines(void **state)
{
	static const struct record_range piece = { 16, 3 };
	struct metadata_xattr xattr = {
		(char *)(uintptr_t)"user.\x1b[2J", (uint8_t *)(uintptr_t)"v", 1
	};
	const struct record data = build_data(&piece, "abc");
	struct record begin = build_begin(), meta = build_meta();
	struct record end = build_end();
	struct stream_build build;
	struct err err = ERR_INIT;
	unsigned lines = 0;
	char *text;

	(void)state;
	strcpy(begin.u.begin.name, "a\n0 @64 BEGIN\\");
	meta.u.meta.metadata.xattrs = &xattr;
	meta.u.meta.metadata.xattr_count = 1;
	end.u.end.data = 3;
	build_start(&build, FEATURE_ZSTD);
	build_record(&build, &begin);
	build_record(&build, &meta);
	build_frame(&build, 77, FRAME_OPTIONAL, "x", 1);
	build_record(&build, &data);
	build_record(&build, &end);
	text = dump(&build, 0, &err);
	has(text, "stream version=1 id=51515151-");
	has(text, " required=0x1 optional=0\n");
	has(text, "\n0 @64 BEGIN snapshot=52525252-");
	has(text, " base=none ");
	has(text, " size=65536 ");
	has(text, " mtime=-5.000000001 ");
	has(text, " origin=\"disk.img\" name=\"a\\n0 @64 BEGIN\\\\\"");
	has(text, " META mode=4755 uid=1000 gid=4294967294 user=\"ann\"");
	has(text, " attributes=1 attribute=\"user.\\x1b[2J\":1\n");
	has(text, "\n(1 optional frames skipped)\n3 @");
	has(text, " DATA raw=3 encoded=3 encoding=raw prefix=none hash=");
	has(text, " ranges=1 16+3\n");
	has(text, " END records=4 data=3 zeros=0 holes=0 hash=");
	for (const char *p = text; *p != '\0'; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 6);
	free(text);
}

static void
test_resume(void **state)
{
	const struct record resume = {
		.type = RECORD_RESUME,
		.u.resume = {
			.stream = { { 0xab } }, .offset = 65000,
			.snapshot = build_snapshot_id(),
		},
	};
	struct stream_build build;
	struct err err = ERR_INIT;
	char *text;

	(void)state;
	build_start(&build, FEATURE_RESUME);
	build_open(&build);
	build_record(&build, &resume);
	build_close(&build);
	text = dump(&build, 0, &err);
	has(text, " RESUME stream=ab000000-0000-0000-0000-000000000000 "
	    "snapshot=52525252-");
	has(text, " offset=65000\n");
	free(text);
}

/* DATA that needs no base is decoded and checked. */
static void
test_data_is_checked(void **state)
{
	static const struct record_range piece = { 0, 3 };
	uint8_t encoded[1024];
	struct compressor *compressor = compressor_new();
	struct err err = ERR_INIT;
	size_t length;

	(void)state;
	assert_int_equal(compress(compressor, 1, (const uint8_t *)"abc", 3, NULL,
	    0, encoded, &length, &err), 0);
	compressor_free(compressor);
	for (int i = 0; i < 6; i++) {
		struct record data = build_data(&piece, "abc"), end;
		struct stream_build build;
		int expected = i % 3 == 0 ? 0 : -ERR_STREAM;

		if (i >= 3) {
			data.u.data.encoding = RECORD_ZSTD;
			data.u.data.data = encoded;
			data.u.data.encoded_length = (uint32_t)length;
		}
		if (i % 3 == 1)
			data.u.data.hash.bytes[0] ^= 1;
		if (i == 2)
			data.u.data.data = (const uint8_t *)"abd";
		if (i == 5)
			data.u.data.encoded_length--;
		build_start(&build, FEATURE_ZSTD);
		build_open(&build);
		build_record(&build, &data);
		end = build_end();
		end.u.end.data = 3;
		build_record(&build, &end);
		err_clear(&err);
		free(dump(&build, expected, &err));
		if (expected < 0)
			has(err.text, "record 2 at byte ");
	}
}

static void
test_full_disk(void **state)
{
	struct stream_build build;
	struct err err = ERR_INIT;
	FILE *out = fopen("/dev/full", "w");
	int fd;

	(void)state;
	assert_non_null(out);
	build_start(&build, 0);
	build_open(&build);
	build_close(&build);
	fd = build_fd(build.bytes, build.length);
	assert_int_equal(dump_stream(fd, out, &err), -ERR_UNABLE);
	close(fd);
	fclose(out);
	build_free(&build);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_data_is_checked),
		cmocka_unit_test(test_full_disk),
	};

	return cmocka_run_group_tests_name("dump", tests, NULL, NULL);
}
