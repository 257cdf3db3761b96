/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * beneath.c - open paths that cannot leave a directory.
 */
#include "config.h"

#include <errno.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/beneath.h"
#include "common/io.h"

int
beneath_open(int dirfd, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
		.mode = flags & (O_CREAT | __O_TMPFILE) ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
		    RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	/* EAGAIN: a rename elsewhere raced with the walk, see openat2(2). */
	do
		fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
	while (fd < 0 && (errno == EAGAIN || errno == EINTR));
	return (int)fd;
}

int
beneath_make_directory(int dirfd, const char *where, const char *name,
    mode_t mode, enum err_code unsafe, int *fd, bool *made, struct err *err)
{
	*made = mkdirat(dirfd, name, mode) == 0;
	if (!*made && errno != EEXIST)
		return err_sys(err, ERR_FAILED, "cannot make directory %s/%s",
		    where, name);
	if (*made && io_sync_directory(dirfd) != 0)
		return err_sys(err, ERR_FAILED, "cannot sync directory %s",
		    where);
	*fd = beneath_open(dirfd, name, O_RDONLY | O_DIRECTORY, 0);
	if (*fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		return err_set(err, unsafe, "%s/%s is not a directory but a "
		    "symbolic link or other file: refusing to use it", where,
		    name);
	if (*fd < 0)
		return err_sys(err, ERR_FAILED, "cannot open directory %s/%s",
		    where, name);
	return 0;
}
