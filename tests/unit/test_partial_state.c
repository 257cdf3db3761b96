/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_partial_state.c - the state of a partial is read back as written, and
 * nothing that is damaged passes for one.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "snapshot/partial_state.h"

#define SIZE 100000
#define OFFSET 5000
#define DAY 86400

/* A file that has no name any more; skips the test without attributes. */
static int
temporary_file(void)
{
	char name[] = "partial.XXXXXX";
	const int fd = mkstemp(name);

	assert_true(fd >= 0);
	assert_int_equal(unlink(name), 0);
	assert_int_equal(ftruncate(fd, OFFSET), 0);
	if (fsetxattr(fd, "user.test", "", 0, 0) != 0 && errno == EOPNOTSUPP) {
		close(fd);
		print_message("# SKIP no user attributes on the file system "
		    "of the build directory\n");
		skip();
	}
	return fd;
}

static struct partial_state
sample(void)
{
	struct partial_state state = {
		.generation = 3, .cut = UINT64_MAX - 1,
		.created = { 1700000000, 999999999 },
		.size = SIZE, .offset = OFFSET,
		.written = { 1800000000, 1 },
		.origin = "vm \xff\n.img", .name = "mon",
	};

	memset(state.snapshot.bytes, 0xa1, UUID_SIZE);
	memset(state.base.bytes, 0xb2, UUID_SIZE);
	memset(state.lineage.bytes, 0xc3, UUID_SIZE);
	memset(state.stream.bytes, 0xd4, UUID_SIZE);
	return state;
}

static void
write_state(int fd, const struct partial_state *state)
{
	struct err err = ERR_INIT;

	if (partial_state_write(fd, "file", state, &err) != 0)
		fail_msg("%s", err.text);
}

/* Is there a good one? */
static bool
read_state(int fd, struct partial_state *state)
{
	struct err err = ERR_INIT;
	const int rc = partial_state_read(fd, "file", state, &err);

	assert_true(rc == 0 || rc == 1);
	return rc == 0;
}

static void
test_round_trip(void **unused)
{
	const int fd = temporary_file();
	struct partial_state state = sample(), back;
	struct err err = ERR_INIT;

	(void)unused;
	assert_false(read_state(fd, &back));
	write_state(fd, &state);
	memset(&back, 0xff, sizeof(back));
	assert_true(read_state(fd, &back));
	assert_memory_equal(&back.snapshot, &state.snapshot, UUID_SIZE);
	assert_memory_equal(&back.base, &state.base, UUID_SIZE);
	assert_memory_equal(&back.lineage, &state.lineage, UUID_SIZE);
	assert_memory_equal(&back.stream, &state.stream, UUID_SIZE);
	assert_true(back.generation == 3 && back.cut == UINT64_MAX - 1);
	assert_int_equal(time_compare(&back.created, &state.created), 0);
	assert_int_equal(time_compare(&back.written, &state.written), 0);
	assert_true(back.size == SIZE && back.offset == OFFSET);
	assert_string_equal(back.origin, state.origin);
	assert_string_equal(back.name, "mon");
	assert_int_equal(partial_state_remove(fd, "file", &err), 0);
	assert_false(read_state(fd, &back));
	assert_int_equal(partial_state_remove(fd, "file", &err), 0);
	close(fd);
}

/* A file that lost what the state tells of, or a state that makes no sense. */
static void
test_too_short(void **unused)
{
	const int fd = temporary_file();
	struct partial_state state = sample();

	(void)unused;
	write_state(fd, &state);
	assert_int_equal(ftruncate(fd, OFFSET - 1), 0);
	assert_false(read_state(fd, &state));
	assert_int_equal(ftruncate(fd, SIZE), 0);
	assert_true(read_state(fd, &state));
	state.offset = SIZE + 1;
	assert_int_equal(ftruncate(fd, SIZE + 1), 0);
	write_state(fd, &state);
	assert_false(read_state(fd, &state));
	close(fd);
}

