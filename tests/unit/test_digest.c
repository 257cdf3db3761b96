/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_digest.c - the digest depends on contents and size alone.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/hash.h"
#include "common/io.h"
#include "common/le.h"
#include "snapshot/digest.h"

#define SIZE_MAX_TEST (5 * DIGEST_BLOCK)

static bool
all_zero(const uint8_t *data, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (data[i] != 0)
			return false;
	}
	return true;
}

/* As refstream(5) says it, all in memory. */
static struct digest
reference(const uint8_t *data, size_t size)
{
	uint8_t *input = calloc(1, size + 8 * (size / DIGEST_BLOCK + 2));
	struct digest digest = { DIGEST_ALGORITHM_XXH3, DIGEST_BLOCK, { 0 } };
	struct hash128 hash;
	size_t used = 0;

	assert_non_null(input);
	for (size_t at = 0; at < size; at += DIGEST_BLOCK) {
		const size_t n = size - at < DIGEST_BLOCK ? size - at :
		    DIGEST_BLOCK;

		if (all_zero(data + at, n))
			continue;
		le64_put(input + used, at);
		memcpy(input + used + 8, data + at, n);
		used += 8 + n;
	}
	le64_put(input + used, size);
	hash = hash128(input, used + 8);
	memcpy(digest.value, hash.bytes, sizeof(hash.bytes));
	free(input);
	return digest;
}

static void
assert_digest(const struct digest *a, const struct digest *b)
{
	assert_int_equal(a->algorithm, b->algorithm);
	assert_int_equal(a->block_size, b->block_size);
	assert_memory_equal(a->value, b->value, DIGEST_BYTES);
}

/* Contents with zero blocks, partly zero blocks and full ones. */
static uint8_t *
make_contents(size_t size, unsigned seed)
{
	uint8_t *data = calloc(1, size + 1);

	assert_non_null(data);
	srand(seed);
	for (size_t at = 0; at < size; at += 16384) {
		const size_t n = size - at < 16384 ? size - at : 16384;

		if (rand() % 2 == 0)
			continue;
		for (size_t i = 0; i < n; i++)
			data[at + i] = (uint8_t)rand();
	}
	return data;
}

/*
 * Take contents in by calls of up to step bytes; with leave_out, calls of
 * nothing but zeros are left out, as a hole is.
 */
static struct digest
digest_in_steps(const uint8_t *data, size_t size, size_t step, bool leave_out)
{
	struct digest_state *state = digest_new(size);
	struct digest digest;

	assert_non_null(state);
	for (size_t at = 0; at < size;) {
		size_t n = 1 + (size_t)rand() % step;

		if (n > size - at)
			n = size - at;
		if (!leave_out || !all_zero(data + at, n))
			digest_update(state, at, data + at, n);
		at += n;
	}
	digest_final(state, &digest);
	digest_free(state);
	return digest;
}

static const size_t sizes[] = { 0, 1, 4096, DIGEST_BLOCK - 1, DIGEST_BLOCK,
    DIGEST_BLOCK + 1, 3 * DIGEST_BLOCK, SIZE_MAX_TEST - 777 };

static void
test_splits(void **state)
{
	static const size_t steps[] = { 1, 1000, 4096, DIGEST_BLOCK,
	    3 * DIGEST_BLOCK };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t *data = make_contents(sizes[i], (unsigned)i + 1);
		const struct digest expected = reference(data, sizes[i]);

		for (size_t j = 0; j < sizeof(steps) / sizeof(steps[0]); j++) {
			struct digest got = digest_in_steps(data, sizes[i],
			    steps[j], false);

			assert_digest(&got, &expected);
			got = digest_in_steps(data, sizes[i], steps[j], true);
			assert_digest(&got, &expected);
		}
		free(data);
	}
}

/* A file with holes has the digest of the same bytes without holes. */
static void
test_file(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t *data = make_contents(sizes[i], (unsigned)i + 100);
		const struct digest expected = reference(data, sizes[i]);
		struct digest got;

		for (int sparse = 0; sparse < 2; sparse++) {
			FILE *file = tmpfile();
			int fd;

			assert_non_null(file);
			fd = fileno(file);
			assert_int_equal(ftruncate(fd, (off_t)sizes[i]), 0);
			for (size_t at = 0; at < sizes[i]; at += 4096) {
				const size_t n = sizes[i] - at < 4096 ?
				    sizes[i] - at : 4096;

				if (sparse && all_zero(data + at, n))
					continue;
				assert_int_equal(io_pwrite(fd, data + at, n,
				    at), 0);
			}
			assert_int_equal(digest_file(fd, sizes[i], NULL,
			    &got), 0);
			assert_digest(&got, &expected);
			fclose(file);
		}
		free(data);
	}
}

