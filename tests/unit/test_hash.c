/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_hash.c - XXH3 against known values, and ids.
 *
 * The values of the empty input are those of the xxHash specification, the
 * others were made with another implementation of it (python-xxhash).
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/hash.h"
#include "common/uuid.h"

#define LONG 100000

static uint8_t *
long_input(void)
{
	uint8_t *bytes = malloc(LONG);

	assert_non_null(bytes);
	for (size_t i = 0; i < LONG; i++)
		bytes[i] = (uint8_t)(i % 251);
	return bytes;
}

static void
test_hash64(void **state)
{
	uint8_t *bytes = long_input();

	(void)state;
	assert_true(hash64(0, NULL, 0, NULL, 0) == 0x2d06800538d394c2);
	assert_true(hash64(0, "abc", 3, NULL, 0) == 0x78af5f94892f3950);
	assert_true(hash64(0x0123456789abcdef, "abc", 3, NULL, 0) ==
	    0x4a2ec311f0e180a4);
	assert_true(hash64(1, bytes, LONG, NULL, 0) == 0x65f05e23ba836e0);
	/* Two buffers are one after the other, wherever they are cut. */
	assert_true(hash64(0, "a", 1, "bc", 2) == 0x78af5f94892f3950);
	assert_true(hash64(0, NULL, 0, "abc", 3) == 0x78af5f94892f3950);
	assert_true(hash64(1, bytes, 24, bytes + 24, LONG - 24) ==
	    0x65f05e23ba836e0);
	free(bytes);
}

static const uint8_t of_nothing[] = {
	0x99, 0xaa, 0x06, 0xd3, 0x01, 0x47, 0x98, 0xd8,
	0x60, 0x01, 0xc3, 0x24, 0x46, 0x8d, 0x49, 0x7f,
};
static const uint8_t of_long[] = {
	0x54, 0x18, 0x2c, 0x58, 0xbb, 0xb1, 0x33, 0x7c,
	0x42, 0xc2, 0x3a, 0xee, 0xad, 0x96, 0x75, 0x0d,
};

static void
test_hash128(void **state)
{
	uint8_t *bytes = long_input();
	struct hash128 a;

	(void)state;
	a = hash128("", 0);
	assert_memory_equal(a.bytes, of_nothing, sizeof(of_nothing));
	a = hash128(bytes, LONG);
	assert_memory_equal(a.bytes, of_long, sizeof(of_long));
	free(bytes);
}

/* In this build, which is none for fuzzing, each bit counts. */
static void
test_matches(void **state)
{
	const struct hash128 a = hash128("abc", 3);
	struct hash128 b = a;

	(void)state;
	assert_true(hash_matches(&a, &b, sizeof(a)));
	for (size_t i = 0; i < 8 * sizeof(b); i++) {
		b.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_false(hash_matches(&a, &b, sizeof(a)));
		b.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
	}
}

static void
test_stream(void **state)
{
	struct hash_stream *hash = hash_stream_new();
	uint8_t *bytes = long_input();
	struct hash128 value;

	(void)state;
	assert_non_null(hash);
	value = hash_stream_value(hash);
	assert_memory_equal(value.bytes, of_nothing, sizeof(of_nothing));
	for (size_t done = 0, n = 1; done < LONG; done += n, n = n * 3 % 997) {
		if (n > LONG - done)
			n = LONG - done;
		hash_stream_update(hash, bytes + done, n);
		value = hash_stream_value(hash);
	}
	assert_memory_equal(value.bytes, of_long, sizeof(of_long));
	hash_stream_reset(hash);
	value = hash_stream_value(hash);
	assert_memory_equal(value.bytes, of_nothing, sizeof(of_nothing));
	hash_stream_free(hash);
	hash_stream_free(NULL);
	free(bytes);
}

static void
test_uuid(void **state)
{
	struct uuid a = { { 0 } }, b;
	struct err err = ERR_INIT;
	char text[UUID_TEXT_SIZE];

	(void)state;
	assert_true(uuid_is_nil(&a));
	for (size_t i = 0; i < sizeof(a.bytes); i++)
		a.bytes[i] = (uint8_t)(i * 0x11);
	assert_false(uuid_is_nil(&a));
	assert_string_equal(uuid_format(&a, text),
	    "00112233-4455-6677-8899-aabbccddeeff");
	assert_int_equal(uuid_random(&a, &err), 0);
	assert_int_equal(uuid_random(&b, &err), 0);
	assert_false(uuid_equal(&a, &b));
	assert_int_equal(uuid_format(&a, text)[14], '4');
	assert_int_equal(a.bytes[8] & 0xc0, 0x80);
	a = uuid_derive("abc", 3);
	b = uuid_derive("abc", 3);
	assert_true(uuid_equal(&a, &b));
	assert_int_equal(uuid_format(&a, text)[14], '8');
	b = uuid_derive("abd", 3);
	assert_false(uuid_equal(&a, &b));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash64),
		cmocka_unit_test(test_hash128),
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_uuid),
	};

	return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
