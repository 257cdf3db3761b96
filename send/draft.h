/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * draft.h - a DATA, ZERO, HOLE or CLONE record that is being made.
 *
 * gather.c packs ranges and bytes into it; draft_encode() then makes the record,
 * in any thread.
 */
#ifndef SEND_DRAFT_H
#define SEND_DRAFT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "send/alike.h"
#include "stream-format/record.h"
#include "stream-format/stream_writer.h"

/*
 * Raw bytes of a record.  With a prefix as long as itself, of what was tried
 * half of the most is best: 256 KiB takes 3 % more on the wire, and more makes
 * tables that the processor's cache does not hold.  So it is with parts of the
 * base from elsewhere: of the disk image 18.7 MB are left with plain records of
 * 1 MiB, 15.8 MB with these.
 */
#define DRAFT_PLAIN_BYTES RECORD_RAW_MAX
#define DRAFT_PREFIX_BYTES 524288u
#define DRAFT_RANGES_MAX 4096u

enum draft_kind {
	DRAFT_NONE,
	DRAFT_PLAIN,
	DRAFT_PREFIX,		/* base has what the base holds at the same places */
	DRAFT_ZERO,
	DRAFT_HOLE,
	DRAFT_MOVED,		/* one range, what the base has at source */
};

struct draft {
	enum draft_kind kind;
	int level;		/* of zstd; 0: raw */
	uint32_t count;		/* of ranges */
	uint32_t raw_length;
	uint64_t source;
	struct record_range ranges[DRAFT_RANGES_MAX];
	uint8_t raw[DRAFT_PLAIN_BYTES];
	/* Room for parts of the base; behind it, what the base has there. */
	uint8_t parts[ALIKE_BYTES_MAX];
	uint8_t base[DRAFT_PREFIX_BYTES];
	const struct alike *alike;	/* or NULL */
	struct alike_found found;
	struct compressor *compressor;
	uint8_t *encoded;
	struct record record;	/* made by draft_encode(); points into the draft */
};

/* NULL without memory. */
struct draft *draft_new(void);
void draft_free(struct draft *draft);

/*
 * Start anew.  alike, or NULL, tells for DATA what else of the base may be a
 * prefix.
 */
void draft_clear(struct draft *draft, enum draft_kind kind, int level,
    const struct alike *alike);

/* Note a range; what continues the last one is joined to it. */
void draft_add(struct draft *draft, uint64_t offset, uint64_t length);

/* Make the record: hash, and the shortest form of the bytes. */
int draft_encode(struct draft *draft, struct err *err);

#endif
