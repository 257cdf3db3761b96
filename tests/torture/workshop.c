/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * workshop.c - the directories and open files of one history.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fsioctl.h"
#include "tests/torture/workshop.h"

#define PAGE 4096
#define OPEN_DIRECTORIES 8

char *
path_format(const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	return text;
}

static int
remove_entry(const char *path, const struct stat *st, int flag,
    struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path) != 0 && errno != ENOENT;
}

static void
remove_tree(const char *path)
{
	nftw(path, remove_entry, OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS);
}

static int
make_directory(const char *path, struct err *err)
{
	remove_tree(path);
	if (mkdir(path, 0777) != 0)
		return err_sys(err, ERR_FAILED, "%s", path);
	return 0;
}

static int
name_all(const struct place *place, uint64_t seed, struct workshop *shop)
{
	shop->directory = path_format("%s/h%" PRIu64, place->source, seed);
	shop->snapshots = path_format("%s/.snapshot", shop->directory);
	shop->live = path_format("%s/file", shop->directory);
	shop->work.path = shop->live;
	for (size_t i = 0; i < place->replica_count; i++) {
		shop->replicas[i] = path_format("%s/r%" PRIu64 ".%zu",
		    place->replicas[i], seed, i);
		shop->stores[i] = path_format("%s/.snapshot",
		    shop->replicas[i]);
		if (shop->stores[i] == NULL || shop->replicas[i] == NULL)
			return -1;
	}
	return shop->directory == NULL || shop->snapshots == NULL ||
	    shop->live == NULL ? -1 : 0;
}

static int
open_files(struct workshop *shop, struct err *err)
{
	struct workpiece *work = &shop->work;
	char *other = path_format("%s/other", shop->directory);
	struct fs_info info;

	work->fd = open(shop->live, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
	    0644);
	/* A file system without O_DIRECT does without. */
	work->direct = open(shop->live, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (other != NULL)
		work->other = open(other, O_RDWR | O_CREAT | O_EXCL |
		    O_CLOEXEC, 0644);
	free(other);
	if (work->fd < 0 || work->other < 0 || fs_info(work->fd, &info) != 0)
		return err_sys(err, ERR_FAILED, "%s", shop->live);
	work->block = info.block_size;
	return 0;
}

int
workshop_open(const struct place *place, uint64_t seed, uint64_t limit,
    struct workshop *shop, struct err *err)
{
	void *buffer;
	int rc = 0;

	memset(shop, 0, sizeof(*shop));
	shop->work.fd = shop->work.direct = shop->work.other = -1;
	shop->work.limit = limit;
	shop->replica_count = place->replica_count;
	if (name_all(place, seed, shop) != 0)
		return err_sys(err, ERR_FAILED, "a name");
	if ((errno = posix_memalign(&buffer, PAGE, limit)) != 0)
		return err_sys(err, ERR_FAILED, "a buffer");
	shop->work.buffer = buffer;
	rc = make_directory(shop->directory, err);
	for (size_t i = 0; rc == 0 && i < place->replica_count; i++)
		rc = make_directory(shop->replicas[i], err);
	return rc != 0 ? rc : open_files(shop, err);
}

static void
close_files(struct workpiece *work)
{
	if (work->fd >= 0)
		close(work->fd);
	if (work->direct >= 0)
		close(work->direct);
	if (work->other >= 0)
		close(work->other);
	free(work->buffer);
}

void
workshop_close(struct workshop *shop, bool keep)
{
	close_files(&shop->work);
	if (!keep && shop->directory != NULL)
		remove_tree(shop->directory);
	for (size_t i = 0; i < shop->replica_count; i++) {
		if (!keep && shop->replicas[i] != NULL)
			remove_tree(shop->replicas[i]);
		free(shop->replicas[i]);
		free(shop->stores[i]);
	}
	free(shop->directory);
	free(shop->snapshots);
	free(shop->live);
}

/* Is there a partial in the state of a store? */
static int
check_store(const char *store, struct err *err)
{
	char *path = path_format("%s/.refsend", store);
	DIR *state = path != NULL ? opendir(path) : NULL;
	struct dirent *entry;
	int rc = 0;

	while (state != NULL && rc == 0 && (entry = readdir(state)) != NULL) {
		if (strncmp(entry->d_name, "partial.", 8) == 0)
			rc = err_set(err, ERR_FAILED, "%s/%s was left", path,
			    entry->d_name);
	}
	if (state != NULL)
		closedir(state);
	free(path);
	return rc;
}

int
workshop_check_left(const struct workshop *shop, struct err *err)
{
	int rc = check_store(shop->snapshots, err);

	for (size_t i = 0; rc == 0 && i < shop->replica_count; i++)
		rc = check_store(shop->stores[i], err);
	return rc;
}
