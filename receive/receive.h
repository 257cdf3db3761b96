/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * receive.h - turn a stream into replicas.
 */
#ifndef RECEIVE_RECEIVE_H
#define RECEIVE_RECEIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/notify.h"
#include "common/uuid.h"
#include "snapshot/content.h"
#include "snapshot/reserve.h"

/*
 * So much of a snapshot is durable: all its ranges below offset.  Called by
 * another thread, or by the one of receive_stream(), never twice at a time.
 */
typedef void receive_durable(void *cookie, const struct uuid *snapshot,
    uint64_t offset);

struct receive_options {
	const char *as;		/* name in place of the origin, or NULL */
	bool live;		/* also publish the live file */
	bool dry_run;		/* check everything, write nothing */
	bool embedded;		/* more than the stream comes from fd */
	bool wait;		/* for another receive into the directory */
	bool resumable;		/* keep what came if the stream breaks off */
	receive_durable *durable;	/* told of that, or NULL */
	void *cookie;		/* of durable */
	bool trusted;		/* setuid, security.*, trusted.* */
	unsigned threads;	/* that decode; see pipeline.h */
	enum reflink_mode reflink;
	struct reserve reserve;
	const struct notify *notify;
};

/* What became of one snapshot of the stream. */
struct received {
	char *path;
	struct uuid id;
	bool present;		/* it was there already */
	bool based;		/* came as a difference */
	bool cloned;		/* its base was reflinked, not copied */
	uint64_t data;		/* bytes written */
	uint64_t zeros;
	uint64_t holes;
	uint64_t moved;		/* what the base had elsewhere */
	uint64_t resumed;	/* offset at which the stream went on, or 0 */
};

struct receive_result {
	size_t count;
	struct received *snapshots;
	char *live;		/* path of the live file that was published, or NULL */
	uint64_t wire;		/* bytes of the stream */
};

/*
 * Receive the stream from fd into a directory; if it is embedded, not a byte
 * more than the stream is read.
 *
 * A replica appears under its name when it is whole, checked and durable, and
 * not before; on failure what was received of it is removed.  Snapshots of a
 * longer stream that were complete before the failure stay.  Free the result
 * with receive_result_free(), also after a failure.
 *
 * If resumable, and for a snapshot that a stream goes on with in any case, there
 * is one exception: the stream ends too early, or cannot be read any more, and
 * a checkpoint of the current snapshot is durable.  Then that stays to be gone
 * on with: ERR_INTERRUPTED.
 */
int receive_stream(int fd, const char *directory,
    const struct receive_options *options, struct receive_result *result,
    struct err *err);

void receive_result_free(struct receive_result *result);

#endif