/* Every bit, every length, and names as long as they can be. */
static void
test_damage(void **unused)
{
	const int fd = temporary_file();
	struct partial_state state = sample();
	uint8_t bytes[1024];
	ssize_t size;

	(void)unused;
	memset(state.origin, 'x', SEAL_NAME_MAX);
	memset(state.name, 'y', SEAL_NAME_MAX);
	write_state(fd, &state);
	assert_true(read_state(fd, &state));
	size = fgetxattr(fd, PARTIAL_STATE_XATTR, bytes, sizeof(bytes));
	assert_true(size > 0);
	for (ssize_t bit = 0; bit < 8 * size; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(fsetxattr(fd, PARTIAL_STATE_XATTR, bytes,
		    (size_t)size, 0), 0);
		if (read_state(fd, &state))
			fail_msg("bit %zd is not noticed", bit);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (ssize_t n = 0; n < size; n++) {
		assert_int_equal(fsetxattr(fd, PARTIAL_STATE_XATTR, bytes,
		    (size_t)n, 0), 0);
		assert_false(read_state(fd, &state));
	}
	close(fd);
}

static void
close_state(int fd, const struct partial_state *state)
{
	struct err err = ERR_INIT;

	if (partial_state_close(fd, "file", state, &err) != 0)
		fail_msg("%s", err.text);
}

/* Write a byte, and put the times back. */
static void
write_unseen(int fd)
{
	struct timespec times[2];
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(pwrite(fd, "x", 1, 0), 1);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	assert_int_equal(futimens(fd, times), 0);
}

/* A copy has none, open or closed; the file keeps an open one if written to. */
static void
test_other_file(void **unused)
{
	const int fd = temporary_file(), copy = temporary_file();
	struct partial_state state = sample();
	struct timespec times[2];
	uint8_t bytes[1024];
	struct stat st;
	ssize_t size;

	(void)unused;
	assert_int_equal(fstat(fd, &st), 0);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	for (int closed = 0; closed < 2; closed++) {
		if (closed)
			close_state(fd, &state);
		else
			write_state(fd, &state);
		size = fgetxattr(fd, PARTIAL_STATE_XATTR, bytes,
		    sizeof(bytes));
		assert_true(size > 0);
		assert_int_equal(fsetxattr(copy, PARTIAL_STATE_XATTR, bytes,
		    (size_t)size, 0), 0);
		assert_int_equal(futimens(copy, times), 0);
		assert_false(read_state(copy, &state));
		assert_true(read_state(fd, &state));
	}
	write_state(fd, &state);
	assert_int_equal(ftruncate(fd, SIZE), 0);
	write_unseen(fd);
	assert_int_equal(fchmod(fd, 0640), 0);
	assert_true(read_state(fd, &state));
	close(copy);
	close(fd);
}

/* Once it is closed, any change shows, at once and with times put back. */
static void
test_closed(void **unused)
{
	const int fd = temporary_file();
	struct partial_state state = sample(), back;
	uint8_t bytes[1024];
	ssize_t size;

	(void)unused;
	close_state(fd, &state);
	assert_true(read_state(fd, &back));
	assert_true(back.offset == OFFSET);
	assert_string_equal(back.name, "mon");
	write_unseen(fd);
	assert_false(read_state(fd, &back));
	close_state(fd, &state);
	assert_true(read_state(fd, &back));
	assert_int_equal(ftruncate(fd, SIZE), 0);
	assert_false(read_state(fd, &back));
	close_state(fd, &state);
	assert_int_equal(fchmod(fd, 0640), 0);
	assert_false(read_state(fd, &back));
	/* Nor does the same attribute, set later, make it good again. */
	close_state(fd, &state);
	size = fgetxattr(fd, PARTIAL_STATE_XATTR, bytes, sizeof(bytes));
	assert_true(size > 0);
	write_unseen(fd);
	assert_int_equal(fsetxattr(fd, PARTIAL_STATE_XATTR, bytes,
	    (size_t)size, 0), 0);
	assert_false(read_state(fd, &back));
	/* It is opened again by writing it. */
	write_state(fd, &state);
	write_unseen(fd);
	assert_true(read_state(fd, &back));
	close(fd);
}

static void
test_expired(void **unused)
{
	struct partial_state state = sample();
	struct timespec now;

	(void)unused;
	clock_gettime(CLOCK_REALTIME, &now);
	state.written = now;
	assert_false(partial_state_expired(&state));
	state.written.tv_sec = now.tv_sec - PARTIAL_STATE_DAYS * DAY + 60;
	assert_false(partial_state_expired(&state));
	state.written.tv_sec = now.tv_sec - PARTIAL_STATE_DAYS * DAY - 60;
	assert_true(partial_state_expired(&state));
	/* The clock was set back meanwhile. */
	state.written.tv_sec = now.tv_sec + 1000 * DAY;
	assert_false(partial_state_expired(&state));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_too_short),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_other_file),
		cmocka_unit_test(test_closed),
		cmocka_unit_test(test_expired),
	};

	return cmocka_run_group_tests_name("partial_state", tests, NULL, NULL);
}
