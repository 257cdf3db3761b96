/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pull.h - bring a snapshot from one peer to another, usually from there to
 * here.
 */
#ifndef SYNC_PULL_H
#define SYNC_PULL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/notify.h"
#include "sync/peer.h"

struct pull_options {
	const char *origin;	/* the file at the source */
	const char *name;	/* of its snapshot, or NULL: the newest */
	bool create;		/* take a snapshot there first, and bring that */
	bool no_full;		/* ERR_NOBASE rather than a whole send */
	bool newest_only;	/* leave out what lies between base and snapshot */
	bool live;		/* publish the live file too */
	const char *as;		/* name of the file at the target, or NULL */
	uint64_t rate;		/* bytes a second at most; 0: no limit */
	int level;		/* of zstd; 0: none; or GATHER_AUTO */
	const char *tag;	/* of the holds on both sides, or NULL: none */
	const struct notify *notify;
};

struct pull_result {
	struct uuid id;		/* of the snapshot */
	char name[RECORD_NAME_MAX + 1];	/* likewise */
	bool present;		/* nothing had to be sent */
	bool full;		/* without a base */
	struct uuid base;	/* unless full */
	uint64_t snapshots;	/* that were received */
	uint64_t resumed;	/* offset at which the first went on, or 0 */
	bool durable;		/* something new stays here, whatever comes */
	uint64_t wire;		/* bytes of the stream */
};

/*
 * source is a refsend --serve, target a refrecv --serve, both open.  Otherwise
 * as push().
 */
int pull(struct peer *source, struct peer *target,
    const struct pull_options *options, struct pull_result *result,
    struct err *err);

#endif
