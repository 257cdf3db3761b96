/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * order.h - the rules of a stream that span records.
 *
 * One state machine that both the reader and, as a check of itself, the
 * writer run every record through: legal order, ascending ranges that end
 * within the snapshot, counts, positions of CHECKPOINT and RESUME, END.
 */
#ifndef STREAM_FORMAT_ORDER_H
#define STREAM_FORMAT_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/uuid.h"
#include "stream-format/record.h"

enum order_state {
	ORDER_BEGIN,		/* BEGIN must come */
	ORDER_META,		/* META must come */
	ORDER_BODY,		/* RESUME, ranges, CHECKPOINT, DIGEST or END */
	ORDER_DONE,		/* nothing may come */
};

/* Zeroed, with stream and required set, is the start. */
struct order {
	enum order_state state;
	struct uuid stream;
	uint64_t required;	/* features that the stream header announced */
	uint64_t snapshots;	/* BEGINs so far */
	struct uuid snapshot;	/* the current one */
	bool based;		/* the current snapshot has a base */
	uint64_t size;		/* size of the current snapshot */
	uint64_t base_size;
	struct timespec mtime;	/* as BEGIN has it */
	struct record_digest result_digest;	/* likewise */
	uint64_t position;	/* end of the last range, or of what was there */
	uint64_t records;	/* frames since BEGIN, skipped ones too */
	uint64_t data;		/* sums of lengths */
	uint64_t zeros;
	uint64_t holes;
};

/*
 * Check the next record and account for it.  Counts in END are checked, its
 * hash is not (the reader does that).  Features that a record needs must have
 * been announced.  ERR_STREAM if the record must not come here.
 */
int order_next(struct order *order, const struct record *record,
    struct err *err);

/*
 * Account for an optional frame that is skipped: DIGEST or an unknown type.
 * Only legal between META and END.
 */
int order_skip(struct order *order, struct err *err);

#endif
