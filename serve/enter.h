/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * enter.h - go to the directory that a request names.
 */
#ifndef SERVE_ENTER_H
#define SERVE_ENTER_H

#include <stdbool.h>

#include "common/err.h"

/*
 * Make the directory path the working directory of this process: all that
 * follows names it ".", so nothing that happens to the path leads elsewhere.
 *
 * top, or NULL, is where a path that is relative begins.  With restricted path
 * stays beneath top: it may be told from the root on, as top is, must not
 * leave it and passes no symbolic link (openat2(2)); else ERR_FAILED.  make
 * says to make the last component if it is missing.
 */
int enter(const char *top, bool restricted, const char *path, bool make,
    struct err *err);

#endif
