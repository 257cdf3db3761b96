/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * outcome.h - tell what became of one source; part of the main program.
 */
#ifndef SYNC_OUTCOME_H
#define SYNC_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "common/json.h"
#include "sync/modes.h"

/* What became of one source, pushed or pulled. */
struct outcome {
	const char *source;
	const char *snapshot;	/* path or name; NULL: none, or not yet */
	bool taken;		/* by this run */
	bool present;
	bool full;
	struct uuid base;
	uint64_t snapshots, data, moved, wire, resumed;
	/* Of a dry run. */
	uint64_t changed, ranges;
	bool estimated;		/* wire is */
	struct thinned deleted, deleted_remote;	/* the owner's */
};

/*
 * Print what there is to print of one source: lines, or an object of json, and
 * err, if it is one.  Returns the exit code.
 */
int outcome_report(struct tool *tool, const struct options *options,
    struct json *json, const char *where, const struct outcome *outcome,
    const struct err *err);

#endif
