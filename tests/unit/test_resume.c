/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_resume.c - what stays of a stream that breaks off, when it goes, and how
 * another stream goes on with it.
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
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/io.h"
#include "receive/receive.h"
#include "receive/unfinished.h"
#include "snapshot/partial_kept.h"
#include "tests/unit/resume_plan.h"
#include "tests/unit/stream_build.h"

#define STATE "/.snapshot/.refsend"
#define REPLICA "/.snapshot/disk.img.monday"
static char directory[] = "resume.XXXXXX";
static uint8_t content[BUILD_SIZE];
static uint64_t told[2 * PIECES];
static size_t times;

static char *
path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s%s", directory, name);
	return path;
}

static void
on_durable(void *cookie, const struct uuid *snapshot, uint64_t offset)
{
	const struct plan *plan = cookie;
	struct uuid id = build_snapshot_id();

	if (plan->snapshot != 0)
		id.bytes[0] = (uint8_t)plan->snapshot;
	assert_true(uuid_equal(snapshot, &id));
	assert_true(times < 2 * PIECES);
	told[times++] = offset;
}

static int
receive(const struct plan *plan, unsigned threads, struct err *err)
{
	struct plan told_of = *plan;
	const struct receive_options options = {
		.reserve = { .given = true }, .threads = threads,
		.resumable = plan->kept, .durable = on_durable,
		.cookie = &told_of,
	};
	struct stream_build build = plan_build(plan, content);
	const int fd = build_fd(build.bytes, build.length);
	struct receive_result result;
	int rc;

	times = 0;
	err_clear(err);
	rc = receive_stream(fd, directory, &options, &result, err);
	if (rc == 0 && plan->snapshot == 0)
		assert_true(result.snapshots[0].resumed == plan->from);
	receive_result_free(&result);
	close(fd);
	build_free(&build);
	return rc;
}

/* Receive with one thread or more; the code must be this. */
static void
received(struct plan plan, enum err_code code, const char *word)
{
	struct err err = ERR_INIT;

	assert_int_equal(receive(&plan, 1 + (unsigned)rand() % 4, &err),
	    -(int)code);
	if (strstr(err.text, word) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", word, err.text);
}

/* The only partial, open; -1 if there is none. */
static int
open_partial(void)
{
	DIR *dir = opendir(path_of(STATE));
	struct dirent *entry;
	int fd = -1;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, "partial.", 8) != 0)
			continue;
		assert_int_equal(fd, -1);
		fd = openat(dirfd(dir), entry->d_name, O_RDWR);
		assert_true(fd >= 0);
	}
	if (dir != NULL)
		closedir(dir);
	return fd;
}

static void
nothing_left(void)
{
	struct unfinished *list;
	struct err err = ERR_INIT;
	size_t count;

	assert_int_equal(open_partial(), -1);
	assert_int_equal(unfinished_list(directory, &list, &count, &err),
	    -ERR_NOBASE);
}

/* The token says so, and the partial holds that. */
static void
left(uint64_t offset)
{
	uint8_t bytes[BUILD_SIZE];
	struct unfinished *list;
	struct err err = ERR_INIT;
	const int fd = open_partial();
	size_t count;

	assert_int_equal(unfinished_list(directory, &list, &count, &err), 0);
	assert_int_equal(count, 1);
	assert_string_equal(list[0].name, "disk.img.monday");
	assert_true(list[0].size == BUILD_SIZE);
	assert_true(list[0].token.offset == offset);
	assert_true(uuid_is_nil(&list[0].token.base));
	free(list);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, bytes, BUILD_SIZE, 0), BUILD_SIZE);
	assert_memory_equal(bytes, content, offset);
	close(fd);
}

/* Change the state of the partial, as another stream would have left it. */
static void
change(struct partial_state *state, const char *field)
{
	struct err err = ERR_INIT;
	const int fd = open_partial();

	assert_int_equal(partial_state_read(fd, "partial", state, &err), 0);
	if (strcmp(field, "stream") == 0)
		state->stream = plan_earlier();
	else if (strcmp(field, "base") == 0)
		state->base.bytes[0] ^= 1;
	else if (strcmp(field, "size") == 0)
		state->size++;
	else if (strcmp(field, "offset") == 0)
		state->offset -= PIECE;
	assert_int_equal(partial_state_write(fd, "partial", state, &err), 0);
	close(fd);
}

