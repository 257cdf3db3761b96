/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shake.h - a process that moves blocks of files while others work with them:
 * defragmentation, deduplication, balance.  No byte changes.
 */
#ifndef TORTURE_SHAKE_H
#define TORTURE_SHAKE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

/*
 * Start it over all files in some directories, which may come later.  It does
 * what the file systems and its permissions allow; needs root for most.
 */
int shake_start(char *const *directories, size_t count, uint64_t seed,
    pid_t *process, struct err *err);

/* End it, and wait until nothing moves. */
void shake_stop(pid_t process);

#endif
