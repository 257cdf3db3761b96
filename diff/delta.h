/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * delta.h - what turns the base into the snapshot.
 */
#ifndef DIFF_DELTA_H
#define DIFF_DELTA_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/notify.h"
#include "diff/range.h"
#include "snapshot/snapshot.h"

enum delta_kind {
	DELTA_DATA,		/* other bytes than in the base */
	DELTA_ZERO,		/* allocated, all zeros; the base differs or is hole */
	DELTA_HOLE,		/* hole, where the base is none */
	DELTA_MOVED,		/* what the base has at source (moved) */
	DELTA_CANDIDATE,	/* not proven equal, not read (map_only) */
};

/* One range that changed.  Pointers are good during the call. */
struct delta_event {
	enum delta_kind kind;
	uint64_t offset;
	uint64_t length;	/* DELTA_DATA: at most DELTA_DATA_MAX */
	const uint8_t *data;	/* DELTA_DATA: the new bytes, else NULL */
	const uint8_t *base;	/* DELTA_DATA: the old ones; NULL if hole there */
	uint64_t source;	/* DELTA_MOVED: offset in the base */
};

#define DELTA_DATA_MAX 262144u

struct delta_options {
	bool map_only;		/* read nothing: events are DELTA_CANDIDATE */
	/*
	 * Report only bytes that differ, reading the base where the snapshot
	 * has a hole.  Without it holes and allocated zeros are reported where
	 * the base does not have them, even if it reads as zeros there.
	 */
	bool exact;
	/*
	 * Report as DELTA_MOVED, without reading it, what maps prove to be in
	 * the base at another offset: whole blocks below both sizes.
	 */
	bool moved;
	/*
	 * Leave out all that lies below, and cut what straddles it.  It is
	 * mapped, since windows follow each other, and never read.
	 */
	uint64_t start;
	/*
	 * If not NULL, it is told of each range that will be read, some time
	 * before: while it looks at those, what was read of the base stays in
	 * the page cache.
	 */
	range_sink *early;
	void *early_cookie;
	const struct notify *notify;
};

struct delta_stats {
	const char *method;	/* how candidates were found, in a word or two */
	uint64_t candidates;	/* bytes that were not proven equal by maps */
	uint64_t base_read;	/* bytes read of the base */
	uint64_t snapshot_read;	/* bytes read of the snapshot */
	uint64_t moved;		/* bytes of DELTA_MOVED */
	uint64_t spoiled;	/* windows mapped again since blocks moved */
	double pin_seconds;	/* spent on private clones */
};

/* Receives one event; returns 0 to go on. */
typedef int delta_sink(void *cookie, const struct delta_event *event,
    struct err *err);

/*
 * Hand every range of the snapshot that differs from the base to the sink, in
 * ascending order.  Bytes of the base past its end count as hole.
 *
 * base NULL: everything that is not hole.  The maps that prove most are
 * chosen, and where none can, every byte is read and compared, and notify
 * says so.  ERR_FAILED if a file cannot be read, or changed meanwhile.
 */
int delta_run(const struct snapshot *base, const struct snapshot *snapshot,
    const struct delta_options *options, delta_sink *sink, void *cookie,
    struct delta_stats *stats, struct err *err);

#endif
