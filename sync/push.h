/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * push.h - bring a snapshot, and what leads to it, to the far side.
 */
#ifndef SYNC_PUSH_H
#define SYNC_PUSH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/notify.h"
#include "common/uuid.h"
#include "send/send.h"
#include "sync/peer.h"

struct push_options {
	bool dry_run;		/* find out what would be sent */
	bool no_full;		/* ERR_NOBASE rather than a whole send */
	bool newest_only;	/* leave out what lies between base and snapshot */
	bool live;		/* publish the live file there */
	const char *as;		/* its name there, or NULL */
	const char *tag;	/* of the holds on both sides */
	/*
	 * In a dry run: what would be taken, open, in place of path, which is
	 * the live file; it is closed.  Or NULL.
	 */
	struct snapshot *probe;
	struct send_options send;
	const struct notify *notify;
};

struct push_result {
	struct uuid id;		/* of the snapshot */
	char origin[RECORD_NAME_MAX + 1];	/* name of its file there */
	bool present;		/* nothing had to be sent */
	bool full;		/* without a base */
	struct uuid base;	/* unless full */
	uint64_t snapshots;	/* that were received */
	uint64_t resumed;	/* offset at which the first went on, or 0 */
	bool durable;		/* something new stays there, whatever comes */
	struct send_result sent;
	/* Of a dry run: what would have changed over there. */
	struct uuid lineage;	/* of the snapshot */
	int64_t *times;		/* when what would be sent was taken; free() it */
	size_t time_count;
	bool holds;		/* the holds would have moved on */
};

/*
 * Send the snapshot path to an open peer, as the difference to the newest
 * snapshot that both sides hold, by id, with good seals; whole if there is
 * none, which is said before.  That base is held on both sides meanwhile, and
 * afterwards what was sent is, under options->tag.
 */
int push(struct peer *peer, const char *path,
    const struct push_options *options, struct push_result *result,
    struct err *err);

#endif
