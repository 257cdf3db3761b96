/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * job.h - all that one run does for one source: snapshot, connect, push.
 */
#ifndef SYNC_JOB_H
#define SYNC_JOB_H

#include <stdbool.h>

#include "common/err.h"
#include "snapshot/create.h"
#include "sync/hook.h"
#include "sync/push.h"
#include "sync/thin.h"

struct job_options {
	struct create_options create;
	struct hooks hooks;	/* around it */
	struct transport_options transport;
	struct push_options push;	/* tag is filled in by job_run() */
	unsigned retry;		/* see retry.h */
	const char *keep;	/* policy for what is here, or NULL */
	const char *keep_remote;	/* and for what is there */
	const struct notify *notify;
};

struct job_result {
	/* Path of what was sent; free() it.  NULL: none, or it was none yet. */
	char *snapshot;
	bool taken;		/* by this run */
	struct err post;	/* of the hook after it */
	struct push_result push;
	struct thinned deleted, deleted_remote;
};

/*
 * Bring source to a location: a snapshot (a file with a seal) as it is; of any
 * other file a snapshot is taken first, which stays whatever happens after.  In
 * a dry run none is taken and no hook runs; what one would be is told.
 *
 * If a hook before it fails no snapshot is taken; one after it always runs, and
 * if that fails (ERR_HOOK) the snapshot is brought all the same.
 *
 * Of the file's snapshots here what options->keep does not keep is deleted, also
 * if nothing could be brought: what the next run needs is held.  Over there it is
 * done after the snapshot was brought.
 */
int job_run(const char *source, const struct location *there,
    const struct job_options *options, struct job_result *result,
    struct err *err);

void job_result_free(struct job_result *result);

#endif