/* Part of it from the file, at any place, and the rest from memory. */
static void
test_file_in_parts(void **state)
{
	const size_t size = SIZE_MAX_TEST - 777;
	uint8_t *data = make_contents(size, 7);
	const struct digest expected = reference(data, size);
	FILE *file = tmpfile();

	(void)state;
	assert_non_null(file);
	assert_int_equal(ftruncate(fileno(file), (off_t)size), 0);
	for (size_t at = 0; at < size; at += 4096) {
		const size_t n = size - at < 4096 ? size - at : 4096;

		if (!all_zero(data + at, n))
			assert_int_equal(io_pwrite(fileno(file), data + at, n,
			    at), 0);
	}
	for (size_t cut = 0; cut <= size; cut += size / 37) {
		struct digest_state *digest = digest_new(size);
		struct digest got;

		assert_non_null(digest);
		assert_int_equal(digest_update_file(digest, fileno(file), 0,
		    cut / 2), 0);
		assert_int_equal(digest_update_file(digest, fileno(file),
		    cut / 2, cut), 0);
		digest_update(digest, cut, data + cut, size - cut);
		digest_final(digest, &got);
		digest_free(digest);
		assert_digest(&got, &expected);
	}
	fclose(file);
	free(data);
}

/* What must not collide: other place, other size, one other byte. */
static void
test_differences(void **state)
{
	const size_t size = 3 * DIGEST_BLOCK;
	uint8_t *data = calloc(1, size + DIGEST_BLOCK);
	struct digest first, other;

	(void)state;
	assert_non_null(data);
	data[0] = 1;
	first = digest_in_steps(data, size, DIGEST_BLOCK, true);
	other = digest_in_steps(data, size + 1, DIGEST_BLOCK, true);
	assert_memory_not_equal(first.value, other.value, DIGEST_BYTES);
	data[0] = 0;
	data[DIGEST_BLOCK] = 1;
	other = digest_in_steps(data, size, DIGEST_BLOCK, true);
	assert_memory_not_equal(first.value, other.value, DIGEST_BYTES);
	data[DIGEST_BLOCK] = 0;
	data[size - 1] = 1;
	other = digest_in_steps(data, size, DIGEST_BLOCK, true);
	assert_memory_not_equal(first.value, other.value, DIGEST_BYTES);
	free(data);
}

static void
test_form(void **state)
{
	struct digest digest = { DIGEST_ALGORITHM_XXH3, DIGEST_BLOCK, { 7 } };
	uint8_t bytes[64];
	struct buf_writer w = { .data = bytes, .size = sizeof(bytes) };
	struct buf_reader r = { .data = bytes };
	struct digest back;

	(void)state;
	digest.value[DIGEST_BYTES - 1] = 9;
	digest_put(&w, &digest);
	r.size = w.used;
	digest_get(&r, &back);
	assert_true(buf_complete(&r));
	assert_digest(&back, &digest);
}

static void
test_text(void **state)
{
	struct digest digest = { DIGEST_ALGORITHM_NONE, 0, { 0 } };
	char text[DIGEST_TEXT_SIZE];

	(void)state;
	assert_false(digest_is_known(&digest));
	assert_string_equal(digest_format(&digest, text), "none");
	digest = (struct digest){ DIGEST_ALGORITHM_XXH3, DIGEST_BLOCK,
	    { 0x01, 0xab, [15] = 0xf0 } };
	assert_true(digest_is_known(&digest));
	assert_string_equal(digest_format(&digest, text),
	    "xxh3-128:01ab00000000000000000000000000f0");
	digest.block_size = 4096;
	assert_false(digest_is_known(&digest));
	digest = (struct digest){ 65535, DIGEST_BLOCK, { 0 } };
	assert_false(digest_is_known(&digest));
	assert_string_equal(digest_format(&digest, text),
	    "algorithm 65535, unknown here");
}

/* What is told of the way: never more than there is, and not backwards. */
static void
note_progress(void *cookie, uint64_t done, uint64_t total)
{
	uint64_t *last = cookie;

	assert_true(done > *last && done <= total);
	assert_int_equal(total, SIZE_MAX_TEST);
	*last = done;
}

static void
test_progress(void **state)
{
	uint64_t last = 0;
	const struct notify notify = { .progress = note_progress,
	    .cookie = &last };
	struct digest digest;
	FILE *file = tmpfile();

	(void)state;
	assert_non_null(file);
	assert_int_equal(io_pwrite(fileno(file), "a", 1, 0), 0);
	assert_int_equal(io_pwrite(fileno(file), "b", 1, SIZE_MAX_TEST - 1), 0);
	assert_int_equal(digest_file(fileno(file), SIZE_MAX_TEST, &notify,
	    &digest), 0);
	assert_int_equal(last, SIZE_MAX_TEST);
	fclose(file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_splits),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_file_in_parts),
		cmocka_unit_test(test_differences),
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_progress),
	};

	return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