/* Leave a partial up to so many pieces, from the stream that RESUME names. */
static void
interrupt(size_t pieces)
{
	struct partial_state state;

	received((struct plan){ .pieces = pieces, .cut = 50, .kept = true },
	    ERR_INTERRUPTED, "refrecv --token");
	left(pieces * PIECE);
	change(&state, "stream");
}

static void
published(void)
{
	const int fd = open(path_of(REPLICA), O_RDONLY);
	uint8_t bytes[BUILD_SIZE];
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, BUILD_SIZE);
	assert_int_equal(pread(fd, bytes, BUILD_SIZE, 0), BUILD_SIZE);
	assert_memory_equal(bytes, content, BUILD_SIZE);
	assert_int_equal(fgetxattr(fd, PARTIAL_STATE_XATTR, bytes, 1024), -1);
	assert_int_equal(errno, ENODATA);
	close(fd);
	nothing_left();
}

/* Each CHECKPOINT is told of, in order, and leaves nothing in the end. */
static void
test_durable(void **state)
{
	(void)state;
	received((struct plan){ .pieces = WHOLE, .kept = true }, ERR_NONE, "");
	assert_int_equal(times, PIECES);
	for (size_t i = 0; i < PIECES; i++)
		assert_true(told[i] == (i + 1) * PIECE);
	published();
	assert_int_equal(unlink(path_of(REPLICA)), 0);
	received((struct plan){ .pieces = WHOLE }, ERR_NONE, "");
	assert_int_equal(times, 0);
	published();
}

/* It stays if the stream breaks off behind a CHECKPOINT, and then only. */
static void
test_what_stays(void **state)
{
	(void)state;
	received((struct plan){ .pieces = 0, .cut = 50, .kept = true },
	    ERR_STREAM, "truncated");
	nothing_left();
	received((struct plan){ .pieces = 0, .cut = PIECE + 100,
	    .kept = true }, ERR_STREAM, "truncated");
	nothing_left();
	received((struct plan){ .pieces = 2, .cut = 50 }, ERR_STREAM,
	    "truncated");
	nothing_left();
	received((struct plan){ .pieces = 2, .damaged = true, .kept = true },
	    ERR_STREAM, "checksum");
	nothing_left();
	for (size_t pieces = 1; pieces <= PIECES; pieces++) {
		for (size_t cut = 0; cut <= 50; cut += 25) {
			received((struct plan){ .pieces = pieces, .cut = cut,
			    .kept = true }, ERR_INTERRUPTED,
			    "refrecv --token");
			left(pieces * PIECE);
		}
	}
}

/* From each CHECKPOINT on, over whatever lies behind it. */
static void
test_going_on(void **state)
{
	uint8_t garbage[BUILD_SIZE];

	(void)state;
	memset(garbage, 'g', sizeof(garbage));
	for (size_t pieces = 1; pieces <= PIECES; pieces++) {
		const size_t offset = pieces * PIECE;
		int fd;

		interrupt(pieces);
		fd = open_partial();
		assert_int_equal(io_pwrite(fd, garbage, BUILD_SIZE - offset,
		    offset), 0);
		close(fd);
		received((struct plan){ .from = offset, .pieces = WHOLE },
		    ERR_NONE, "");
		assert_int_equal(times, PIECES - pieces);
		published();
		assert_int_equal(unlink(path_of(REPLICA)), 0);
	}
}

/* Interrupted once more, before and behind the next CHECKPOINT; and damaged. */
static void
test_interrupted_again(void **state)
{
	struct partial_state before;

	(void)state;
	interrupt(2);
	received((struct plan){ .from = 2 * PIECE, .pieces = 2, .cut = 9 },
	    ERR_INTERRUPTED, "refrecv --token");
	left(2 * PIECE);
	/* At a place that the state goes beyond: it must not any more. */
	received((struct plan){ .from = PIECE, .pieces = 1, .cut = 9 },
	    ERR_INTERRUPTED, "refrecv --token");
	left(PIECE);
	received((struct plan){ .from = PIECE, .pieces = 3, .cut = 9 },
	    ERR_INTERRUPTED, "refrecv --token");
	left(3 * PIECE);
	received((struct plan){ .from = PIECE, .pieces = 4, .cut = 9 },
	    ERR_NOBASE, "from stream 51515151-");
	left(3 * PIECE);
	change(&before, "stream");
	received((struct plan){ .from = 3 * PIECE, .pieces = 4,
	    .damaged = true }, ERR_STREAM, "checksum");
	nothing_left();
}

