/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * partial_kept.c - find, take over and remove partials that were kept, and sweep
 * away the others.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/beneath.h"
#include "snapshot/catalog.h"
#include "snapshot/partial_kept.h"

/* A sweep holds the lock of a partial for a moment, and so does a listing. */
#define LOCK_TRIES 50
#define LOCK_NAP_NS 20000000

/* What a walk over the partials carries along. */
struct walk {
	const struct store *store;
	const struct uuid *snapshot, *stream;
	const struct seal *received;
	const struct partial *partial;
	const struct partial_state *kept;
	/* The snapshots that are here; read when it is first asked for. */
	struct catalog catalog;
	bool have_catalog;
	/* Results. */
	char name[PARTIAL_NAME_SIZE];
	bool brought;		/* it is of the stream */
	uint64_t offset;	/* of it */
	struct partial_state *list;
	size_t count;
	bool busy;
};

/* Looks at one partial, open for reading and closed afterwards. */
typedef int visit_partial(struct walk *walk, const char *name, int fd,
    struct err *err);

/* Open a partial and look at it.  One that is gone is none, or of another user. */
static int
visit(struct walk *walk, const char *name, visit_partial *look,
    struct err *err)
{
	const int fd = beneath_open(walk->store->state, name,
	    O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	int rc;

	if (fd < 0 && (errno == ENOENT || errno == ELOOP || errno == ENXIO ||
	    errno == EACCES || errno == EPERM))
		return 0;
	if (fd < 0)
		return err_sys(err, ERR_FAILED, "cannot open %s", name);
	rc = look(walk, name, fd, err);
	close(fd);
	return rc;
}

/* Look at all, also behind one where that failed; the first error is told. */
static int
walk_partials(struct walk *walk, visit_partial *look, struct err *err)
{
	const int state = walk->store->state;
	const int fd = state < 0 ? -1 :
	    beneath_open(state, ".", O_RDONLY | O_DIRECTORY, 0);
	struct dirent *entry;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (state < 0)
		return 0;
	if (dir == NULL) {
		err_sys(err, ERR_FAILED, "cannot read " STORE_STATE);
		if (fd >= 0)
			close(fd);
		return -(int)err->code;
	}
	for (;;) {
		errno = 0;
		entry = readdir(dir);
		if (entry == NULL)
			break;
		if (strncmp(entry->d_name, PARTIAL_PREFIX,
		    strlen(PARTIAL_PREFIX)) == 0)
			visit(walk, entry->d_name, look, err);
	}
	if (errno != 0)
		err_sys(err, ERR_FAILED, "cannot read " STORE_STATE);
	closedir(dir);
	if (walk->have_catalog)
		catalog_free(&walk->catalog);
	return -(int)err->code;
}

/* Is this snapshot here? */
static int
is_present(struct walk *walk, const struct uuid *id, bool *present,
    struct err *err)
{
	const struct catalog_entry *entry;
	int rc = 0;

	if (!walk->have_catalog)
		rc = catalog_read(walk->store, &walk->catalog, err);
	if (rc != 0)
		return rc;
	walk->have_catalog = true;
	entry = catalog_find(&walk->catalog, id);
	*present = entry != NULL && entry->state != SEAL_BROKEN;
	return 0;
}

/* Is it one to be kept?  Returns 0 then, 1 if not. */
static int
look_at(struct walk *walk, const char *name, int fd,
    struct partial_state *state, struct err *err)
{
	bool present;
	int rc;

