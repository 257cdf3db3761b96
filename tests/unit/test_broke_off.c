/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_broke_off.c - a stream that broke off is told from one that is wrong.
 */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "stream-format/frame.h"
#include "stream-format/stream_reader.h"
#include "tests/unit/stream_build.h"

static struct stream_build
small_stream(void)
{
	static const struct record_range range = { 4096, 5 };
	const struct record data = build_data(&range, "hello");
	struct record end = build_end();
	struct stream_build build;

	build_start(&build, 0);
	build_open(&build);
	build_record(&build, &data);
	end.u.end.data = 5;
	build_record(&build, &end);
	return build;
}

/* Read to an error; did the input break off? */
static bool
broke_off(const uint8_t *bytes, size_t length)
{
	const int fd = build_fd(bytes, length);
	struct stream_reader *reader;
	struct record *record;
	struct err err = ERR_INIT;
	bool result;

	assert_int_equal(stream_reader_new(fd, &reader, &err), 0);
	while (stream_reader_next(reader, &record, &err) == 0)
		assert_false(stream_reader_broke_off(reader));
	result = stream_reader_broke_off(reader);
	stream_reader_free(reader);
	close(fd);
	return result;
}

/* What broke off is told from what is damaged, too long or at its end. */
static void
test_broke_off(void **state)
{
	struct stream_build build = small_stream();
	uint8_t *bytes = build.bytes;
	const size_t length = build.length;

	(void)state;
	for (size_t n = STREAM_HEADER_SIZE; n < length; n++)
		assert_true(broke_off(bytes, n));
	assert_false(broke_off(bytes, length));
	bytes[length] = 0;
	assert_false(broke_off(bytes, length + 1));
	bytes[length - 1] ^= 1;
	assert_false(broke_off(bytes, length));
	assert_true(broke_off(bytes, length - 1));
	build_free(&build);
}

/* So is what cannot be read: a directory in place of the rest. */
static void
test_unreadable(void **state)
{
	struct stream_build build = small_stream();
	const int fd = build_fd(build.bytes, build.length);
	const int directory = open(".", O_RDONLY | O_DIRECTORY);
	struct stream_reader *reader;
	struct record *record;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(stream_reader_new(fd, &reader, &err), 0);
	assert_int_equal(stream_reader_next(reader, &record, &err), 0);
	assert_int_equal(dup2(directory, fd), fd);
	assert_int_equal(stream_reader_next(reader, &record, &err),
	    -ERR_FAILED);
	assert_true(stream_reader_broke_off(reader));
	stream_reader_free(reader);
	close(directory);
	close(fd);
	build_free(&build);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_broke_off),
		cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests_name("broke_off", tests, NULL, NULL);
}
