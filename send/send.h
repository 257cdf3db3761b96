/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * send.h - write snapshots as a stream.
 */
#ifndef SEND_SEND_H
#define SEND_SEND_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/notify.h"
#include "send/chain.h"
#include "send/gather.h"
#include "stream-format/token.h"

struct send_options {
	int level;		/* of zstd; 0: none; or GATHER_AUTO */
	unsigned threads;	/* that compress; see pipeline.h */
	const struct token *resume;	/* where to go on, or NULL */
	uint64_t rate;		/* bytes a second at most; 0: no limit */
	bool sample;		/* compress some, and estimate the rest (fd -1) */
	const struct notify *notify;
};

/* What was sent, in bytes; sums over all snapshots of the stream. */
struct send_result {
	uint64_t snapshots;
	uint64_t data;		/* raw bytes of DATA */
	uint64_t zeros;
	uint64_t holes;
	uint64_t moved;		/* what the base has elsewhere */
	uint64_t wire;		/* of the stream */
	uint64_t ranges;	/* with options->sample: that changed */
	bool estimated;		/* wire is, from a part of the data */
	uint64_t base_read;	/* read of bases */
	uint64_t snapshot_read;	/* read of snapshots */
	double pin_seconds;	/* spent on private clones, see diff/pin.h */
	const char *method;	/* of finding changes, of the last snapshot */
};

/*
 * Send all snapshots of the chain to fd; -1 counts and writes nothing.
 *
 * A snapshot or base that changes meanwhile is ERR_FAILED, and the stream is
 * left without its end, so that no reader takes it.
 *
 * With resume, the snapshot that it names is sent from its offset on, and what
 * follows in the chain as usual; what comes before is left out.  ERR_NOBASE,
 * before anything is written, if the chain does not hold that snapshot on its
 * base.
 */
int send_chain(const struct chain *chain, int fd,
    const struct send_options *options, struct send_result *result,
    struct err *err);

#endif
