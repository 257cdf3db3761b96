/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * failing_calls.c - stand in front of the calls of the system.
 */
#undef _FORTIFY_SOURCE	/* its inline functions have the names below */
#include "config.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/fault/failing.h"

/* The body of a call that fails, or is passed on as it is. */
#define PASS_ON(kind, name, ...) \
	return failing_turn(kind) == TURN_FAIL ? -1 : \
	    FAILING_NEXT(name)(__VA_ARGS__)

/* ---- contents ---- */

ssize_t
read(int fd, void *data, size_t size)
{
	const enum failing_turn turn = failing_turn("read");

	return turn == TURN_FAIL ? -1 :
	    FAILING_NEXT(read)(fd, data, failing_part(turn, size));
}

ssize_t
pread(int fd, void *data, size_t size, off_t offset)
{
	const enum failing_turn turn = failing_turn("pread");

	return turn == TURN_FAIL ? -1 :
	    FAILING_NEXT(pread)(fd, data, failing_part(turn, size), offset);
}

ssize_t
write(int fd, const void *data, size_t size)
{
	const enum failing_turn turn = failing_turn("write");

	return turn == TURN_FAIL ? -1 :
	    FAILING_NEXT(write)(fd, data, failing_part(turn, size));
}

ssize_t
pwrite(int fd, const void *data, size_t size, off_t offset)
{
	const enum failing_turn turn = failing_turn("pwrite");

	return turn == TURN_FAIL ? -1 :
	    FAILING_NEXT(pwrite)(fd, data, failing_part(turn, size), offset);
}

int
ftruncate(int fd, off_t size)
{
	PASS_ON("ftruncate", ftruncate, fd, size);
}

int
fallocate(int fd, int mode, off_t offset, off_t length)
{
	PASS_ON("fallocate", fallocate, fd, mode, offset, length);
}

off_t
lseek(int fd, off_t offset, int whence)
{
	PASS_ON("lseek", lseek, fd, offset, whence);
}

int
fsync(int fd)
{
	PASS_ON("fsync", fsync, fd);
}

int
ioctl(int fd, unsigned long request, ...)
{
	const char *kind = "ioctl";
	va_list ap;
	void *argument;

	va_start(ap, request);
	argument = va_arg(ap, void *);
	va_end(ap);
	if (request == FICLONE)
		kind = "clone";
	else if (request == FS_IOC_FIEMAP ||
	    request == BTRFS_IOC_TREE_SEARCH_V2)
		kind = "map";
	PASS_ON(kind, ioctl, fd, request, argument);
}

/* ---- names ---- */

/* The mode, if these flags call for one. */
#define MODE_OF(flags, mode) do { \
	va_list ap; \
	va_start(ap, flags); \
	(mode) = (flags) & (O_CREAT | __O_TMPFILE) ? va_arg(ap, mode_t) : 0; \
	va_end(ap); \
} while (0)

int
open(const char *path, int flags, ...)
{
	mode_t mode;

	MODE_OF(flags, mode);
	PASS_ON("open", open, path, flags, mode);
}

int
openat(int dirfd, const char *path, int flags, ...)
{
	mode_t mode;

	MODE_OF(flags, mode);
	PASS_ON("open", openat, dirfd, path, flags, mode);
}

/* openat2() has no name in the C library. */
long
syscall(long number, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	PASS_ON(number == SYS_openat2 ? "open" : "syscall", syscall, number,
	    a[0], a[1], a[2], a[3], a[4], a[5]);
}

int
close(int fd)
{
	/* As the kernel has it: closed all the same. */
	const enum failing_turn turn = failing_turn("close");
	const int error = errno;
	const int rc = FAILING_NEXT(close)(fd);

	if (turn != TURN_FAIL)
		return rc;
	errno = error;
	return -1;
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	PASS_ON("rename", renameat, from_dir, from, to_dir, to);
}

int
renameat2(int from_dir, const char *from, int to_dir, const char *to,
    unsigned flags)
{
	/* Only where this call is missing are names linked. */
	if (failing_is_planned("link") && flags != 0) {
		errno = EINVAL;
		return -1;
	}
	PASS_ON("rename", renameat2, from_dir, from, to_dir, to, flags);
}

int
linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	PASS_ON("link", linkat, from_dir, from, to_dir, to, flags);
}

int
unlink(const char *path)
{
	PASS_ON("unlink", unlink, path);
}

int
unlinkat(int dirfd, const char *path, int flags)
{
	PASS_ON("unlink", unlinkat, dirfd, path, flags);
}

int
mkdirat(int dirfd, const char *path, mode_t mode)
{
	PASS_ON("mkdir", mkdirat, dirfd, path, mode);
}

struct dirent *
readdir(DIR *dir)
{
	return failing_turn("readdir") == TURN_FAIL ? NULL :
	    FAILING_NEXT(readdir)(dir);
}

/* ---- metadata ---- */

int
fstat(int fd, struct stat *st)
{
	PASS_ON("stat", fstat, fd, st);
}

int
fstatat(int dirfd, const char *path, struct stat *st, int flags)
{
	PASS_ON("stat", fstatat, dirfd, path, st, flags);
}

int
statx(int dirfd, const char *path, int flags, unsigned mask,
    struct statx *stx)
{
	PASS_ON("stat", statx, dirfd, path, flags, mask, stx);
}

int
fstatfs(int fd, struct statfs *st)
{
	PASS_ON("stat", fstatfs, fd, st);
}

int
fstatvfs(int fd, struct statvfs *st)
{
	PASS_ON("stat", fstatvfs, fd, st);
}

int
fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)
{
	PASS_ON("setxattr", fsetxattr, fd, name, value, size, flags);
}

int
fremovexattr(int fd, const char *name)
{
	PASS_ON("setxattr", fremovexattr, fd, name);
}

ssize_t
fgetxattr(int fd, const char *name, void *value, size_t size)
{
	PASS_ON("getxattr", fgetxattr, fd, name, value, size);
}

ssize_t
flistxattr(int fd, char *names, size_t size)
{
	PASS_ON("getxattr", flistxattr, fd, names, size);
}

int
fchmod(int fd, mode_t mode)
{
	PASS_ON("chmod", fchmod, fd, mode);
}

int
fchown(int fd, uid_t user, gid_t group)
{
	PASS_ON("chown", fchown, fd, user, group);
}

int
futimens(int fd, const struct timespec times[2])
{
	PASS_ON("times", futimens, fd, times);
}

int
flock(int fd, int operation)
{
	PASS_ON("flock", flock, fd, operation);
}

int
fcntl(int fd, int command, ...)
{
	va_list ap;
	void *argument;

	va_start(ap, command);
	argument = va_arg(ap, void *);
	va_end(ap);
	/* Only of a descriptor that is closed could this one fail. */
	PASS_ON(command == F_GETFD ? "getfd" : "fcntl", fcntl, fd, command,
	    argument);
}

ssize_t
getrandom(void *data, size_t size, unsigned flags)
{
	PASS_ON("random", getrandom, data, size, flags);
}