	rc = partial_state_read(fd, name, state, err);
	if (rc == 0 && partial_state_expired(state))
		rc = 1;
	if (rc == 0)
		rc = is_present(walk, &state->snapshot, &present, err);
	return rc == 0 && present ? 1 : rc;
}

/* Lock it, if somebody else does not have it for longer than a moment. */
static int
lock(int fd)
{
	const struct timespec nap = { 0, LOCK_NAP_NS };
	int rc, tries = 0;

	while ((rc = flock(fd, LOCK_EX | LOCK_NB)) != 0 &&
	    errno == EWOULDBLOCK && ++tries < LOCK_TRIES)
		nanosleep(&nap, NULL);
	return rc;
}

/* Remove it, unless somebody works on it. */
static void
remove_one(struct walk *walk, const char *name, int fd)
{
	if (lock(fd) == 0)
		unlinkat(walk->store->state, name, 0);
}

/* What cannot be known for what it is stays. */
static int
sweep_one(struct walk *walk, const char *name, int fd, struct err *err)
{
	struct partial_state state;
	int rc;

	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return 0;
	rc = look_at(walk, name, fd, &state, err);
	if (rc > 0)
		remove_one(walk, name, fd);
	return rc < 0 ? rc : 0;
}

void
partial_sweep(const struct store *store)
{
	struct walk walk = { .store = store };
	struct err unread = ERR_INIT;

	walk_partials(&walk, sweep_one, &unread);
}

static int
remove_snapshot(struct walk *walk, const char *name, int fd, struct err *err)
{
	struct partial_state state;
	const int rc = partial_state_read(fd, name, &state, err);

	if (rc == 0 && uuid_equal(&state.snapshot, walk->snapshot))
		remove_one(walk, name, fd);
	return rc < 0 ? rc : 0;
}

void
partial_kept_remove(const struct store *store, const struct uuid *snapshot)
{
	struct walk walk = { .store = store, .snapshot = snapshot };
	struct err unread = ERR_INIT;

	walk_partials(&walk, remove_snapshot, &unread);
}

/* Was it to become a snapshot older than this one of its live file? */
static bool
is_older(const struct partial_state *state, const struct seal *received)
{
	const struct seal seal = {
		.generation = state->generation, .cut = state->cut,
		.created = state->created,
	};

	return uuid_equal(&state->lineage, &received->lineage) &&
	    strcmp(state->origin, received->origin) == 0 &&
	    seal_compare_age(&seal, received) < 0;
}

static int
remove_older(struct walk *walk, const char *name, int fd, struct err *err)
{
	struct partial_state state;
	const int rc = partial_state_read(fd, name, &state, err);

	if (rc == 0 && is_older(&state, walk->received))
		remove_one(walk, name, fd);
	return rc < 0 ? rc : 0;
}

void
partial_kept_remove_older(const struct store *store,
    const struct seal *received)
{
	struct walk walk = { .store = store, .received = received };
	struct err unread = ERR_INIT;

	if (!uuid_is_nil(&received->lineage))
		walk_partials(&walk, remove_older, &unread);
}

/* Would it be a snapshot of the same live file, or the same plain copy? */
static bool
same_origin(const struct partial_state *a, const struct partial_state *b)
{
	return strcmp(a->origin, b->origin) == 0 &&
	    (a->origin[0] != '\0' || strcmp(a->name, b->name) == 0);
}

static int
remove_other(struct walk *walk, const char *name, int fd, struct err *err)
{
	struct partial_state state;
	const int rc = strcmp(name, walk->partial->name) == 0 ? 1 :
	    partial_state_read(fd, name, &state, err);

	if (rc == 0 && same_origin(&state, walk->kept))
		remove_one(walk, name, fd);
	return rc < 0 ? rc : 0;
}

void
partial_kept_remove_others(const struct partial *partial,
    const struct partial_state *state)
{
	struct walk walk = { .store = partial->store, .partial = partial,
	    .kept = state };
	struct err unread = ERR_INIT;

	walk_partials(&walk, remove_other, &unread);
}

static int
list_one(struct walk *walk, const char *name, int fd, struct err *err)
{
	struct partial_state state, *grown;
	const int rc = look_at(walk, name, fd, &state, err);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (flock(fd, LOCK_SH | LOCK_NB) != 0) {
		walk->busy = true;
		return 0;
	}
	grown = realloc(walk->list, (walk->count + 1) * sizeof(*grown));
	if (grown == NULL)
		return err_sys(err, ERR_FAILED, "list of partials");
	walk->list = grown;
	grown[walk->count++] = state;
	return 0;
}

static int
compare_names(const void *a, const void *b)
{
	const struct partial_state *x = a, *y = b;
	const int order = strcmp(x->origin, y->origin);

	return order != 0 ? order : strcmp(x->name, y->name);
}

int
partial_kept_list(const struct store *store, struct partial_state **list,
    size_t *count, bool *busy, struct err *err)
{
	struct walk walk = { .store = store };
	const int rc = walk_partials(&walk, list_one, err);

	if (rc != 0) {
		free(walk.list);
		return rc;
	}
	if (walk.count > 1)
		qsort(walk.list, walk.count, sizeof(*walk.list),
		    compare_names);
	*list = walk.list;
	*count = walk.count;
	*busy = walk.busy;
	return 0;
}

/* Than the one that was found before? */
static bool
is_better(const struct walk *walk, const struct partial_state *state)
{
	const bool brought = uuid_equal(&state->stream, walk->stream);

	if (walk->name[0] == '\0' || brought != walk->brought)
		return walk->name[0] == '\0' || brought;
	return state->offset > walk->offset;
}

static int
find_snapshot(struct walk *walk, const char *name, int fd, struct err *err)
{
	struct partial_state state;
	const int rc = partial_state_read(fd, name, &state, err);

	if (rc == 0 && uuid_equal(&state.snapshot, walk->snapshot) &&
	    strlen(name) < sizeof(walk->name) && is_better(walk, &state)) {
		strcpy(walk->name, name);
		walk->brought = uuid_equal(&state.stream, walk->stream);
		walk->offset = state.offset;
	}
	return rc < 0 ? rc : 0;
}

/* Returns 0; 1 if the file is gone. */
static int
lock_partial(const struct partial *partial, struct err *err)
{
	struct stat st;
	const int rc = lock(partial->fd);

	if (rc != 0 && errno == EWOULDBLOCK)
		return err_set(err, ERR_LOCKED, "%s: another run works on the "
		    "snapshot that is to be gone on with",
		    partial->store->path);
	if (rc != 0 || fstat(partial->fd, &st) != 0)
		return err_sys(err, ERR_FAILED, "%s", partial->name);
	return st.st_nlink == 0 ? 1 : 0;
}

int
partial_kept_open(const struct store *store, const struct uuid *snapshot,
    const struct uuid *stream, struct partial *partial,
    struct partial_state *state, struct err *err)
{
	struct walk walk = { .store = store, .snapshot = snapshot,
	    .stream = stream };
	int rc = walk_partials(&walk, find_snapshot, err);

	if (rc != 0 || walk.name[0] == '\0')
		return rc != 0 ? rc : 1;
	partial->store = store;
	memcpy(partial->name, walk.name, sizeof(partial->name));
	partial->fd = beneath_open(store->state, partial->name, O_RDWR, 0);
	if (partial->fd < 0)
		return err_sys(err, ERR_FAILED, "cannot open %s",
		    partial->name);
	rc = lock_partial(partial, err);
	if (rc == 0)
		rc = partial_state_read(partial->fd, partial->name, state,
		    err);
	if (rc != 0)
		partial_leave(partial);
	return rc;
}
