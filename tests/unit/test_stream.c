/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_stream.c - what the writer writes, the reader reads; and damage.
 */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/io.h"
#include "stream-format/stream_reader.h"
#include "stream-format/stream_writer.h"
#include "tests/unit/stream_build.h"

static const struct record_range zero_range = { 0, 4096 };
static const struct record_range data_range = { 4096, 5 };
static const struct record_range hole_range = { 8192, 4096 };

static struct stream_writer *
writer_to(int fd)
{
	const struct uuid id = build_stream_id();
	struct stream_writer *writer;
	struct err err = ERR_INIT;

	assert_int_equal(stream_writer_new(fd, FEATURE_ZSTD, &id, &writer,
	    &err), 0);
	return writer;
}

static void
put(struct stream_writer *writer, struct record record)
{
	struct err err = ERR_INIT;

	if (record.type == RECORD_BEGIN)
		memset(&record.u.begin.stream, 0, UUID_SIZE);
	if (stream_writer_put(writer, &record, &err) != 0)
		fail_msg("%s", err.text);
}

/* A snapshot with one record of each kind. */
static void
put_snapshot(struct stream_writer *writer, bool based, bool last)
{
	struct record record = build_begin();

	if (based)
		build_based(&record.u.begin);
	put(writer, record);
	put(writer, build_meta());
	memset(&record, 0, sizeof(record));
	record.type = RECORD_ZERO;
	record.u.zero.count = 1;
	record.u.zero.ranges = &zero_range;
	put(writer, record);
	put(writer, build_data(&data_range, "hello"));
	memset(&record, 0, sizeof(record));
	record.type = RECORD_CHECKPOINT;
	record.u.checkpoint.offset = 8000;
	put(writer, record);
	memset(&record, 0, sizeof(record));
	record.type = RECORD_HOLE;
	record.u.hole.count = 1;
	record.u.hole.ranges = &hole_range;
	put(writer, record);
	record = build_end();
	record.u.end.last = last;
	put(writer, record);
}

/* The bytes of a small stream; free them. */
static uint8_t *
small_stream(size_t *length)
{
	const int fd = build_fd("", 0);
	struct stream_writer *writer = writer_to(fd);
	uint8_t *bytes;

	put_snapshot(writer, false, true);
	*length = (size_t)stream_writer_bytes(writer);
	stream_writer_free(writer);
	bytes = malloc(*length + 1);
	assert_non_null(bytes);
	assert_int_equal(io_pread(fd, bytes, *length + 1, 0), *length);
	close(fd);
	return bytes;
}

static struct record *
next(struct stream_reader *reader, enum record_type type)
{
	struct record *record = NULL;
	struct err err = ERR_INIT;

	if (stream_reader_next(reader, &record, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(record->type, type);
	return record;
}

static void
check_snapshot(struct stream_reader *reader, bool last)
{
	const struct record *record = next(reader, RECORD_BEGIN);
	const struct uuid id = build_stream_id();

	assert_true(uuid_equal(&record->u.begin.stream, &id));
	assert_string_equal(record->u.begin.name, "monday");
	record = next(reader, RECORD_META);
	assert_string_equal(record->u.meta.metadata.user, "ann");
	record = next(reader, RECORD_ZERO);
	assert_true(record->u.zero.ranges[0].length == 4096);
	record = next(reader, RECORD_DATA);
	assert_memory_equal(record->u.data.data, "hello", 5);
	record = next(reader, RECORD_CHECKPOINT);
	assert_true(record->u.checkpoint.offset == 8000);
	assert_true(record->u.checkpoint.wire ==
	    stream_reader_position(reader).offset);
	record = next(reader, RECORD_HOLE);
	assert_true(record->u.hole.ranges[0].offset == 8192);
	record = next(reader, RECORD_END);
	assert_true(record->u.end.records == 6);
	assert_true(record->u.end.data == 5);
	assert_true(record->u.end.zeros == 4096);
	assert_true(record->u.end.holes == 4096);
	assert_int_equal(record->u.end.last, last);
}

static void
test_round_trip(void **state)
{
	const int fd = build_fd("", 0);
	struct stream_writer *writer = writer_to(fd);
	struct stream_position position;
	struct stream_reader *reader;
	struct record *record;
	struct err err = ERR_INIT;
	uint64_t bytes;

	(void)state;
	put_snapshot(writer, false, false);
	put_snapshot(writer, true, true);
	bytes = stream_writer_bytes(writer);
	stream_writer_free(writer);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), bytes);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(stream_reader_new(fd, &reader, &err), 0);
	assert_true(stream_reader_header(reader)->required == FEATURE_ZSTD);
	check_snapshot(reader, false);
	position = stream_reader_position(reader);
	assert_true(position.sequence == 6);
	check_snapshot(reader, true);
	position = stream_reader_position(reader);
	assert_true(position.sequence == 13);
	assert_true(position.next == bytes);
	assert_true(position.offset + FRAME_HEADER_SIZE + position.payload ==
	    bytes);
	assert_int_equal(stream_reader_next(reader, &record, &err), 1);
	assert_int_equal(stream_reader_next(reader, &record, &err), 1);
	stream_reader_free(reader);
	stream_reader_free(NULL);
	close(fd);
}

/* Without a file descriptor the bytes are counted all the same. */
static void
test_dry_run(void **state)
{
	struct stream_writer *writer = writer_to(-1);
	uint8_t *bytes;
	size_t length;

	(void)state;
	assert_true(stream_writer_bytes(writer) == STREAM_HEADER_SIZE);
	put_snapshot(writer, false, true);
	bytes = small_stream(&length);
	assert_true(stream_writer_bytes(writer) == length);
	stream_writer_free(writer);
	stream_writer_free(NULL);
	free(bytes);
}

