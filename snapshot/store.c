/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store.c - open a directory with snapshots and its state.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/beneath.h"
#include "snapshot/store.h"

int
store_make(struct store *store, struct err *err)
{
	int rc = 0;

	/* Holds and stamps are not for everybody to write, whatever the umask. */
	if (store->snapshots < 0)
		rc = beneath_make_directory(store->dir, store->path,
		    STORE_SNAPSHOTS, 0755, store->unsafe, &store->snapshots,
		    &store->made_snapshots, err);
	if (rc == 0 && store->state < 0)
		rc = beneath_make_directory(store->snapshots, store->path,
		    STORE_STATE, 0755, store->unsafe, &store->state,
		    &store->made_state, err);
	return rc;
}

/* Open a directory that may be missing: *fd is then -1. */
static int
open_existing(int dirfd, const char *name, const char *path,
    enum err_code unsafe, int *fd, struct err *err)
{
	*fd = beneath_open(dirfd, name, O_RDONLY | O_DIRECTORY, 0);
	if (*fd >= 0 || errno == ENOENT)
		return 0;
	if (errno == ELOOP || errno == ENOTDIR)
		return err_set(err, unsafe, "%s: %s is not a directory but a "
		    "symbolic link or other file: refusing to use it", path,
		    name);
	return err_sys(err, ERR_FAILED, "%s: cannot open %s", path, name);
}

int
store_open(const char *path, bool make, enum err_code unsafe,
    struct store *store, struct err *err)
{
	static const struct store closed = STORE_INIT;
	int rc;

	*store = closed;
	store->unsafe = unsafe;
	store->path = strdup(path);
	if (store->path == NULL)
		return err_sys(err, ERR_FAILED, "%s", path);
	store->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->dir < 0) {
		rc = err_sys(err, ERR_FAILED, "cannot open directory %s", path);
		goto fail;
	}
	rc = open_existing(store->dir, STORE_SNAPSHOTS, path, unsafe,
	    &store->snapshots, err);
	if (rc == 0 && store->snapshots >= 0)
		rc = open_existing(store->snapshots, STORE_STATE, path, unsafe,
		    &store->state, err);
	if (rc == 0 && make)
		rc = store_make(store, err);
	if (rc == 0)
		return 0;
fail:
	store_close(store);
	return rc;
}

/* Split a path as dirname(3) and basename(3) do, into new strings. */
static int
split_path(const char *path, char **directory, char **name, struct err *err)
{
	char *for_directory = strdup(path);
	char *for_name = strdup(path);
	int rc = 0;

	*directory = *name = NULL;
	if (for_directory != NULL && for_name != NULL) {
		*directory = strdup(dirname(for_directory));
		*name = strdup(basename(for_name));
	}
	if (*directory == NULL || *name == NULL)
		rc = err_sys(err, ERR_FAILED, "%s", path);
	else if (path[0] == '\0' || path[strlen(path) - 1] == '/' ||
	    strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0)
		rc = err_set(err, ERR_FAILED, "%s: not the name of a file",
		    path[0] != '\0' ? path : "(empty name)");
	free(for_directory);
	free(for_name);
	return rc;
}

/* The directory above path, whose last component is .snapshot. */
static char *
parent_of(const char *path)
{
	const size_t length = strlen(path);
	const size_t tail = strlen(STORE_SNAPSHOTS);

	if (length == tail)
		return strdup(".");
	return strndup(path, length - tail > 1 ? length - tail - 1 : 1);
}

static bool
is_snapshots(const char *directory)
{
	const size_t length = strlen(directory);
	const size_t tail = strlen(STORE_SNAPSHOTS);

	return length >= tail &&
	    strcmp(directory + length - tail, STORE_SNAPSHOTS) == 0 &&
	    (length == tail || directory[length - tail - 1] == '/');
}

