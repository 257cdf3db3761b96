/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_prune.c - prune as a caller in the program uses it: with ids that stay,
 * and told of each snapshot; and remove_by_rule(), which it relies on.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "snapshot/create.h"
#include "snapshot/prune.h"
#include "snapshot/remove.h"

#define SNAPSHOTS 5

/* A directory with a live file and its snapshots, one second old each. */
struct place_of_test {
	char directory[64];
	char live[80];
	char *paths[SNAPSHOTS];
	struct uuid ids[SNAPSHOTS];
	enum prune_fate fates[SNAPSHOTS];	/* what was told */
	size_t told;
};

static void
run(const char *format, ...)
{
	char command[256];
	va_list ap;

	va_start(ap, format);
	vsnprintf(command, sizeof(command), format, ap);
	va_end(ap);
	assert_int_equal(system(command), 0);
}

/* In the build directory; skips the test where no file can be sealed. */
static int
make_place(void **state)
{
	const struct create_options options = { .reflink = REFLINK_AUTO,
	    .reserve = { .given = true } };
	struct place_of_test *place = calloc(1, sizeof(*place));
	struct create_result result;
	struct err err = ERR_INIT;
	int fd;

	assert_non_null(place);
	*state = place;
	strcpy(place->directory, "prune.XXXXXX");
	assert_non_null(mkdtemp(place->directory));
	snprintf(place->live, sizeof(place->live), "%s/live",
	    place->directory);
	fd = open(place->live, O_RDWR | O_CREAT | O_EXCL, 0644);
	assert_true(fd >= 0);
	if (fsetxattr(fd, "user.test", "", 0, 0) != 0 && errno == EOPNOTSUPP) {
		close(fd);
		return 0;
	}
	close(fd);
	for (int i = 0; i < SNAPSHOTS; i++) {
		assert_int_equal(create_snapshot(place->live, &options,
		    &result, &err), 0);
		place->paths[i] = result.path;
		place->ids[i] = result.seal.id;
	}
	return 0;
}

static int
remove_place(void **state)
{
	struct place_of_test *place = *state;

	run("rm -r %s", place->directory);
	for (int i = 0; i < SNAPSHOTS; i++)
		free(place->paths[i]);
	free(place);
	return 0;
}

static struct place_of_test *
usable(void **state)
{
	struct place_of_test *place = *state;

	if (place->paths[0] == NULL) {
		print_message("# SKIP no user attributes on the file system "
		    "of the build directory\n");
		skip();
	}
	return place;
}

static void
take_fate(void *cookie, const struct catalog_entry *entry, const char *path,
    enum prune_fate fate)
{
	struct place_of_test *place = cookie;

	assert_true(place->told < SNAPSHOTS);
	assert_string_equal(path, place->paths[place->told]);
	assert_true(uuid_equal(&entry->seal.id, &place->ids[place->told]));
	place->fates[place->told++] = fate;
}

/* What is there, as a string of + and -. */
static const char *
present(const struct place_of_test *place)
{
	static char text[SNAPSHOTS + 1];

	for (int i = 0; i < SNAPSHOTS; i++)
		text[i] = access(place->paths[i], F_OK) == 0 ? '+' : '-';
	return text;
}

static void
test_protected(void **state)
{
	struct place_of_test *place = usable(state);
	const struct uuid protected[] = { place->ids[3], place->ids[1] };
	struct prune_options options = {
		.keep = { { [RETENTION_NEWEST] = 1 } },
		.protected = protected, .protected_count = 2,
		.told = take_fate, .cookie = place, .dry_run = true,
	};
	static const enum prune_fate expected[SNAPSHOTS] = { PRUNE_DELETED,
	    PRUNE_PROTECTED, PRUNE_DELETED, PRUNE_PROTECTED, PRUNE_KEPT };
	struct err err = ERR_INIT;

	for (int run = 0; run < 2; run++) {
		place->told = 0;
		assert_int_equal(prune_snapshots(place->live, &options, &err),
		    0);
		assert_int_equal(place->told, SNAPSHOTS);
		assert_memory_equal(place->fates, expected, sizeof(expected));
		assert_string_equal(present(place), options.dry_run ?
		    "+++++" : "-+-++");
		options.dry_run = false;
	}
}

/* A program that forgot to parse one. */
static void
test_no_policy(void **state)
{
	struct place_of_test *place = usable(state);
	const struct prune_options options = { .told = NULL };
	struct err err = ERR_INIT;

	assert_int_equal(prune_snapshots(place->live, &options, &err), 0);
	assert_string_equal(present(place), "+++++");
}

/* Deleted is what was decided about, not what has its name meanwhile. */
static void
test_another_by_that_name(void **state)
{
	struct place_of_test *place = usable(state);
	struct err err = ERR_INIT;

	assert_int_equal(remove_by_rule(place->paths[0], &place->ids[1], false,
	    NULL, &err), REMOVE_GONE);
	assert_string_equal(present(place), "+++++");
	run("rm -f %s", place->paths[0]);
	assert_int_equal(remove_by_rule(place->paths[0], &place->ids[0], false,
	    NULL, &err), REMOVE_GONE);
	assert_int_equal(err.code, ERR_NONE);
	assert_int_equal(remove_by_rule(place->paths[1], &place->ids[1], true,
	    NULL, &err), 0);
	assert_string_equal(present(place), "-++++");
	assert_int_equal(remove_by_rule(place->paths[1], &place->ids[1], false,
	    NULL, &err), 0);
	assert_string_equal(present(place), "--+++");
}

/* In use is something else than about to be deleted by another run. */
static void
test_locks(void **state)
{
	struct place_of_test *place = usable(state);
	const int fd = open(place->paths[0], O_RDONLY);
	struct err err = ERR_INIT;

	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(remove_by_rule(place->paths[0], &place->ids[0], false,
	    NULL, &err), REMOVE_GONE);
	assert_int_equal(flock(fd, LOCK_SH), 0);
	assert_int_equal(remove_by_rule(place->paths[0], &place->ids[0], true,
	    NULL, &err), 0);
	assert_int_equal(err.code, ERR_NONE);
	assert_int_equal(remove_by_rule(place->paths[0], &place->ids[0], false,
	    NULL, &err), -ERR_LOCKED);
	assert_string_equal(present(place), "+++++");
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_protected, make_place,
		    remove_place),
		cmocka_unit_test_setup_teardown(test_no_policy, make_place,
		    remove_place),
		cmocka_unit_test_setup_teardown(test_another_by_that_name,
		    make_place, remove_place),
		cmocka_unit_test_setup_teardown(test_locks, make_place,
		    remove_place),
	};

	return cmocka_run_group_tests_name("prune", tests, NULL, NULL);
}
