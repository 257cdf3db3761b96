/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_partial_kept.c - which partials are kept, and who gets them.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "snapshot/partial_kept.h"

#define OFFSET 5000
#define DAY 86400

static char directory[] = "kept.XXXXXX";
static struct store store;
static bool unreadable;		/* attributes, for the moment */

/* In place of that of the C library. */
ssize_t
fgetxattr(int fd, const char *name, void *value, size_t size)
{
	if (unreadable) {
		errno = EIO;
		return -1;
	}
	return syscall(SYS_fgetxattr, fd, name, value, size);
}

static struct uuid
id_of(uint8_t byte)
{
	struct uuid id;

	memset(id.bytes, byte, sizeof(id.bytes));
	return id;
}

/* The state of a snapshot whose ids follow from its cut; days old. */
static struct partial_state
state_of(uint8_t cut, int days)
{
	struct partial_state state = {
		.snapshot = id_of(cut), .lineage = id_of(0xaa),
		.stream = id_of(0xbb), .cut = cut,
		.size = 2 * OFFSET, .offset = OFFSET, .origin = "disk",
	};

	snprintf(state.name, sizeof(state.name), "%03d", cut);
	clock_gettime(CLOCK_REALTIME, &state.written);
	state.written.tv_sec -= (time_t)days * DAY;
	return state;
}

/* Leave a partial with this state, or without one. */
static void
leave(const struct partial_state *state)
{
	struct partial partial = PARTIAL_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(partial_create(&store, &partial, &err), 0);
	assert_int_equal(ftruncate(partial.fd, 2 * OFFSET), 0);
	if (state != NULL)
		assert_int_equal(partial_state_write(partial.fd, "partial",
		    state, &err), 0);
	partial_leave(&partial);
}

/* So many are listed, and the cuts of the first two are these. */
static void
listed(size_t wanted, uint64_t first, uint64_t second, bool locked)
{
	struct partial_state *list;
	struct err err = ERR_INIT;
	size_t count;
	bool busy;

	assert_int_equal(partial_kept_list(&store, &list, &count, &busy,
	    &err), 0);
	assert_int_equal(count, wanted);
	assert_int_equal(busy, locked);
	if (count > 0)
		assert_true(list[0].cut == first);
	if (count > 1)
		assert_true(list[1].cut == second);
	free(list);
}

