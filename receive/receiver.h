/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * receiver.h - the state of receiving a stream, which receive.c and complete.c
 * share.
 */
#ifndef RECEIVE_RECEIVER_H
#define RECEIVE_RECEIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/metadata.h"
#include "receive/apply.h"
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
	/* The current snapshot. */
	struct record_begin begin;
	struct metadata metadata;
	struct target target;
	struct partial partial;
	struct digest_state *digest;	/* of a snapshot that comes whole */
	struct received received;
	bool blind;		/* a dry run whose base would come first */
	uint64_t unchecked;	/* bytes written since the reserve was checked */
	uint64_t unseen;	/* see reserve_check() */
};

/*
 * The snapshot has come to its END, with the digest that the sender gives it:
 * check, seal and publish it, and add it to the results.  Nothing may be on its
 * way into the file.
 */
int receiver_complete(struct receiver *r, const struct record_digest *sent,
    struct err *err);

#endif
