/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * catalog.c - find the snapshots of a directory by their seals.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/beneath.h"
#include "snapshot/catalog.h"

/*
 * Is a file that cannot be opened none of ours? It is gone, a link, a device,
 * or of another user.  For any other reason it may well be a snapshot: to go
 * on without it would be to know less than there is.
 */
static bool
is_none_of_ours(int error)
{
	return error == ENOENT || error == ELOOP || error == ENXIO ||
	    error == EACCES || error == EPERM;
}

/* Read seal and identity of an open file; 1 if it is not a sealed one. */
static int
read_seal(int fd, const char *name, struct catalog_entry *entry,
    struct err *err)
{
	struct err unread = ERR_INIT;
	struct stat st;
	int rc;

	if (fstat(fd, &st) != 0)
		return err_sys(err, ERR_FAILED, "%s", name);
	if (!S_ISREG(st.st_mode))
		return 1;
	rc = seal_read(fd, name, &entry->seal, &unread);
	if (rc > 0 || rc == -ERR_IDENTITY)
		return 1;
	if (rc != 0) {
		*err = unread;
		return rc;
	}
	return identity_read(fd, name, &entry->identity, err);
}

/* The entry of one file; 1 if it is not a sealed one. */
static int
read_entry(int dirfd, const char *name, struct catalog_entry *entry,
    struct err *err)
{
	int fd, rc;

	fd = beneath_open(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return is_none_of_ours(errno) ? 1 : err_sys(err, ERR_FAILED,
		    "cannot see whether %s is a snapshot", name);
	rc = read_seal(fd, name, entry, err);
	close(fd);
	if (rc != 0)
		return rc;
	entry->state = seal_check(&entry->seal, &entry->identity, entry->why,
	    sizeof(entry->why));
	entry->name = strdup(name);
	return entry->name != NULL ? 0 : err_sys(err, ERR_FAILED, "%s", name);
}

static int
append(struct catalog *catalog, const struct catalog_entry *entry,
    struct err *err)
{
	struct catalog_entry *grown = catalog->entries;

	/* Grow at every power of two. */
	if ((catalog->count & (catalog->count - 1)) == 0)
		grown = realloc(catalog->entries, sizeof(*grown) *
		    (catalog->count == 0 ? 1 : 2 * catalog->count));
	if (grown == NULL) {
		free(entry->name);
		return err_sys(err, ERR_FAILED, "list of snapshots");
	}
	catalog->entries = grown;
	grown[catalog->count++] = *entry;
	return 0;
}

static int
read_directory(int dirfd, bool kept, const char *path,
    struct catalog *catalog, struct err *err)
{
	const int fd = beneath_open(dirfd, ".", O_RDONLY | O_DIRECTORY, 0);
	struct dirent *dirent;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int rc = 0;

	if (dir == NULL) {
		rc = err_sys(err, ERR_FAILED, "cannot read directory %s", path);
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (rc >= 0) {
		struct catalog_entry entry = { .kept = kept };

		errno = 0;
		dirent = readdir(dir);
		if (dirent == NULL) {
			if (errno != 0)
				rc = err_sys(err, ERR_FAILED,
				    "cannot read directory %s", path);
			break;
		}
		if (dirent->d_type != DT_REG && dirent->d_type != DT_UNKNOWN)
			continue;
		rc = read_entry(dirfd, dirent->d_name, &entry, err);
		if (rc == 0)
			rc = append(catalog, &entry, err);
	}
	closedir(dir);
	return rc < 0 ? rc : 0;
}

static int
compare_entries(const void *a, const void *b)
{
	const struct catalog_entry *x = a, *y = b;
	int order = memcmp(x->seal.lineage.bytes, y->seal.lineage.bytes,
	    UUID_SIZE);

	if (order == 0)
		order = seal_compare_age(&x->seal, &y->seal);
	return order != 0 ? order : strcmp(x->name, y->name);
}

int
catalog_read(const struct store *store, struct catalog *catalog,
    struct err *err)
{
	int rc;

	memset(catalog, 0, sizeof(*catalog));
	rc = read_directory(store->dir, false, store->path, catalog, err);
	if (rc == 0 && store->snapshots >= 0)
		rc = read_directory(store->snapshots, true, store->path,
		    catalog, err);
	if (rc != 0)
		catalog_free(catalog);
	else if (catalog->count > 1)
		qsort(catalog->entries, catalog->count,
		    sizeof(*catalog->entries), compare_entries);
	return rc;
}

const struct catalog_entry *
catalog_find(const struct catalog *catalog, const struct uuid *id)
{
	const struct catalog_entry *found = NULL;

	for (size_t i = 0; i < catalog->count; i++) {
		const struct catalog_entry *entry = &catalog->entries[i];

		if (!uuid_equal(&entry->seal.id, id))
			continue;
		if (entry->state != SEAL_BROKEN)
			return entry;
		found = entry;
	}
	return found;
}

const struct catalog_entry *
catalog_newest(const struct catalog *catalog, const struct uuid *lineage)
{
	for (size_t i = catalog->count; i > 0; i--) {
		const struct catalog_entry *entry = &catalog->entries[i - 1];

		if (entry->state != SEAL_BROKEN &&
		    uuid_equal(&entry->seal.lineage, lineage))
			return entry;
	}
	return NULL;
}

/* Within a lineage by its count: the clock may have been set back. */
static bool
is_newer(const struct seal *a, const struct seal *b)
{
	if (uuid_equal(&a->lineage, &b->lineage))
		return seal_compare_age(a, b) >= 0;
	return time_compare(&a->created, &b->created) >= 0;
}

const struct catalog_entry *
catalog_newest_of(const struct catalog *catalog, const char *origin)
{
	const struct catalog_entry *newest = NULL;

	for (size_t i = 0; i < catalog->count; i++) {
		const struct catalog_entry *entry = &catalog->entries[i];

		if (entry->state != SEAL_BROKEN &&
		    !seal_is_plain(&entry->seal) &&
		    strcmp(entry->seal.origin, origin) == 0 &&
		    (newest == NULL || is_newer(&entry->seal, &newest->seal)))
			newest = entry;
	}
	return newest;
}

void
catalog_free(struct catalog *catalog)
{
	for (size_t i = 0; i < catalog->count; i++)
		free(catalog->entries[i].name);
	free(catalog->entries);
	memset(catalog, 0, sizeof(*catalog));
}