/* How many files there are. */
static size_t
files(void)
{
	DIR *dir = fdopendir(openat(store.state, ".", O_RDONLY));
	struct dirent *entry;
	size_t count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

/* A file that is sealed as this snapshot. */
static void
make_present(uint8_t cut)
{
	struct seal seal = {
		.id = id_of(cut), .mode = 0644, .origin = "disk",
	};
	struct err err = ERR_INIT;
	const int fd = openat(store.snapshots, "disk.here",
	    O_RDWR | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	snprintf(seal.name, sizeof(seal.name), "here");
	assert_int_equal(seal_write(fd, "disk.here", &seal, 0444, &err), 0);
	assert_int_equal(fchmod(fd, 0444), 0);
	close(fd);
}

static void
test_sweep(void **unused)
{
	const struct partial_state good = state_of(3, 0), old = state_of(2,
	    PARTIAL_STATE_DAYS + 1), young = state_of(1,
	    PARTIAL_STATE_DAYS - 1), here = state_of(9, 0);

	(void)unused;
	leave(&good);
	leave(NULL);
	leave(&old);
	leave(&young);
	leave(&here);
	make_present(9);
	assert_int_equal(files(), 5);
	listed(2, 1, 3, false);
	partial_sweep(&store);
	assert_int_equal(files(), 2);
	listed(2, 1, 3, false);
}

/* What cannot be read is neither removed nor said not to be there. */
static void
test_unreadable(void **unused)
{
	const struct partial_state state = state_of(1, 0);
	struct partial partial = PARTIAL_INIT;
	struct partial_state found, *list;
	struct err err = ERR_INIT;
	size_t count;
	bool busy;

	(void)unused;
	leave(&state);
	leave(NULL);
	unreadable = true;
	partial_sweep(&store);
	partial_kept_remove(&store, &state.snapshot);
	assert_int_equal(files(), 2);
	assert_int_equal(partial_kept_list(&store, &list, &count, &busy,
	    &err), -ERR_FAILED);
	err_clear(&err);
	assert_int_equal(partial_kept_open(&store, &state.snapshot,
	    &state.stream, &partial, &found, &err), -ERR_FAILED);
	assert_int_equal(partial.fd, -1);
	unreadable = false;
	partial_sweep(&store);
	assert_int_equal(files(), 1);
	listed(1, 1, 0, false);
}

/* Whoever has it locked works on it: it is neither listed, nor removed. */
static void
test_locked(void **unused)
{
	const struct partial_state state = state_of(1, 0);
	struct partial partial = PARTIAL_INIT, second = PARTIAL_INIT;
	struct partial_state found;
	struct err err = ERR_INIT;

	(void)unused;
	listed(0, 0, 0, false);
	assert_int_equal(partial_kept_open(&store, &state.snapshot,
	    &state.stream, &partial, &found, &err), 1);
	leave(&state);
	assert_int_equal(partial_kept_open(&store, &state.snapshot,
	    &state.stream, &partial, &found, &err), 0);
	assert_true(found.cut == 1);
	assert_int_equal(pwrite(partial.fd, "x", 1, 0), 1);
	listed(0, 0, 0, true);
	assert_int_equal(partial_kept_open(&store, &state.snapshot,
	    &state.stream, &second, &found, &err), -ERR_LOCKED);
	assert_int_equal(second.fd, -1);
	fremovexattr(partial.fd, PARTIAL_STATE_XATTR);
	partial_sweep(&store);
	partial_kept_remove(&store, &state.snapshot);
	assert_int_equal(files(), 1);
	partial_leave(&partial);
	partial_sweep(&store);
	assert_int_equal(files(), 0);
}

/* A sweep has it locked for a moment: that is waited for. */
static void
test_locked_for_a_moment(void **unused)
{
	const struct timespec nap = { 0, 100000000 };
	const struct partial_state state = state_of(1, 0);
	struct partial partial = PARTIAL_INIT;
	struct partial_state found;
	struct err err = ERR_INIT;
	pid_t child;
	int ready[2];
	char byte;

	(void)unused;
	leave(&state);
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		partial_kept_open(&store, &state.snapshot, &state.stream,
		    &partial, &found, &err);
		close(ready[1]);
		close(ready[0]);
		nanosleep(&nap, NULL);
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 0);
	close(ready[0]);
	assert_int_equal(partial_kept_open(&store, &state.snapshot,
	    &state.stream, &partial, &found, &err), 0);
	partial_discard(&partial);
	assert_int_equal(files(), 0);
}

/* Two of one snapshot: the one that the stream brought, or that is further. */
static void
test_two_of_one(void **unused)
{
	struct partial_state states[3], found;
	const uint64_t offsets[] = { OFFSET, OFFSET - 1, OFFSET - 2 };
	const struct uuid none = id_of(0x33);
	struct partial partial = PARTIAL_INIT;
	struct err err = ERR_INIT;

	(void)unused;
	/* In whatever order the directory has them. */
	for (size_t i = 0; i < 30; i++) {
		struct partial_state *state = &states[i % 3];

		*state = state_of(1, 0);
		state->offset = offsets[i % 3] - 3 * (i / 3);
		state->stream = id_of(i % 3 < 2 ? 0x11 : 0x22);
		leave(state);
		if (i % 3 < 2)
			continue;
		assert_int_equal(partial_kept_open(&store, &state->snapshot,
		    &states[2].stream, &partial, &found, &err), 0);
		assert_true(found.offset == states[2].offset);
		partial_leave(&partial);
		assert_int_equal(partial_kept_open(&store, &state->snapshot,
		    &states[0].stream, &partial, &found, &err), 0);
		assert_true(found.offset == states[0].offset);
		partial_leave(&partial);
		assert_int_equal(partial_kept_open(&store, &state->snapshot,
		    &none, &partial, &found, &err), 0);
		assert_true(found.offset == states[0].offset);
		partial_leave(&partial);
		partial_kept_remove(&store, &state->snapshot);
		assert_int_equal(files(), 0);
	}
}

/* A listing has it locked for a moment: it is removed all the same. */
static void
test_remove_waits(void **unused)
{
	const struct timespec nap = { 0, 100000000 };
	const struct partial_state state = state_of(1, 0);
	struct partial partial = PARTIAL_INIT;
	struct partial_state found;
	struct err err = ERR_INIT;
	pid_t child;

	(void)unused;
	leave(&state);
	assert_int_equal(partial_kept_open(&store, &state.snapshot,
	    &state.stream, &partial, &found, &err), 0);
	/* Then the child alone has the lock. */
	child = fork();
	if (child == 0) {
		nanosleep(&nap, NULL);
		_exit(0);
	}
	partial_leave(&partial);
	partial_kept_remove(&store, &state.snapshot);
	assert_int_equal(files(), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

/* One of each live file, and of each plain copy, but for what is in use. */
static void
test_others(void **unused)
{
	struct partial_state state = state_of(1, 0), found;
	struct partial kept = PARTIAL_INIT, used = PARTIAL_INIT;
	struct err err = ERR_INIT;

	(void)unused;
	for (uint8_t cut = 1; cut <= 5; cut++) {
		state = state_of(cut, 0);
		if (cut == 5)
			snprintf(state.origin, sizeof(state.origin), "disc");
		if (cut == 3)
			state.lineage = id_of(0xcc);
		leave(&state);
	}
	state = state_of(4, 0);
	assert_int_equal(partial_kept_open(&store, &state.snapshot,
	    &state.stream, &used, &found, &err), 0);
	state = state_of(2, 0);
	assert_int_equal(partial_kept_open(&store, &state.snapshot,
	    &state.stream, &kept, &found, &err), 0);
	partial_kept_remove_others(&kept, &found);
	partial_leave(&kept);
	partial_leave(&used);
	assert_int_equal(files(), 3);
	listed(3, 5, 2, false);
	/* Plain copies. */
	for (uint8_t cut = 6; cut <= 8; cut++) {
		state = state_of(cut, 0);
		state.origin[0] = '\0';
		snprintf(state.name, sizeof(state.name), "%s",
		    cut == 7 ? "other" : "plain");
		leave(&state);
	}
	assert_int_equal(partial_kept_open(&store, &state.snapshot,
	    &state.stream, &kept, &found, &err), 0);
	partial_kept_remove_others(&kept, &found);
	partial_leave(&kept);
	assert_int_equal(files(), 5);
	listed(5, 7, 8, false);
}

/* The state of another file is none. */
static void
test_copied(void **unused)
{
	const struct partial_state state = state_of(1, 0);
	struct partial partial = PARTIAL_INIT, copy = PARTIAL_INIT;
	struct partial_state found;
	struct err err = ERR_INIT;
	uint8_t bytes[1024];
	ssize_t size;

	(void)unused;
	leave(&state);
	assert_int_equal(partial_kept_open(&store, &state.snapshot,
	    &state.stream, &partial, &found, &err), 0);
	size = fgetxattr(partial.fd, PARTIAL_STATE_XATTR, bytes,
	    sizeof(bytes));
	assert_true(size > 0);
	assert_int_equal(partial_create(&store, &copy, &err), 0);
	assert_int_equal(ftruncate(copy.fd, 2 * OFFSET), 0);
	assert_int_equal(fsetxattr(copy.fd, PARTIAL_STATE_XATTR, bytes,
	    (size_t)size, 0), 0);
	partial_leave(&copy);
	partial_discard(&partial);
	assert_int_equal(partial_kept_open(&store, &state.snapshot,
	    &state.stream, &partial, &found, &err), 1);
	listed(0, 0, 0, false);
	partial_sweep(&store);
	assert_int_equal(files(), 0);
}

/* By id; and of one lineage and origin, those that are older. */
static void
test_remove(void **unused)
{
	const struct uuid id = id_of(2), none = id_of(77);
	struct partial_state state;
	struct seal received = {
		.lineage = id_of(0xaa), .cut = 5, .origin = "disk",
	};

	(void)unused;
	for (uint8_t cut = 1; cut <= 8; cut++) {
		state = state_of(cut, 0);
		if (cut == 1)
			state.lineage = id_of(0xcc);
		if (cut == 3)
			snprintf(state.origin, sizeof(state.origin), "disc");
		leave(&state);
	}
	partial_kept_remove(&store, &none);
	listed(8, 3, 1, false);
	partial_kept_remove(&store, &id);
	listed(7, 3, 1, false);
	/* Of 1 and 3 to 8 this is older than 5, and its: 4. */
	partial_kept_remove_older(&store, &received);
	listed(6, 3, 1, false);
	received.generation = 1;
	received.cut = 0;
	partial_kept_remove_older(&store, &received);
	listed(2, 3, 1, false);
	memset(&received.lineage, 0, sizeof(received.lineage));
	state = state_of(4, 0);
	memset(&state.lineage, 0, sizeof(state.lineage));
	leave(&state);
	partial_kept_remove_older(&store, &received);
	listed(3, 3, 1, false);
}

static int
start_test(void **unused)
{
	struct err err = ERR_INIT;

	(void)unused;
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	assert_non_null(mkdtemp(directory));
	if (setxattr(directory, "user.test", "", 0, 0) != 0 &&
	    errno == EOPNOTSUPP) {
		rmdir(directory);
		print_message("# SKIP no user attributes on the file system "
		    "of the build directory\n");
		skip();
	}
	assert_int_equal(store_open(directory, true, ERR_FAILED, &store,
	    &err), 0);
	return 0;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int
end_test(void **unused)
{
	(void)unused;
	store.made_snapshots = store.made_state = false;
	store_close(&store);
	return nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start_test, end_test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sweep),
		TEST(test_unreadable),
		TEST(test_locked),
		TEST(test_locked_for_a_moment),
		TEST(test_two_of_one),
		TEST(test_remove_waits),
		TEST(test_others),
		TEST(test_copied),
		TEST(test_remove),
	};

	return cmocka_run_group_tests_name("partial_kept", tests, NULL, NULL);
}