/* Cut at every byte: truncated, at just this byte. */
static void
test_every_cut(void **state)
{
	size_t length;
	uint8_t *bytes = small_stream(&length);
	char place[64];

	(void)state;
	for (size_t n = 0; n < length; n++) {
		struct err err = ERR_INIT;

		assert_int_equal(build_read_bytes(bytes, n, &err),
		    -ERR_STREAM);
		snprintf(place, sizeof(place), n == 0 ?
		    "the input is empty" : "truncated at byte %zu ", n);
		if (strstr(err.text, place) == NULL)
			fail_msg("%zu: %s", n, err.text);
	}
	free(bytes);
}

static void
test_every_bit(void **state)
{
	size_t length;
	uint8_t *bytes = small_stream(&length);

	(void)state;
	for (size_t bit = 0; bit < 8 * length; bit++) {
		struct err err = ERR_INIT;

		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (build_read_bytes(bytes, length, &err) != -ERR_STREAM)
			fail_msg("bit %zu is not noticed", bit);
		assert_int_equal(err.code, ERR_STREAM);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	free(bytes);
}

static void
test_trailing_byte(void **state)
{
	size_t length;
	uint8_t *bytes = small_stream(&length);
	struct err err = ERR_INIT;

	(void)state;
	bytes[length] = 0;
	assert_int_equal(build_read_bytes(bytes, length + 1, &err),
	    -ERR_STREAM);
	assert_non_null(strstr(err.text, "bytes follow"));
	free(bytes);
}

/* No more than 16 MiB lie between BEGIN or CHECKPOINT and CHECKPOINT or END. */
static void
test_checkpoints(void **state)
{
	struct record_range range = { 0, RECORD_RAW_MAX };
	uint8_t *data = calloc(1, RECORD_RAW_MAX);
	const int fd = build_fd("", 0);
	struct stream_writer *writer = writer_to(fd);
	uint64_t last = 0, size = 0, checkpoints = 0;
	struct stream_reader *reader;
	struct record *record, begin = build_begin();
	struct err err = ERR_INIT;
	int ret;

	(void)state;
	assert_non_null(data);
	begin.u.begin.size = 100ull * RECORD_RAW_MAX;
	put(writer, begin);
	put(writer, build_meta());
	for (; range.offset < begin.u.begin.size; range.offset += range.length)
		put(writer, build_data(&range, data));
	put(writer, build_end());
	stream_writer_free(writer);
	free(data);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(stream_reader_new(fd, &reader, &err), 0);
	while ((ret = stream_reader_next(reader, &record, &err)) == 0) {
		const struct stream_position position =
		    stream_reader_position(reader);

		if (record->type == RECORD_CHECKPOINT) {
			assert_true(record->u.checkpoint.offset == size);
			last = position.offset;
			checkpoints++;
		} else if (record->type == RECORD_DATA) {
			size += record->u.data.raw_length;
		}
		assert_true(position.next - last <= 16 * RECORD_RAW_MAX);
	}
	assert_int_equal(ret, 1);
	assert_true(size == begin.u.begin.size);
	assert_int_equal(checkpoints, 7);
	stream_reader_free(reader);
	close(fd);
}

/* What a reader would refuse is not written. */
static void
test_writer_checks(void **state)
{
	const struct uuid id = build_stream_id();
	struct stream_writer *writer;
	struct err err = ERR_INIT;
	struct record record = build_meta();

	(void)state;
	assert_int_equal(stream_writer_new(-1, FEATURE_FILES, &id, &writer,
	    &err), -ERR_FAILED);
	writer = writer_to(-1);
	err_clear(&err);
	assert_int_equal(stream_writer_put(writer, &record, &err),
	    -ERR_FAILED);
	assert_non_null(strstr(err.text, "META comes where BEGIN is due"));
	record = build_begin();
	strcpy(record.u.begin.name, "..");
	err_clear(&err);
	assert_int_equal(stream_writer_put(writer, &record, &err),
	    -ERR_FAILED);
	assert_int_equal(err.code, ERR_FAILED);
	put(writer, build_begin());
	put(writer, build_meta());
	record = build_data(&data_range, "hello");
	record.u.data.encoded_length = UINT32_MAX;
	err_clear(&err);
	assert_int_equal(stream_writer_put(writer, &record, &err),
	    -ERR_FAILED);
	assert_true(stream_writer_bytes(writer) < 1000);
	stream_writer_free(writer);
}

static void
test_io_errors(void **state)
{
	const struct uuid id = build_stream_id();
	struct stream_writer *writer;
	struct stream_reader *reader;
	struct record record = build_begin();
	struct err err = ERR_INIT;
	int fds[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(fds), 0);
	writer = writer_to(fds[1]);
	close(fds[0]);
	assert_int_equal(stream_writer_put(writer, &record, &err),
	    -ERR_FAILED);
	assert_non_null(strstr(err.text, "cannot write the stream: "));
	stream_writer_free(writer);
	err_clear(&err);
	assert_int_equal(stream_writer_new(fds[1], 0, &id, &writer, &err),
	    -ERR_FAILED);
	err_clear(&err);
	assert_int_equal(stream_reader_new(fds[1], &reader, &err),
	    -ERR_FAILED);
	assert_non_null(strstr(err.text, "cannot read the stream: "));
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_dry_run),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_trailing_byte),
		cmocka_unit_test(test_checkpoints),
		cmocka_unit_test(test_writer_checks),
		cmocka_unit_test(test_io_errors),
	};

	return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
