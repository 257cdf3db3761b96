/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * enter.c - go to the directory that a request names.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/beneath.h"
#include "common/io.h"
#include "serve/enter.h"

#define DIRECTORY_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

/* How a path is opened: beneath top, or anywhere. */
static int
open_path(int top, bool restricted, const char *path)
{
	if (restricted)
		return beneath_open(top, path, DIRECTORY_FLAGS, 0);
	return openat(top, path, DIRECTORY_FLAGS);
}

/* A path from the root on, as the part of it below top; NULL if it is not. */
static const char *
below_top(const char *top, const char *path)
{
	size_t length;

	if (path[0] != '/')
		return path;
	length = strlen(top);
	while (length > 0 && top[length - 1] == '/')
		length--;
	if (strncmp(path, top, length) != 0 ||
	    (path[length] != '/' && path[length] != '\0'))
		return NULL;
	path += length;
	while (*path == '/')
		path++;
	return path;
}

/* The directory is missing: make its last component. */
static int
make_last(int top, bool restricted, const char *path, struct err *err)
{
	char *parent = strdup(path), *name;
	int fd = -1, rc = 0;

	if (parent == NULL)
		return err_sys(err, ERR_FAILED, "%s", path);
	for (size_t n = strlen(parent); n > 1 && parent[n - 1] == '/'; n--)
		parent[n - 1] = '\0';
	name = strrchr(parent, '/');
	if (name == NULL) {
		fd = open_path(top, restricted, ".");
		name = parent;
	} else {
		*name++ = '\0';
		fd = open_path(top, restricted, *parent != '\0' ? parent : "/");
	}
	if (fd < 0 || (mkdirat(fd, name, 0777) != 0 && errno != EEXIST) ||
	    io_sync_directory(fd) != 0)
		rc = err_sys(err, ERR_FAILED, "cannot make %s", path);
	if (fd >= 0)
		close(fd);
	free(parent);
	return rc;
}

static int
enter_from(int top, bool restricted, const char *path, bool make,
    struct err *err)
{
	int fd = open_path(top, restricted, path);
	int rc = 0;

	if (fd < 0 && errno == ENOENT && make) {
		rc = make_last(top, restricted, path, err);
		if (rc != 0)
			return rc;
		fd = open_path(top, restricted, path);
	}
	if (fd < 0 && restricted && (errno == EXDEV || errno == ELOOP))
		return err_set(err, ERR_FAILED, "%s leads out of the directory "
		    "that this key is restricted to", path);
	if (fd < 0 || fchdir(fd) != 0)
		rc = err_sys(err, ERR_FAILED, "%s", path);
	if (fd >= 0)
		close(fd);
	return rc;
}

int
enter(const char *top, bool restricted, const char *path, bool make,
    struct err *err)
{
	const char *below = path;
	int fd, rc;

	if (restricted) {
		below = below_top(top, path);
		if (below == NULL)
			return err_set(err, ERR_FAILED, "%s is outside of the "
			    "directory that this key is restricted to", path);
	}
	fd = open(top != NULL ? top : ".", DIRECTORY_FLAGS);
	if (fd < 0)
		return err_sys(err, ERR_FAILED, "%s", top != NULL ? top : ".");
	rc = enter_from(fd, restricted, *below != '\0' ? below : ".", make,
	    err);
	close(fd);
	return rc;
}
