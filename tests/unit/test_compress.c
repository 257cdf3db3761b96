/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_compress.c - zstd frames with and without a prefix, honest and not.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stream-format/compress.h"
#include "stream-format/record.h"

#define SIZE RECORD_RAW_MAX

struct buffers {
	uint8_t *old;		/* SIZE random bytes */
	uint8_t *new;		/* the same, one byte of each 4 KiB changed */
	uint8_t *encoded;
	uint8_t *decoded;
	struct decompressor *decompressor;
};

static int
set_up(void **state)
{
	struct buffers *b = calloc(1, sizeof(*b));
	uint32_t x = 1;

	if (b == NULL)
		return -1;
	b->old = malloc(SIZE);
	b->new = malloc(SIZE);
	b->encoded = malloc(compress_bound(SIZE) + 1);
	b->decoded = malloc(SIZE);
	b->decompressor = decompressor_new();
	if (b->old == NULL || b->new == NULL || b->encoded == NULL ||
	    b->decoded == NULL || b->decompressor == NULL)
		return -1;
	for (size_t i = 0; i < SIZE; i++) {
		x = x * 1664525 + 1013904223;
		b->old[i] = (uint8_t)(x >> 24);
		b->new[i] = (uint8_t)(b->old[i] ^ (i % 4096 == 0));
	}
	*state = b;
	return 0;
}

static int
tear_down(void **state)
{
	struct buffers *b = *state;

	free(b->old);
	free(b->new);
	free(b->encoded);
	free(b->decoded);
	decompressor_free(b->decompressor);
	decompressor_free(NULL);
	free(b);
	return 0;
}

/* Compress length bytes of new and decode them again; returns the size. */
static size_t
round_trip(struct buffers *b, struct compressor *compressor, int level,
    size_t length, size_t prefix_length)
{
	const uint8_t *prefix = prefix_length > 0 ? b->old : NULL;
	struct err err = ERR_INIT;
	size_t encoded = 0;

	assert_int_equal(compress(compressor, level, b->new, length, prefix,
	    prefix_length, b->encoded, &encoded, &err), 0);
	assert_true(encoded <= compress_bound(length));
	memset(b->decoded, 0x5a, length);
	if (decompress(b->decompressor, b->encoded, encoded, prefix,
	    prefix_length, b->decoded, length, &err) != 0)
		fail_msg("%s", err.text);
	assert_memory_equal(b->decoded, b->new, length);
	return encoded;
}

static void
test_round_trip(void **state)
{
	static const size_t sizes[] = { 1, 17, 4096, 65536, 131072, 300000,
	    SIZE };
	struct compressor *compressor = compressor_new();

	assert_non_null(compressor);
	for (int level = 1; level <= COMPRESS_LEVEL_MAX; level += 3) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			round_trip(*state, compressor, level, sizes[i], 0);
			round_trip(*state, compressor, level, sizes[i],
			    sizes[i]);
			round_trip(*state, compressor, level, sizes[i], 100);
		}
	}
	compressor_free(compressor);
	compressor_free(NULL);
}

/* The prefix is known to its far end: random bytes nearly vanish. */
static void
test_prefix_is_remembered(void **state)
{
	static const int levels[] = { 1, 2, 3, 4, 5, 9, 19 };

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		struct compressor *compressor = compressor_new();

		assert_non_null(compressor);
		for (size_t size = 65536; size <= SIZE; size *= 2) {
			const size_t got = round_trip(*state, compressor,
			    levels[i], size, size);

			if (got > size / 100)
				fail_msg("level %d: %zu of %zu", levels[i],
				    got, size);
		}
		/* and forgotten for the next frame */
		assert_true(round_trip(*state, compressor, levels[i], SIZE,
		    0) > SIZE / 2);
		compressor_free(compressor);
	}
}

