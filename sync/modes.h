/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * modes.h - what refsync can be asked to do, and what it prints of it; part of
 * its main program.
 */
#ifndef SYNC_MODES_H
#define SYNC_MODES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/tool.h"
#include "sync/job.h"

struct options {
	struct job_options job;
	bool restore;
	bool force;
	bool list;
	bool verify;
	bool json;
};

/*
 * Do what options and arguments say; errors are printed.  Returns the exit code:
 * the first one, where there are several sources.
 */
int run_mode(struct tool *tool, const struct options *options,
    char *const *args, size_t count);

#endif
