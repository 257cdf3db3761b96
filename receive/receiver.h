/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * receiver.h - the state of receiving a stream, which receive.c, prepare.c and
 * complete.c share.
 */
#ifndef RECEIVE_RECEIVER_H
#define RECEIVE_RECEIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/metadata.h"
#include "receive/apply.h"
#include "receive/checkpoint.h"
#include "receive/receive.h"
#include "receive/target.h"
#include "snapshot/partial.h"
#include "stream-format/stream_reader.h"

struct receiver {
	const struct receive_options *options;
	struct receive_result *result;
	struct store store;
	struct stream_reader *reader;
	struct apply *apply;
	struct checkpoint *checkpoint;	/* made when it is first needed */
	/* The current snapshot. */
	struct record_begin begin;
	struct metadata metadata;
	struct target target;
	struct partial partial;
	struct digest_state *digest;	/* of a snapshot that comes whole */
	struct received received;
	bool started;		/* receiver_prepare() or _resume() was called */
	bool resumed;		/* the latter */
	bool keeping;		/* the partial gets checkpoints */
	bool kept;		/* it stays when the run ends */
	bool blind;		/* a dry run whose base would come first */
	uint64_t unchecked;	/* bytes written since the reserve was checked */
	uint64_t unseen;	/* see reserve_check() */
};

/*
 * Make the partial of the current snapshot, filled with its base, and be ready
 * for its records.
 */
int receiver_prepare(struct receiver *r, struct err *err);

/*
 * RESUME: take over the partial that an interrupted run left in place of that.
 * ERR_NOBASE if there is none, or another one, which then stays.
 */
int receiver_resume(struct receiver *r, const struct record_resume *resume,
    struct err *err);

/*
 * The snapshot has come to its END, with the digest that the sender gives it:
 * check, seal and publish it, and add it to the results.  Nothing may be on its
 * way into the file.
 */
int receiver_complete(struct receiver *r, const struct record_digest *sent,
    struct err *err);

#endif