/* What a hostile DATA may hold; the result must be ERR_STREAM. */
static void
refused(struct buffers *b, size_t encoded, size_t length)
{
	uint8_t *exact = malloc(encoded + 1);
	struct err err = ERR_INIT;

	assert_non_null(exact);
	memcpy(exact, b->encoded, encoded);
	assert_int_equal(decompress(b->decompressor, exact, encoded, NULL, 0,
	    b->decoded, length, &err), -ERR_STREAM);
	assert_int_equal(err.code, ERR_STREAM);
	free(exact);
}

static void
test_lying_frames(void **state)
{
	struct buffers *b = *state;
	struct compressor *compressor = compressor_new();
	const size_t encoded = round_trip(b, compressor, 1, 5000, 0);

	refused(b, encoded, 4999);
	refused(b, encoded, 5001);
	refused(b, encoded - 1, 5000);
	b->encoded[encoded] = 0;
	refused(b, encoded + 1, 5000);
	refused(b, 0, 5000);
	refused(b, 3, 5000);
	b->encoded[0] ^= 1;
	refused(b, encoded, 5000);
	compressor_free(compressor);
}

/* Frames by hand: see RFC 8878, 3.1.1. */
static void
test_special_frames(void **state)
{
	static const uint8_t good[] = {
		0x28, 0xb5, 0x2f, 0xfd, 0x20, 4, 0x21, 0, 0, 'a', 'b', 'c', 'd'
	};
	static const uint8_t no_size[] = {
		0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0x21, 0, 0, 'a', 'b', 'c', 'd'
	};
	static const uint8_t dictionary[] = {
		0x28, 0xb5, 0x2f, 0xfd, 0x21, 9, 4, 0x21, 0, 0, 'a', 'b', 'c',
		'd'
	};
	static const uint8_t skippable[] = {
		0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 'a', 'b', 'c', 'd'
	};
	static const uint8_t bomb[] = {	/* says 4, a run of 128 KiB */
		0x28, 0xb5, 0x2f, 0xfd, 0x20, 4, 0x03, 0, 0x10, 'a'
	};
	struct buffers *b = *state;
	struct err err = ERR_INIT;

	assert_int_equal(decompress(b->decompressor, good, sizeof(good), NULL,
	    0, b->decoded, 4, &err), 0);
	assert_memory_equal(b->decoded, "abcd", 4);
	memcpy(b->encoded, no_size, sizeof(no_size));
	refused(b, sizeof(no_size), 4);
	memcpy(b->encoded, dictionary, sizeof(dictionary));
	refused(b, sizeof(dictionary), 4);
	memcpy(b->encoded, skippable, sizeof(skippable));
	refused(b, sizeof(skippable), 4);
	refused(b, sizeof(skippable), 0);
	memcpy(b->encoded, bomb, sizeof(bomb));
	refused(b, sizeof(bomb), 4);
	memcpy(b->encoded, good, sizeof(good));
	memcpy(b->encoded + sizeof(good), good, sizeof(good));
	refused(b, 2 * sizeof(good), 4);
	refused(b, 2 * sizeof(good), 8);
}

/* A frame that needs a prefix does not yield its bytes without it. */
static void
test_other_prefix(void **state)
{
	struct buffers *b = *state;
	struct compressor *compressor = compressor_new();
	struct err err = ERR_INIT;
	size_t encoded;
	int ret;

	assert_int_equal(compress(compressor, 1, b->new, 65536, b->old,
	    65536, b->encoded, &encoded, &err), 0);
	refused(b, encoded, 65536);
	ret = decompress(b->decompressor, b->encoded, encoded, b->old + 65536,
	    65536, b->decoded, 65536, &err);
	assert_true(ret < 0 || memcmp(b->decoded, b->new, 65536) != 0);
	compressor_free(compressor);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_prefix_is_remembered),
		cmocka_unit_test(test_lying_frames),
		cmocka_unit_test(test_special_frames),
		cmocka_unit_test(test_other_prefix),
	};

	return cmocka_run_group_tests_name("compress", tests, set_up,
	    tear_down);
}
