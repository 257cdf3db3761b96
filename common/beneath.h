/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * beneath.h - open paths that cannot leave a directory.
 *
 * openat2(2) with RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS and
 * RESOLVE_NO_MAGICLINKS: no component may be a symbolic link, and none leads
 * above the directory.
 */
#ifndef COMMON_BENEATH_H
#define COMMON_BENEATH_H

#include <fcntl.h>
#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"

/*
 * Open path beneath the directory dirfd, with O_CLOEXEC added to flags.
 * Returns the file descriptor, or -1 with errno: ELOOP for a symbolic link in
 * the way, EXDEV for a path that would leave the directory.
 */
int beneath_open(int dirfd, const char *path, int flags, mode_t mode);

/*
 * Open the directory name beneath dirfd, and make it first, with mode, if it
 * is missing; then dirfd is synced.  *made tells which.  A symbolic link, or
 * another thing than a directory, is refused with the code unsafe; the rest
 * is ERR_FAILED.  where names dirfd in messages.  *fd is set on success.
 */
int beneath_make_directory(int dirfd, const char *where, const char *name,
    mode_t mode, enum err_code unsafe, int *fd, bool *made, struct err *err);

#endif
