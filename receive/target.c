/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * target.c - where a replica goes, and what it is built on.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/hash.h"
#include "receive/target.h"
#include "snapshot/catalog.h"

/* Both strings with a dot between; code if that is too long for a name. */
static int
join_name(const char *origin, const char *name, enum err_code code,
    char out[RECORD_NAME_MAX + 1], struct err *err)
{
	if (strlen(origin) + 1 + strlen(name) > RECORD_NAME_MAX)
		return err_set(err, code, "the name %s.%s is longer than "
		    "%d bytes", origin, name, RECORD_NAME_MAX);
	strcpy(out, origin);
	strcat(out, ".");
	strcat(out, name);
	return 0;
}

static int
choose_name(const struct store *store, const struct record_begin *begin,
    const char *as, struct target *target, struct err *err)
{
	/* Whose fault a bad name is. */
	const enum err_code code = as != NULL ? ERR_USAGE : ERR_STREAM;
	int rc = 0;

	target->kept = (begin->flags & RECORD_BEGIN_PLAIN) == 0;
	if (target->kept) {
		strcpy(target->origin, as != NULL ? as : begin->origin);
		strcpy(target->snapshot_name, begin->name);
		rc = join_name(target->origin, begin->name, code, target->name,
		    err);
	} else {
		strcpy(target->name, as != NULL ? as : begin->name);
		strcpy(target->snapshot_name, target->name);
	}
	if (rc != 0)
		return rc;
	/* The tool's own directory, in either place. */
	if (strcmp(target->name, STORE_SNAPSHOTS) == 0 ||
	    strcmp(target->origin, STORE_SNAPSHOTS) == 0 ||
	    strcmp(target->name, STORE_STATE) == 0)
		return err_set(err, code, "the name %s is reserved",
		    target->name);
	target->path = store_file_path(store, target->kept, target->name);
	if (target->path == NULL)
		return err_sys(err, ERR_FAILED, "%s", target->name);
	return 0;
}

/* The name must be free. */
static int
check_name(const struct store *store, const struct target *target,
    struct err *err)
{
	const int dirfd = target->kept ? store->snapshots : store->dir;
	struct stat st;

