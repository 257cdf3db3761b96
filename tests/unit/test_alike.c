/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_alike.c - which parts of a base new bytes are said to be like.
 */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "send/alike.h"

#define CHUNK ALIKE_CHUNK
#define CHUNKS 256u
#define SIZE (CHUNKS * CHUNK + 1000u)

struct fixture {
	uint8_t *old;		/* SIZE bytes: the base */
	uint8_t *new;		/* likewise */
	struct snapshot base;
	struct alike *alike;
	struct alike_found found;
	struct err err;
};

static void
fill(uint8_t *bytes, size_t length, uint32_t seed)
{
	for (size_t i = 0; i < length; i++) {
		seed = seed * 1664525u + 1013904223u;
		bytes[i] = (uint8_t)(seed >> 24);
	}
}

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	FILE *file = tmpfile();

	assert_non_null(f);
	assert_non_null(file);
	f->old = malloc(SIZE);
	f->new = malloc(SIZE);
	fill(f->old, SIZE, 1);
	fill(f->new, SIZE, 2);
	f->base.fd = dup(fileno(file));
	fclose(file);
	f->base.path = strdup("base");
	f->base.identity.size = SIZE;
	assert_int_equal(pwrite(f->base.fd, f->old, SIZE, 0), SIZE);
	assert_int_equal(alike_new(&f->base, &f->alike, &f->err), 0);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	alike_free(f->alike);
	close(f->base.fd);
	free(f->base.path);
	free(f->old);
	free(f->new);
	free(f);
	return 0;
}

static void
learn(struct fixture *f, uint64_t offset, uint64_t length)
{
	const struct range range = {
		.offset = offset, .length = length, .source = RANGE_READ,
	};

	assert_int_equal(alike_learn(f->alike, &range, &f->err), 0);
}

/* Ask about the first length new bytes, which belong nowhere. */
static void
find(struct fixture *f, size_t length)
{
	alike_find(f->alike, f->new, length, NULL, 0, &f->found);
}

static void
test_nothing(void **state)
{
	struct fixture *f = *state;

	find(f, SIZE);
	assert_int_equal(f->found.count, 0);
	learn(f, 0, SIZE);
	find(f, SIZE);
	assert_int_equal(f->found.count, 0);
	assert_int_equal(f->found.length, 0);
	assert_true(f->found.own == 0);
}

/* At any distance, and only what was learned. */
static void
test_shifted(void **state)
{
	static const size_t shifts[] = { 0, 1, 37, 4095 };
	struct fixture *f = *state;

	learn(f, 0, 40 * CHUNK);
	for (size_t i = 0; i < sizeof(shifts) / sizeof(shifts[0]); i++) {
		memcpy(f->new + shifts[i], f->old + 7 * CHUNK, CHUNK);
		memcpy(f->new + 3 * CHUNK, f->old + 50 * CHUNK, CHUNK);
		find(f, 6 * CHUNK);
		assert_int_equal(f->found.count, 1);
		assert_true(f->found.parts[0].offset == 7 * CHUNK);
		assert_true(f->found.parts[0].length == CHUNK);
		assert_int_equal(f->found.length, CHUNK);
	}
}

/* The parts ascend, those that touch are one, the last ends with the base. */
static void
test_parts(void **state)
{
	struct fixture *f = *state;
	uint8_t *read = malloc(ALIKE_BYTES_MAX);

	f->base.identity.size = CHUNKS * CHUNK - 5000;
	alike_free(f->alike);
	assert_int_equal(alike_new(&f->base, &f->alike, &f->err), 0);
	learn(f, 0, SIZE);
	memcpy(f->new, f->old + (CHUNKS - 1) * CHUNK, 3000);
	memcpy(f->new + CHUNK, f->old + 3 * CHUNK, 2 * CHUNK);
	memcpy(f->new + 3 * CHUNK, f->old + CHUNK, CHUNK);
	find(f, 4 * CHUNK);
	assert_int_equal(f->found.count, 3);
	assert_true(f->found.parts[0].offset == CHUNK);
	assert_true(f->found.parts[0].length == CHUNK);
	assert_true(f->found.parts[1].offset == 3 * CHUNK);
	assert_true(f->found.parts[1].length == 2 * CHUNK);
	assert_true(f->found.parts[2].offset == (CHUNKS - 1) * CHUNK);
	assert_true(f->found.parts[2].length == CHUNK - 5000);
	assert_int_equal(f->found.length, 4 * CHUNK - 5000);
	assert_int_equal(alike_read(f->alike, &f->found, read, &f->err), 0);
	assert_memory_equal(read, f->old + CHUNK, CHUNK);
	assert_memory_equal(read + CHUNK, f->old + 3 * CHUNK, 2 * CHUNK);
	assert_memory_equal(read + 3 * CHUNK, f->old + (CHUNKS - 1) * CHUNK,
	    CHUNK - 5000);
	free(read);
}

