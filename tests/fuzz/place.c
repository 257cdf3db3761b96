/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * place.c - a directory to receive into, and what must be true of it.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"
#include "snapshot/digest.h"
#include "snapshot/snapshot.h"
#include "snapshot/store.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/place.h"

#define REPLICA "replica"
#define BASE_ORIGIN "disk.img"
#define BASE_NAME "monday"
#define BASE_FILE BASE_ORIGIN "." BASE_NAME
#define STAMP "live."		/* begins the names of stamps */

/* Open a directory of the level below dirfd. */
static void
open_level(struct place_of_fuzz *place, enum place_level level, int dirfd,
    const char *name)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

	place->dirs[level] = openat(dirfd, name, flags);
	place->lists[level] = fdopendir(openat(dirfd, name, flags));
	fuzz_demand(place->dirs[level] >= 0 && place->lists[level] != NULL,
	    "cannot open %s: %s", name, strerror(errno));
}

/* The pattern that tests/streams/mkstream makes of the seed 7. */
static void
fill(uint8_t content[PLACE_BASE_SIZE])
{
	uint32_t x = 7;

	for (size_t i = 0; i < PLACE_BASE_SIZE; i++) {
		x = x * 1664525u + 1013904223u;
		content[i] = (uint8_t)(x >> 24);
	}
}

/* A sealed snapshot with the ids of the golden streams. */
static void
make_base(struct place_of_fuzz *place)
{
	struct seal seal = {
		.mode = 0644, .cut = 1, .origin = BASE_ORIGIN,
		.name = BASE_NAME,
	};
	struct err err = ERR_INIT;
	const int fd = openat(place->dirs[PLACE_SNAPSHOTS], BASE_FILE,
	    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	memset(seal.id.bytes, 0x11, UUID_SIZE);
	seal.id.bytes[6] = 0x41;
	seal.id.bytes[8] = 0x81;
	memset(seal.lineage.bytes, 0x44, UUID_SIZE);
	seal.lineage.bytes[8] = 0x84;
	fill(place->content);
	fuzz_demand(fd >= 0 &&
	    io_pwrite(fd, place->content, PLACE_BASE_SIZE, 0) == 0 &&
	    digest_file(fd, PLACE_BASE_SIZE, NULL, &seal.digest) == 0 &&
	    seal_write(fd, BASE_FILE, &seal, 0444, &err) == 0 &&
	    fchmod(fd, 0444) == 0 && fstat(fd, &place->base_stat) == 0,
	    "cannot make the base: %s %s", strerror(errno), err.text);
	place->base = fd;
	place->base_id = seal.id;
}

void
place_make(struct place_of_fuzz *place)
{
	const char *where = getenv("FUZZ_DIRECTORY");
	struct store store = STORE_INIT;
	struct err err = ERR_INIT;
	char *parent;

	fuzz_demand(where != NULL, "FUZZ_DIRECTORY is not set");
	fuzz_demand(asprintf(&parent, "%s/place.XXXXXX", where) > 0 &&
	    mkdtemp(parent) != NULL &&
	    asprintf(&place->path, "%s/" REPLICA, parent) > 0 &&
	    mkdir(place->path, 0755) == 0, "cannot make a directory in %s",
	    where);
	fuzz_demand(store_open(place->path, true, ERR_FAILED, &store,
	    &err) == 0, "%s", err.text);
	open_level(place, PLACE_PARENT, AT_FDCWD, parent);
	open_level(place, PLACE_DIR, place->dirs[PLACE_PARENT], REPLICA);
	open_level(place, PLACE_SNAPSHOTS, place->dirs[PLACE_DIR],
	    STORE_SNAPSHOTS);
	open_level(place, PLACE_STATE, place->dirs[PLACE_SNAPSHOTS],
	    STORE_STATE);
	make_base(place);
	/* They stay, though nothing is in them. */
	store.made_snapshots = store.made_state = false;
	store_close(&store);
	free(parent);
}

/* Demand that a file holds this. */
static void
check_content(int fd, const char *path, const uint8_t *bytes, size_t size)
{
	uint8_t *read = malloc(size + 1);

	fuzz_demand(read != NULL &&
	    io_pread(fd, read, size + 1, 0) == (ssize_t)size &&
	    memcmp(read, bytes, size) == 0, "%s does not hold what it should",
	    path);
	free(read);
}

/* Where a path of a result lies; *name is set to its last component. */
static int
locate(const struct place_of_fuzz *place, const char *path, const char **name)
{
	const size_t length = strlen(place->path);
	const size_t inner = strlen(STORE_SNAPSHOTS "/");

	fuzz_demand(strncmp(path, place->path, length) == 0 &&
	    path[length] == '/', "a replica is in %s", path);
	*name = path + length + 1;
	if (strncmp(*name, STORE_SNAPSHOTS "/", inner) != 0)
		return place->dirs[PLACE_DIR];
	*name += inner;
	return place->dirs[PLACE_SNAPSHOTS];
}

static void
check_replica(const struct place_of_fuzz *place,
    const struct received *received, const struct model *model)
{
	const struct model_content *wanted = model_known(model, &received->id);
	struct snapshot snapshot = SNAPSHOT_INIT;
	struct err err = ERR_INIT;
	struct digest digest;
	const char *name;
	const int dirfd = locate(place, received->path, &name);

	if (faccessat(dirfd, name, R_OK, 0) != 0 && errno == EACCES)
		return;		/* its mode: nobody but root may read it */
	fuzz_demand(snapshot_open(dirfd, name, received->path, NULL,
	    &snapshot, &err) == 0, "no snapshot: %s", err.text);
	fuzz_demand(snapshot.sealed &&
	    uuid_equal(&snapshot.seal.id, &received->id),
	    "%s has the seal of another", received->path);
	fuzz_demand((snapshot.identity.mode & 07333) == 0,
	    "%s has the mode %04o", received->path,
	    (unsigned)snapshot.identity.mode);
	if (wanted != NULL)
		check_content(snapshot.fd, received->path, wanted->bytes,
		    wanted->size);
	fuzz_demand(received->based ||
	    snapshot.seal.digest.algorithm != DIGEST_ALGORITHM_NONE,
	    "%s came whole and has no digest", received->path);
	if (snapshot.seal.digest.algorithm != DIGEST_ALGORITHM_NONE)
		fuzz_demand(digest_file(snapshot.fd, snapshot.identity.size,
		    NULL, &digest) == 0 && memcmp(digest.value,
		    snapshot.seal.digest.value, DIGEST_BYTES) == 0,
		    "%s does not have the digest of its seal",
		    received->path);
	snapshot_close(&snapshot);
}

/* Remove what a result names. */
static void
remove_results(const struct place_of_fuzz *place,
    const struct receive_result *result)
{
	const char *name;

	for (size_t i = 0; i < result->count; i++) {
		const struct received *received = &result->snapshots[i];
		const int dirfd = locate(place, received->path, &name);

		/* What was there already may be an earlier one of these. */
		if (!received->present)
			fuzz_demand(unlinkat(dirfd, name, 0) == 0,
			    "%s is not there", received->path);
	}
	if (result->live != NULL)
		fuzz_demand(unlinkat(place->dirs[PLACE_DIR], result->live,
		    0) == 0, "the live file is not there");
}

/* A directory holds so many of these two, and stamps, which are removed. */
static void
check_directory(DIR *dir, unsigned count, const char *first,
    const char *second)
{
	struct dirent *entry;

	rewinddir(dir);
	while ((entry = readdir(dir)) != NULL) {
		const char *name = entry->d_name;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
		    (strncmp(name, STAMP, strlen(STAMP)) == 0 &&
		    count == 0 && unlinkat(dirfd(dir), name, 0) == 0))
			continue;
		fuzz_demand(count-- > 0 && (strcmp(name, first) == 0 ||
		    strcmp(name, second) == 0), "%s was left there", name);
	}
	fuzz_demand(count == 0, "%s or %s is not there", first, second);
}