	if (dirfd < 0 ||
	    fstatat(dirfd, target->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	if (S_ISLNK(st.st_mode))
		return err_set(err, ERR_STREAM, "%s is a symbolic link: "
		    "refusing to receive there", target->path);
	return err_set(err, ERR_IDENTITY, "%s exists already and is not this "
	    "snapshot", target->path);
}

/* One origin, one lineage: two sources must not mix under one name. */
static int
check_lineage(const struct catalog *catalog, const struct record_begin *begin,
    const struct target *target, struct err *err)
{
	for (size_t i = 0; target->kept && i < catalog->count; i++) {
		const struct catalog_entry *entry = &catalog->entries[i];

		if (entry->state == SEAL_BROKEN ||
		    strcmp(entry->seal.origin, target->origin) != 0 ||
		    uuid_equal(&entry->seal.lineage, &begin->lineage))
			continue;
		return err_set(err, ERR_IDENTITY, "%s here has snapshots of "
		    "another file of that name (such as %s); --as NAME "
		    "receives this one under another name", target->origin,
		    entry->name);
	}
	return 0;
}

/* The base is not here: is there something else under its name? */
static int
explain_missing_base(const struct store *store,
    const struct record_begin *begin, const struct target *target,
    struct err *err)
{
	char name[RECORD_NAME_MAX + 1], id[UUID_TEXT_SIZE];
	struct err too_long = ERR_INIT;
	struct stat st;

	uuid_format(&begin->base, id);
	if (store->snapshots >= 0 && target->kept &&
	    join_name(target->origin, begin->base_name, ERR_STREAM, name,
	    &too_long) == 0 &&
	    fstatat(store->snapshots, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return err_set(err, ERR_IDENTITY, "%s/" STORE_SNAPSHOTS
		    "/%s is there, but is not the base (snapshot %s)",
		    store->path, name, id);
	if (fstatat(store->dir, begin->base_name, &st,
	    AT_SYMLINK_NOFOLLOW) == 0)
		return err_set(err, ERR_IDENTITY, "%s/%s is there, but is not "
		    "the base (snapshot %s)", store->path, begin->base_name,
		    id);
	return err_set(err, ERR_NOBASE, "%s does not have the base %s "
	    "(snapshot %s): send it first, or send this one whole",
	    store->path, begin->base_name, id);
}

bool
target_digest_differs(const struct digest *mine,
    const struct record_digest *theirs)
{
	return mine->algorithm != DIGEST_NONE &&
	    mine->algorithm == theirs->algorithm &&
	    mine->block_size == theirs->block_size &&
	    !hash_matches(theirs->value, mine->value, sizeof(mine->value));
}

/* Is the base here the base there, as far as both know? */
static int
check_base(const struct record_begin *begin, const struct snapshot *base,
    struct err *err)
{
	if (base->identity.size != begin->base_size)
		return err_set(err, ERR_IDENTITY, "%s has another size than "
		    "the sender's base", base->path);
	if (target_digest_differs(&base->seal.digest, &begin->base_digest))
		return err_set(err, ERR_IDENTITY, "%s has another digest than "
		    "the sender's base", base->path);
	return 0;
}

static int
open_base(const struct store *store, const struct catalog *catalog,
    const struct record_begin *begin, const struct notify *notify,
    struct target *target, struct err *err)
{
	const struct catalog_entry *entry = catalog_find(catalog,
	    &begin->base);
	char *path;
	int rc;

	if (entry == NULL)
		return explain_missing_base(store, begin, target, err);
	if (entry->state == SEAL_BROKEN)
		return err_set(err, ERR_IDENTITY, "%s/%s%s should be the base, "
		    "but %s", store->path, entry->kept ? STORE_SNAPSHOTS "/" :
		    "", entry->name, entry->why);
	path = store_file_path(store, entry->kept, entry->name);
	if (path == NULL)
		return err_sys(err, ERR_FAILED, "%s", entry->name);
	rc = snapshot_open(entry->kept ? store->snapshots : store->dir,
	    entry->name, path, notify, &target->base, err);
	free(path);
	if (rc != 0)
		return rc;
	target->based = true;
	/* The name may have been given to another file since the catalog. */
	if (!target->base.sealed ||
	    !uuid_equal(&target->base.seal.id, &begin->base))
		return err_set(err, ERR_IDENTITY, "%s was replaced meanwhile",
		    target->base.path);
	return check_base(begin, &target->base, err);
}

/* The snapshot is there already, maybe under another name. */
static int
choose_present(const struct store *store, const struct record_begin *begin,
    const struct catalog_entry *entry, struct target *target, struct err *err)
{
	target->present = true;
	target->digest = entry->seal.digest;
	target->kept = entry->kept;
	memcpy(target->origin, entry->seal.origin, sizeof(target->origin));
	free(target->path);
	target->path = store_file_path(store, entry->kept, entry->name);
	if (target->path == NULL)
		return err_sys(err, ERR_FAILED, "%s", entry->name);
	if (entry->identity.size != begin->size)
		return err_set(err, ERR_IDENTITY, "%s is this snapshot, but "
		    "has another size than the sender's", target->path);
	return 0;
}

int
target_choose(const struct store *store, const struct record_begin *begin,
    const char *as, const struct notify *notify, struct target *target,
    struct err *err)
{
	static const struct target empty = TARGET_INIT;
	const struct catalog_entry *entry;
	struct catalog catalog;
	int rc;

	*target = empty;
	rc = choose_name(store, begin, as, target, err);
	if (rc == 0)
		rc = catalog_read(store, &catalog, err);
	if (rc != 0)
		return rc;
	entry = catalog_find(&catalog, &begin->snapshot);
	if (entry != NULL && entry->state != SEAL_BROKEN) {
		rc = choose_present(store, begin, entry, target, err);
		catalog_free(&catalog);
		return rc;
	}
	rc = check_name(store, target, err);
	if (rc == 0)
		rc = check_lineage(&catalog, begin, target, err);
	if (rc == 0 && !uuid_is_nil(&begin->base))
		rc = open_base(store, &catalog, begin, notify, target, err);
	catalog_free(&catalog);
	return rc;
}

void
target_close(struct target *target)
{
	snapshot_close(&target->base);
	free(target->path);
	target->path = NULL;
}
