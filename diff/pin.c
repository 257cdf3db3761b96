/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pin.c - a private clone of a file, to be mapped in its place.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fsioctl.h"
#include "diff/pin.h"

/* A nameless file in the directory of path, or -1. */
static int
nameless_beside(const char *path)
{
	char *copy = strdup(path);
	int fd = -1;

	if (copy != NULL)
		fd = open(dirname(copy), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	free(copy);
	return fd;
}

int
pin_snapshot(const struct snapshot *snapshot, const struct snapshot *other,
    int *fd, struct err *err)
{
	*fd = nameless_beside(snapshot->path);
	if (*fd < 0)
		*fd = nameless_beside(other->path);
	if (*fd < 0)
		return 1;
	if (fsync(snapshot->fd) != 0 || fs_clone(snapshot->fd, *fd) != 0) {
		const int rc = fs_clone_unsupported(errno) ? 1 :
		    err_sys(err, ERR_FAILED, "cannot clone %s to map it",
		    snapshot->path);

		close(*fd);
		*fd = -1;
		return rc;
	}
	return 0;
}
