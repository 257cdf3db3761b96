/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_frame.c - the headers of streams and frames.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "common/hash.h"
#include "common/le.h"
#include "stream-format/frame.h"
#include "stream-format/record.h"
#include "tests/unit/stream_build.h"

static void
make_header(uint8_t bytes[STREAM_HEADER_SIZE])
{
	const struct stream_header header = {
		.required = FEATURE_ZSTD,
		.optional = 1,
		.stream = build_stream_id(),
	};

	stream_header_encode(&header, bytes);
}

static void
seal(uint8_t bytes[STREAM_HEADER_SIZE])
{
	le64_put(bytes + 56, hash64(0, bytes, 56, NULL, 0));
}

static void
header_refused(const uint8_t bytes[STREAM_HEADER_SIZE], const char *word)
{
	struct stream_header header;
	struct err err = ERR_INIT;

	assert_int_equal(stream_header_decode(bytes, &header, &err),
	    -ERR_STREAM);
	if (strstr(err.text, word) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", word, err.text);
}

static void
test_stream_header(void **state)
{
	static const uint8_t start[] = {
		0x89, 0x52, 0x46, 0x53, 0x0d, 0x0a, 0x1a, 0x0a, 1, 0, 64, 0,
		0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
	};
	const struct uuid id = build_stream_id();
	uint8_t bytes[STREAM_HEADER_SIZE];
	struct stream_header header;
	struct err err = ERR_INIT;

	(void)state;
	make_header(bytes);
	assert_memory_equal(bytes, start, sizeof(start));
	assert_memory_equal(bytes + 32, id.bytes, UUID_SIZE);
	assert_int_equal(stream_header_decode(bytes, &header, &err), 0);
	assert_true(header.required == FEATURE_ZSTD);
	assert_true(header.optional == 1);
	assert_true(uuid_equal(&header.stream, &id));
}

static void
test_stream_header_refused(void **state)
{
	uint8_t bytes[STREAM_HEADER_SIZE];

	(void)state;
	make_header(bytes);
	bytes[0] = 'P';
	header_refused(bytes, "not a stream");
	make_header(bytes);
	bytes[8] = 2;			/* told before the checksum is */
	header_refused(bytes, "version 2");
	make_header(bytes);
	bytes[24] ^= 2;
	header_refused(bytes, "checksum");
	for (size_t i = 10; i < 56; i++) {
		if (i >= 16 && i < 48)
			continue;
		make_header(bytes);
		bytes[i] ^= 0x20;
		seal(bytes);
		header_refused(bytes, "reserved");
	}
	for (unsigned bit = 0; bit < 64; bit++) {
		/* zstd, prefix, clone; resume. */
		if (bit <= 2 || bit == 4)
			continue;
		make_header(bytes);
		bytes[16 + bit / 8] |= (uint8_t)(1u << bit % 8);
		seal(bytes);
		header_refused(bytes, "features");
	}
	make_header(bytes);
	memset(bytes + 32, 0, UUID_SIZE);
	seal(bytes);
	header_refused(bytes, "no id");
}

/* Optional features, known or not, are accepted. */
static void
test_optional_features(void **state)
{
	uint8_t bytes[STREAM_HEADER_SIZE];
	struct stream_header header;
	struct err err = ERR_INIT;

	(void)state;
	make_header(bytes);
	memset(bytes + 24, 0xff, 8);
	seal(bytes);
	assert_int_equal(stream_header_decode(bytes, &header, &err), 0);
	assert_true(header.optional == UINT64_MAX);
}

static void
test_seed(void **state)
{
	struct uuid id = { { 1, 0, 0, 0, 0, 0, 0, 0x80, 3 } };

	(void)state;
	assert_true(frame_seed(&id) == 0x8000000000000002);
}

static void
make_frame(uint8_t bytes[FRAME_HEADER_SIZE], struct frame_header *header)
{
	memset(header, 0, sizeof(*header));
	header->type = RECORD_ZERO;
	header->sequence = 0x0102030405060708;
	header->length = 5;
	frame_header_encode(header, 99, (const uint8_t *)"hello", bytes);
}

static void
test_frame_header(void **state)
{
	static const uint8_t start[] = {
		'R', 'F', 'f', 'r', 3, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1,
		5, 0, 0, 0, 0, 0, 0, 0,
	};
	uint8_t bytes[FRAME_HEADER_SIZE];
	struct frame_header header, got;
	struct err err = ERR_INIT;

	(void)state;
	make_frame(bytes, &header);
	assert_memory_equal(bytes, start, sizeof(start));
	assert_true(le64_get(bytes + 24) ==
	    hash64(99, start, sizeof(start), "hello", 5));
	assert_int_equal(frame_header_decode(bytes, header.sequence, &got,
	    &err), 0);
	assert_int_equal(got.type, RECORD_ZERO);
	assert_int_equal(got.flags, 0);
	assert_true(got.sequence == header.sequence);
	assert_int_equal(got.length, 5);
	assert_true(got.checksum == header.checksum);
	assert_int_equal(frame_check(bytes, 99, &got,
	    (const uint8_t *)"hello", &err), 0);
}

static void
test_frame_header_refused(void **state)
{
	static const size_t bent[] = { 0, 1, 2, 3, 8, 15, 20, 23 };
	uint8_t bytes[FRAME_HEADER_SIZE];
	struct frame_header header;

	(void)state;
	for (size_t i = 0; i < sizeof(bent) / sizeof(bent[0]); i++) {
		const uint64_t sequence = 0x0102030405060708;
		struct err err = ERR_INIT;

		make_frame(bytes, &header);
		bytes[bent[i]] ^= 0x40;
		assert_int_equal(frame_header_decode(bytes, sequence, &header,
		    &err), -ERR_STREAM);
	}
	for (uint32_t over = 0; over < 2; over++) {
		struct err err = ERR_INIT;

		make_frame(bytes, &header);
		le32_put(bytes + 16, RECORD_PAYLOAD_MAX + over);
		assert_int_equal(frame_header_decode(bytes, header.sequence,
		    &header, &err), over == 0 ? 0 : -ERR_STREAM);
	}
}

static void
test_frame_check(void **state)
{
	uint8_t bytes[FRAME_HEADER_SIZE];
	struct frame_header header;
	struct err err = ERR_INIT;

	(void)state;
	make_frame(bytes, &header);
	assert_int_equal(frame_check(bytes, 99, &header,
	    (const uint8_t *)"hellp", &err), -ERR_STREAM);
	err_clear(&err);
	assert_int_equal(frame_check(bytes, 98, &header,
	    (const uint8_t *)"hello", &err), -ERR_STREAM);
	for (unsigned bit = 0; bit < 16; bit++) {
		err_clear(&err);
		make_frame(bytes, &header);
		header.flags = (uint16_t)(1u << bit);
		frame_header_encode(&header, 99, (const uint8_t *)"hello",
		    bytes);
		assert_int_equal(frame_check(bytes, 99, &header,
		    (const uint8_t *)"hello", &err),
		    bit == 0 ? 0 : -ERR_STREAM);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stream_header),
		cmocka_unit_test(test_stream_header_refused),
		cmocka_unit_test(test_optional_features),
		cmocka_unit_test(test_seed),
		cmocka_unit_test(test_frame_header),
		cmocka_unit_test(test_frame_header_refused),
		cmocka_unit_test(test_frame_check),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
