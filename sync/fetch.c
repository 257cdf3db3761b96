/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fetch.c - bring something here: a pull, or a restore.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "snapshot/catalog.h"
#include "snapshot/hold.h"
#include "snapshot/store.h"
#include "snapshot/writable.h"
#include "sync/fetch.h"
#include "sync/retry.h"
#include "sync/tag.h"

/* A path in two: the directory, and the name in it.  Both are to be freed. */
static int
split(const char *path, char **directory, char **name, struct err *err)
{
	const char *slash = strrchr(path, '/');
	const char *last = slash != NULL ? slash + 1 : path;

	*directory = slash == NULL ? strdup(".") :
	    strndup(path, slash == path ? 1 : (size_t)(slash - path));
	*name = strdup(last);
	if (*directory == NULL || *name == NULL)
		return err_sys(err, ERR_FAILED, "%s", path);
	if (!record_name_safe((const uint8_t *)last, strlen(last)))
		return err_set(err, ERR_USAGE, "%s is not the path of a file",
		    path);
	return 0;
}

/* Where the snapshot lies now: the name may be another than at the source. */
static int
find_here(const char *directory, struct fetch_result *result, struct err *err)
{
	const struct catalog_entry *entry;
	struct store store = STORE_INIT;
	struct catalog catalog = { NULL, 0 };
	int rc;

	rc = store_open(directory, false, ERR_FAILED, &store, err);
	if (rc == 0)
		rc = catalog_read(&store, &catalog, err);
	if (rc == 0) {
		entry = catalog_find(&catalog, &result->pull.id);
		if (entry != NULL)
			result->snapshot = store_file_path(&store,
			    entry->kept, entry->name);
		if (result->snapshot == NULL)
			rc = err_set(err, ERR_FAILED, "%s: what was brought "
			    "is gone again", directory);
	}
	catalog_free(&catalog);
	store_close(&store);
	return rc;
}

/* From one location to another. */
struct route {
	struct location from, to;
};

static int
fetch_once(const struct route *route, const struct fetch_options *options,
    const struct pull_options *pull_options, struct pull_result *result,
    struct attempt *attempt, struct err *err)
{
	struct peer there = PEER_INIT, here = PEER_INIT;
	int rc;

	memset(result, 0, sizeof(*result));
	rc = peer_open(&route->from, "refsend", false, &options->transport,
	    &there, err);
	if (rc == 0)
		rc = peer_open(&route->to, "refrecv", false,
		    &options->transport, &here, err);
	if (rc == 0)
		rc = pull(&there, &here, pull_options, result, err);
	rc = peer_close(&here, rc, err);
	rc = peer_close(&there, rc, err);
	*attempt = (struct attempt){
		.connected = there.answered, .lost = there.lost,
		.durable = result->durable,
	};
	return rc;
}

/* Bring the snapshot of directory/file at source to the directory here. */
static int
fetch(const struct location *source, char *far_directory,
    const char *directory, const struct fetch_options *options,
    const struct pull_options *pull_options, struct fetch_result *result,
    struct err *err)
{
	const struct route route = {
		{ source->user, source->host, far_directory },
		{ NULL, NULL, (char *)(uintptr_t)directory },
	};
	struct retry retry = { .limit = options->retry };
	struct pull_options pull_now = *pull_options;
	char taken[RECORD_NAME_MAX + 1];
	struct attempt attempt;
	int rc;

	do {
		rc = fetch_once(&route, options, &pull_now, &result->pull,
		    &attempt, err);
		/* The next try goes on with that, it takes no other one. */
		if (pull_now.create && result->pull.name[0] != '\0') {
			strcpy(taken, result->pull.name);
			pull_now.create = false;
			pull_now.name = taken;
		}
	} while (retry_again(&retry, &attempt, rc, options->notify, err));
	rc = -(int)err->code;
	return rc == 0 ? find_here(directory, result, err) : rc;
}

/* What lies there is no live file. */
static bool
is_snapshot_directory(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strcmp(slash != NULL ? slash + 1 : path, STORE_SNAPSHOTS) == 0;
}

int
fetch_pull(const struct location *source, const char *directory,
    const struct fetch_options *options, struct fetch_result *result,
    struct err *err)
{
	struct pull_options pull_options = options->pull;
	char *far = NULL, *file = NULL, tag[HOLD_TAG_MAX + 1];
	int rc;

	memset(result, 0, sizeof(*result));
	rc = split(source->path, &far, &file, err);
	if (rc == 0 && is_snapshot_directory(far))
		rc = err_set(err, ERR_USAGE, "%s is a snapshot: name the file, "
		    "of which one is taken, or use --restore", source->path);
	if (rc == 0 && mkdir(directory, 0777) != 0 && errno != EEXIST)
		rc = err_sys(err, ERR_FAILED, "cannot make %s", directory);
	if (rc == 0)
		rc = tag_make(source, directory, tag, err);
	pull_options.origin = file;
	pull_options.tag = tag;
	if (rc == 0)
		rc = fetch(source, far, directory, options, &pull_options,
		    result, err);
	free(far);
	free(file);
	return rc;
}

static int
replace(const char *target, const struct fetch_options *options,
    struct fetch_result *result, struct err *err)
{
	struct restore_result restored;
	const int rc = writable_restore(result->snapshot, target,
	    options->force, options->notify, &restored, err);

	result->target = restored.target;
	result->saved = restored.saved;
	snapshot_close(&restored.snapshot);
	return rc;
}

int
fetch_restore(const struct location *source, const char *target,
    const struct fetch_options *options, struct fetch_result *result,
    struct err *err)
{
	struct pull_options pull_options = options->pull;
	char *far = NULL, *file = NULL, *near = NULL, *name = NULL;
	int rc;

	memset(result, 0, sizeof(*result));
	rc = split(source->path, &far, &file, err);
	if (rc == 0)
		rc = split(target, &near, &name, err);
	pull_options.origin = file;
	pull_options.as = name;
	if (rc == 0)
		rc = fetch(source, far, near, options, &pull_options, result,
		    err);
	if (rc == 0)
		rc = replace(target, options, result, err);
	free(far);
	free(file);
	free(near);
	free(name);
	return rc;
}

void
fetch_result_free(struct fetch_result *result)
{
	free(result->snapshot);
	free(result->target);
	free(result->saved);
	memset(result, 0, sizeof(*result));
}