/* Another stream, base, size or offset than what is here: that stays. */
static void
test_refused(void **state)
{
	static const char *const cases[][2] = {
		{ "base", "on base 01000000-" },
		{ "size", "of 65537: not of 65536" },
		{ "offset", "up to byte 20000: the stream goes on at byte" },
	};
	const struct plan plan = { .from = 3 * PIECE, .pieces = WHOLE };
	struct partial_state before;

	(void)state;
	received(plan, ERR_NOBASE, "send it from its beginning");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		interrupt(3);
		change(&before, cases[i][0]);
		received(plan, ERR_NOBASE, cases[i][1]);
		assert_int_not_equal(open_partial(), -1);
	}
	/* What is in the way of this snapshot goes, whatever it is. */
	received((struct plan){ .pieces = 0, .cut = 50 }, ERR_STREAM,
	    "truncated");
	assert_int_not_equal(open_partial(), -1);
	received((struct plan){ .pieces = 1, .cut = 50 }, ERR_STREAM,
	    "truncated");
	nothing_left();
}

/* What was changed since is not gone on with; the next run removes it. */
static void
test_changed(void **unused)
{
	const struct plan plan = { .from = 2 * PIECE, .pieces = WHOLE };
	struct partial_state state;
	struct err err = ERR_INIT;
	int fd;

	(void)unused;
	/* RESUME names the stream before, as change() would have it. */
	for (int changed = 0; changed < 2; changed++) {
		interrupt(2);
		received((struct plan){ .from = 2 * PIECE, .pieces = 2,
		    .cut = 9 }, ERR_INTERRUPTED, "refrecv --token");
		left(2 * PIECE);
		fd = open_partial();
		if (changed)
			assert_int_equal(io_pwrite(fd, "!", 1, 5), 0);
		assert_int_equal(partial_state_read(fd, "partial", &state,
		    &err), changed);
		close(fd);
		if (changed) {
			received(plan, ERR_NOBASE, "from its beginning");
			nothing_left();
		} else {
			received(plan, ERR_NONE, "");
			published();
			assert_int_equal(unlink(path_of(REPLICA)), 0);
		}
	}
}

/* One is kept of a live file: that of the last stream that got so far. */
static void
test_one_of_each(void **unused)
{
	struct unfinished *list;
	struct err err = ERR_INIT;
	size_t count;

	(void)unused;
	interrupt(2);
	/* Not far enough to be kept. */
	received((struct plan){ .pieces = 0, .cut = PIECE + 100, .kept = true,
	    .snapshot = 4 }, ERR_STREAM, "truncated");
	left(2 * PIECE);
	received((struct plan){ .pieces = 1, .cut = 50, .kept = true,
	    .snapshot = 4 }, ERR_INTERRUPTED, "refrecv --token");
	assert_int_equal(unfinished_list(directory, &list, &count, &err), 0);
	assert_int_equal(count, 1);
	assert_string_equal(list[0].name, "disk.img.cut 4");
	free(list);
}

/* When the snapshot, or a newer one, is here. */
static void
test_superseded(void **state)
{
	(void)state;
	interrupt(2);
	received((struct plan){ .pieces = WHOLE, .snapshot = 2 }, ERR_NONE,
	    "");
	left(2 * PIECE);
	received((struct plan){ .pieces = WHOLE, .snapshot = 4 }, ERR_NONE,
	    "");
	nothing_left();
	interrupt(2);
	received((struct plan){ .pieces = WHOLE, .kept = true }, ERR_NONE, "");
	published();
}

static int
start_test(void **state)
{
	(void)state;
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	assert_non_null(mkdtemp(directory));
	for (size_t i = 0; i < PIECES * PIECE; i++)
		content[i] = (uint8_t)(rand() | 1);
	if (setxattr(directory, "user.test", "", 0, 0) != 0 &&
	    errno == EOPNOTSUPP) {
		rmdir(directory);
		print_message("# SKIP no user attributes on the file system "
		    "of the build directory\n");
		skip();
	}
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
end_test(void **state)
{
	(void)state;
	return nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start_test, end_test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_durable),
		TEST(test_what_stays),
		TEST(test_going_on),
		TEST(test_interrupted_again),
		TEST(test_refused),
		TEST(test_changed),
		TEST(test_one_of_each),
		TEST(test_superseded),
	};

	return cmocka_run_group_tests_name("resume", tests, NULL, NULL);
}
