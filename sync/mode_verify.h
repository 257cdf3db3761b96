/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mode_verify.h - refsync --verify, and --repair; part of its main program.
 */
#ifndef SYNC_MODE_VERIFY_H
#define SYNC_MODE_VERIFY_H

#include "sync/modes.h"

/*
 * Compare args[0] with its replica at args[1], print where they differ, and
 * repair it if options say so.  Returns the exit code.
 */
int mode_verify(struct tool *tool, const struct options *options,
    char *const *args);

#endif