/* Of too many the best, never more than fit. */
static void
test_most(void **state)
{
	struct fixture *f = *state;

	learn(f, 0, SIZE);
	/* Of every other one a part, of the higher ones most, three times. */
	for (size_t i = 0; i < ALIKE_PARTS_MAX; i++) {
		memcpy(f->new + i * CHUNK, f->old + 2 * i * CHUNK, CHUNK / 32);
		for (size_t k = 1; k <= 3; k++)
			memcpy(f->new + (k * ALIKE_PARTS_MAX + i) * CHUNK,
			    f->old + (ALIKE_PARTS_MAX + i) * 2 * CHUNK +
			    k * 1000, CHUNK - k * 1000);
	}
	find(f, 4 * ALIKE_PARTS_MAX * CHUNK);
	assert_int_equal(f->found.count, ALIKE_PARTS_MAX);
	assert_int_equal(f->found.length, ALIKE_BYTES_MAX);
	for (size_t i = 0; i < ALIKE_PARTS_MAX; i++)
		assert_true(f->found.parts[i].offset ==
		    (ALIKE_PARTS_MAX + i) * 2 * CHUNK);
	/* All of it is like the base: as much as there is room for. */
	memcpy(f->new, f->old, SIZE);
	find(f, SIZE);
	assert_int_equal(f->found.length, ALIKE_BYTES_MAX);
}

/* What is like the base at its own places is counted, not found. */
static void
test_own(void **state)
{
	static const struct record_range places[] = {
		{ 100, 4000 }, { 10 * CHUNK, 2 * CHUNK },
	};
	struct fixture *f = *state;

	learn(f, 0, SIZE);
	memcpy(f->new, f->old + 10 * CHUNK + 1000, CHUNK);
	memcpy(f->new + CHUNK, f->old + 30 * CHUNK, CHUNK);
	alike_find(f->alike, f->new, 3 * CHUNK, places, 2, &f->found);
	assert_int_equal(f->found.count, 1);
	assert_true(f->found.parts[0].offset == 30 * CHUNK);
	assert_in_range(f->found.own, CHUNK / 2, 2 * CHUNK);
	/* Beside the places it is as any other. */
	memcpy(f->new, f->old + 9 * CHUNK, CHUNK);
	alike_find(f->alike, f->new, 3 * CHUNK, places, 2, &f->found);
	assert_int_equal(f->found.count, 2);
	assert_true(f->found.own == 0);
}

/* What both have in common is shorter than a fingerprint, or long enough. */
static void
test_little(void **state)
{
	struct fixture *f = *state;

	learn(f, 0, SIZE);
	for (size_t i = 0; i < CHUNKS; i++)
		memcpy(f->new + i * CHUNK + 600, f->old + i * CHUNK, 63);
	find(f, SIZE);
	assert_int_equal(f->found.count, 0);
	memcpy(f->new + 4096, f->old + 4 * CHUNK, 2000);
	find(f, CHUNK);
	assert_int_equal(f->found.count, 1);
}

/*
 * Runs of one byte have one fingerprint, be it that it is chosen: they must
 * neither fill the table nor be found.
 */
static void
test_runs(void **state)
{
	struct fixture *f = *state;

	for (int byte = 0; byte < 256; byte++)
		memset(f->old + (size_t)byte * 8192, byte, 8192);
	assert_int_equal(pwrite(f->base.fd, f->old, SIZE, 0), SIZE);
	learn(f, 0, SIZE);
	for (int byte = 0; byte < 256; byte++) {
		memset(f->new, byte, 8 * CHUNK);
		find(f, 8 * CHUNK);
		assert_int_equal(f->found.count, 0);
	}
}

/* A hole is passed over, and what lies behind it is learned. */
static void
test_hole(void **state)
{
	const uint64_t far = (uint64_t)1 << 42;
	struct fixture *f = *state;

	if (pwrite(f->base.fd, f->old, CHUNK, (off_t)far) != CHUNK)
		skip();		/* no files of this size here */
	f->base.identity.size = far + CHUNK;
	alike_free(f->alike);
	assert_int_equal(alike_new(&f->base, &f->alike, &f->err), 0);
	learn(f, SIZE, far + CHUNK - SIZE);
	memcpy(f->new, f->old, CHUNK);
	find(f, CHUNK);
	assert_int_equal(f->found.count, 1);
	assert_true(f->found.parts[0].offset == far);
}

static void
test_errors(void **state)
{
	struct fixture *f = *state;
	const struct range range = {
		.offset = 0, .length = SIZE, .source = RANGE_READ,
	};
	uint8_t *read = malloc(ALIKE_BYTES_MAX);
	char self[64];
	int fd;

	learn(f, 0, SIZE);
	memcpy(f->new, f->old, CHUNK);
	find(f, CHUNK);
	assert_int_equal(f->found.count, 1);
	/* The same file, not to be read. */
	snprintf(self, sizeof(self), "/proc/self/fd/%d", f->base.fd);
	fd = open(self, O_WRONLY);
	assert_true(fd >= 0);
	assert_true(dup2(fd, f->base.fd) >= 0);
	close(fd);
	assert_int_equal(alike_read(f->alike, &f->found, read, &f->err),
	    -ERR_FAILED);
	assert_non_null(strstr(f->err.text, "base"));
	err_clear(&f->err);
	assert_int_equal(alike_learn(f->alike, &range, &f->err), -ERR_FAILED);
	assert_non_null(strstr(f->err.text, "base"));
	free(read);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_shifted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_parts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_most, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_little, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_runs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_errors, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