static void
check_base(const struct place_of_fuzz *place)
{
	const struct stat *was = &place->base_stat;
	struct stat is;

	fuzz_demand(fstatat(place->dirs[PLACE_SNAPSHOTS], BASE_FILE, &is,
	    AT_SYMLINK_NOFOLLOW) == 0 && is.st_ino == was->st_ino &&
	    is.st_mode == was->st_mode && is.st_uid == was->st_uid &&
	    is.st_gid == was->st_gid && is.st_size == was->st_size &&
	    is.st_nlink == was->st_nlink &&
	    time_compare(&is.st_mtim, &was->st_mtim) == 0 &&
	    time_compare(&is.st_ctim, &was->st_ctim) == 0,
	    "the base was changed");
	check_content(place->base, BASE_FILE, place->content,
	    PLACE_BASE_SIZE);
}

void
place_check(struct place_of_fuzz *place, const struct receive_result *result,
    const struct model *model)
{
	for (size_t i = 0; i < result->count; i++) {
		if (!result->snapshots[i].present)
			check_replica(place, &result->snapshots[i], model);
	}
	remove_results(place, result);
	check_base(place);
	check_directory(place->lists[PLACE_STATE], 0, "", "");
	check_directory(place->lists[PLACE_SNAPSHOTS], 2, BASE_FILE,
	    STORE_STATE);
	check_directory(place->lists[PLACE_DIR], 1, STORE_SNAPSHOTS, "");
	check_directory(place->lists[PLACE_PARENT], 1, REPLICA, "");
}
