/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fetch.h - bring something here: a pull, or a restore.
 */
#ifndef SYNC_FETCH_H
#define SYNC_FETCH_H

#include <stdbool.h>

#include "common/err.h"
#include "sync/pull.h"

struct fetch_options {
	struct transport_options transport;
	struct pull_options pull;	/* origin, as and tag are filled in */
	unsigned retry;		/* see retry.h */
	bool force;		/* restore: also replace what is in no snapshot */
	const struct notify *notify;
};

struct fetch_result {
	struct pull_result pull;
	char *snapshot;		/* path of what is here now; free() it */
	char *target;		/* restore: the file that was restored */
	char *saved;		/* restore: what was there, if it was saved */
};

/*
 * Bring the snapshot of a file, source->path, into directory.
 */
int fetch_pull(const struct location *source, const char *directory,
    const struct fetch_options *options, struct fetch_result *result,
    struct err *err);

/*
 * Make target what source->path, a file DIR/FILE of a replica, was in a
 * snapshot (options->pull.name): the snapshot is brought into the directory of
 * target, as the difference to what is there, and target replaced in one step,
 * as refsnap restore does.
 */
int fetch_restore(const struct location *source, const char *target,
    const struct fetch_options *options, struct fetch_result *result,
    struct err *err);

void fetch_result_free(struct fetch_result *result);

#endif
