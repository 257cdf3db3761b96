/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hold.c - names that keep a snapshot from being deleted.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/beneath.h"
#include "common/io.h"
#include "snapshot/hold.h"

#define HOLDS_DIRECTORY "holds"
#define HOLD_NAME_SIZE (UUID_TEXT_SIZE + HOLD_TAG_MAX + 1)

int
hold_check_tag(const char *tag, struct err *err)
{
	if (tag[0] == '\0' || strlen(tag) > HOLD_TAG_MAX)
		return err_set(err, ERR_USAGE,
		    "a tag has 1 to %d characters", HOLD_TAG_MAX);
	for (const char *p = tag; *p != '\0'; p++) {
		if (*p == '/' || (unsigned char)*p < 0x20 || *p == 0x7f)
			return err_set(err, ERR_USAGE, "a tag has no slash "
			    "and no control characters");
	}
	return 0;
}

static void
file_name(const struct uuid *id, const char *tag, char name[HOLD_NAME_SIZE])
{
	char text[UUID_TEXT_SIZE];

	snprintf(name, HOLD_NAME_SIZE, "%s.%s", uuid_format(id, text), tag);
}

int
hold_add(const struct store *store, const struct uuid *id, const char *tag,
    struct err *err)
{
	char name[HOLD_NAME_SIZE];
	bool made;
	int dir, fd, rc = 0;

	rc = beneath_make_directory(store->state, store->path, HOLDS_DIRECTORY,
	    0755, store->unsafe, &dir, &made, err);
	if (rc != 0)
		return rc;
	file_name(id, tag, name);
	fd = beneath_open(dir, name, O_WRONLY | O_CREAT | O_NONBLOCK |
	    O_NOCTTY, 0644);
	if (fd < 0 || fsync(fd) != 0 || io_sync_directory(dir) != 0)
		rc = err_sys(err, ERR_FAILED, "cannot record the hold %s", tag);
	if (fd >= 0)
		close(fd);
	close(dir);
	return rc;
}

int
hold_remove(const struct store *store, const struct uuid *id, const char *tag,
    struct err *err)
{
	char name[HOLD_NAME_SIZE];
	int dir, rc = 0;

	file_name(id, tag, name);
	dir = store->state < 0 ? -1 : beneath_open(store->state,
	    HOLDS_DIRECTORY, O_RDONLY | O_DIRECTORY, 0);
	if (dir < 0 || unlinkat(dir, name, 0) != 0)
		rc = errno == ENOENT || store->state < 0 ?
		    err_set(err, ERR_FAILED, "there is no hold %s", tag) :
		    err_sys(err, ERR_FAILED, "cannot release the hold %s", tag);
	else if (io_sync_directory(dir) != 0)
		rc = err_sys(err, ERR_FAILED, "cannot release the hold %s", tag);
	if (dir >= 0)
		close(dir);
	return rc;
}

static int
compare_tags(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
add_tag(struct holds *holds, const char *tag, struct err *err)
{
	char **grown = realloc(holds->tags,
	    (holds->count + 1) * sizeof(*grown));

	if (grown == NULL)
		return err_sys(err, ERR_FAILED, "holds");
	holds->tags = grown;
	grown[holds->count] = strdup(tag);
	if (grown[holds->count] == NULL)
		return err_sys(err, ERR_FAILED, "holds");
	holds->count++;
	return 0;
}

/* The tags in a directory of holds: names that begin with prefix. */
static int
read_tags(DIR *dir, const char *path, const char *prefix,
    struct holds *holds, struct err *err)
{
	const size_t length = strlen(prefix);
	struct dirent *entry;
	int rc = 0;

	while (rc == 0) {
		errno = 0;
		entry = readdir(dir);
		if (entry == NULL)
			return errno == 0 ? 0 : err_sys(err, ERR_FAILED,
			    "%s: cannot read the holds", path);
		if (strncmp(entry->d_name, prefix, length) == 0)
			rc = add_tag(holds, entry->d_name + length, err);
	}
	return rc;
}

int
hold_list(const struct store *store, const struct uuid *id,
    struct holds *holds, struct err *err)
{
	char prefix[HOLD_NAME_SIZE];
	DIR *dir;
	int fd, rc;

	memset(holds, 0, sizeof(*holds));
	fd = store->state < 0 ? -1 : beneath_open(store->state,
	    HOLDS_DIRECTORY, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return store->state < 0 || errno == ENOENT ? 0 :
		    err_sys(err, ERR_FAILED, "%s: cannot read the holds",
		    store->path);
	dir = fdopendir(fd);
	if (dir == NULL) {
		close(fd);
		return err_sys(err, ERR_FAILED, "%s: cannot read the holds",
		    store->path);
	}
	file_name(id, "", prefix);
	rc = read_tags(dir, store->path, prefix, holds, err);
	closedir(dir);
	if (rc != 0)
		holds_free(holds);
	else if (holds->count > 1)
		qsort(holds->tags, holds->count, sizeof(*holds->tags),
		    compare_tags);
	return rc;
}

void
holds_free(struct holds *holds)
{
	for (size_t i = 0; i < holds->count; i++)
		free(holds->tags[i]);
	free(holds->tags);
	memset(holds, 0, sizeof(*holds));
}
