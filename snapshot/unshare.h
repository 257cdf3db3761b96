/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unshare.h - give a live file blocks of its own.
 */
#ifndef SNAPSHOT_UNSHARE_H
#define SNAPSHOT_UNSHARE_H

#include <stdbool.h>

#include "common/err.h"
#include "common/notify.h"

/*
 * Make file share no blocks with snapshots or other files; contents and holes
 * stay.  In place where the file system can (FALLOC_FL_UNSHARE_RANGE: XFS);
 * else by a copy that replaces the file, which is refused if it is open for
 * writing or has several names (ERR_FAILED).  A sealed snapshot is refused
 * (ERR_IDENTITY).  *in_place tells which way it went.
 */
int unshare_file(const char *path, const struct notify *notify,
    bool *in_place, struct err *err);

#endif