/* The state directory, which is swept: no file of a user is safe there. */
static bool
is_state(const char *directory)
{
	static const char tail[] = "/" STORE_SNAPSHOTS "/" STORE_STATE;
	const size_t length = strlen(directory);

	return length >= strlen(tail) &&
	    strcmp(directory + length - strlen(tail), tail) == 0;
}

int
place_open(const char *path, bool make, struct place *place, struct err *err)
{
	char *directory = NULL, *parent = NULL, *real = NULL;
	int rc;

	memset(place, 0, sizeof(*place));
	place->store = (struct store)STORE_INIT;
	rc = split_path(path, &directory, &place->name, err);
	if (rc != 0)
		goto out;
	/* A directory that is not there is told of by store_open(). */
	real = realpath(directory, NULL);
	if (real != NULL && is_state(real)) {
		rc = err_set(err, ERR_FAILED, "%s: no place for files: the "
		    "tools keep their state there, and remove what is old",
		    path);
		goto out;
	}
	place->kept = is_snapshots(directory);
	/* Someone working inside of .snapshot names files without it. */
	if (!place->kept && strcmp(directory, ".") == 0) {
		if (real == NULL) {
			rc = err_sys(err, ERR_FAILED, "%s: cannot find the "
			    "directory that it lies in", path);
			goto out;
		}
		if (is_snapshots(real)) {
			place->kept = true;
			free(directory);
			directory = real;
			real = NULL;
		}
	}
	if (place->kept) {
		parent = parent_of(directory);
		if (parent == NULL) {
			rc = err_sys(err, ERR_FAILED, "%s", path);
			goto out;
		}
	}
	rc = store_open(place->kept ? parent : directory, make, ERR_FAILED,
	    &place->store, err);
	if (rc == 0 && place->kept && place->store.snapshots < 0)
		rc = err_set(err, ERR_FAILED, "%s: no such directory",
		    directory);
out:
	free(real);
	free(parent);
	free(directory);
	if (rc != 0)
		place_close(place);
	return rc;
}

int
place_open_all(const char *path, struct place *place, bool *exists,
    struct err *err)
{
	struct stat st;

	*exists = stat(path, &st) == 0;
	if (!*exists || !S_ISDIR(st.st_mode))
		return place_open(path, false, place, err);
	memset(place, 0, sizeof(*place));
	return store_open(path, false, ERR_FAILED, &place->store, err);
}

char *
store_file_path(const struct store *store, bool kept, const char *name)
{
	const bool here = strcmp(store->path, ".") == 0;
	char *path;

	if (asprintf(&path, "%s%s%s%s", here ? "" : store->path,
	    here ? "" : "/", kept ? STORE_SNAPSHOTS "/" : "", name) < 0)
		return NULL;
	return path;
}

int
place_directory(const struct place *place)
{
	return place->kept ? place->store.snapshots : place->store.dir;
}

int
store_lock(const struct store *store, bool wait, struct err *err)
{
	int rc;

	do
		rc = flock(store->dir, LOCK_EX | (wait ? 0 : LOCK_NB));
	while (rc != 0 && errno == EINTR);
	if (rc == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return err_set(err, ERR_LOCKED, "%s: another refrecv is "
		    "receiving into it; refrecv --wait waits for it", store->path);
	return err_sys(err, ERR_FAILED, "%s: cannot lock", store->path);
}

void
store_close(struct store *store)
{
	if (store->state >= 0)
		close(store->state);
	/* Fails, as it should, if anything lies there. */
	if (store->made_state)
		unlinkat(store->snapshots, STORE_STATE, AT_REMOVEDIR);
	if (store->snapshots >= 0)
		close(store->snapshots);
	if (store->made_snapshots)
		unlinkat(store->dir, STORE_SNAPSHOTS, AT_REMOVEDIR);
	if (store->dir >= 0)
		close(store->dir);
	free(store->path);
	*store = (struct store)STORE_INIT;
}

void
place_close(struct place *place)
{
	store_close(&place->store);
	free(place->name);
	place->name = NULL;
}
