/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * alike.h - find the parts of a base that new bytes are like.
 *
 * What a file system or a database writes anew often resembles what it had
 * written elsewhere: a file that was replaced, a journal, a log that goes round.
 * The old contents of what changed are learned before the new ones are
 * compressed, for a log often lies before what it tells of; for each record the
 * parts that share most with it then become its prefix.
 *
 * Learned is a sample of fingerprints, in a table of constant size in which
 * later ones take the place of earlier ones.  A fingerprint may lie: what comes
 * of it is a prefix that does not help, never wrong bytes.
 */
#ifndef SEND_ALIKE_H
#define SEND_ALIKE_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "diff/range.h"
#include "snapshot/snapshot.h"
#include "stream-format/record.h"

/*
 * Bytes of a part, and parts of one record.  Measured, in MB on the wire, with
 * parts of 4, 8 and 16 KiB: an upgrade within a disk image 17.2, 16.8 and 16.9; a
 * database, whose log has images of its pages of 8 KiB, 8.3, 5.6 and 9.7.
 */
#define ALIKE_CHUNK 8192u
#define ALIKE_PARTS_MAX 64u
#define ALIKE_BYTES_MAX (ALIKE_PARTS_MAX * ALIKE_CHUNK)

struct alike;

/* What was found: parts of the base, ascending. */
struct alike_found {
	struct record_range parts[ALIKE_PARTS_MAX];
	uint32_t count;
	uint32_t length;	/* bytes of all parts */
	uint64_t own;		/* bytes, about, that are like the base at the
				   places of the record itself */
};

/* base must stay open until alike_free(). */
int alike_new(const struct snapshot *base, struct alike **alike,
    struct err *err);

/* What was read goes out of the page cache, if it was not there before. */
void alike_free(struct alike *alike);

/* Learn a range of the base; a range_sink whose cookie is the struct alike. */
int alike_learn(void *cookie, const struct range *range, struct err *err);

/*
 * What are length bytes like, that belong at places of the snapshot (ascending)?
 * While another thread learns, any number of threads may ask.
 */
void alike_find(const struct alike *alike, const uint8_t *bytes,
    size_t length, const struct record_range *places, uint32_t count,
    struct alike_found *found);

/* Read the parts, found->length bytes, into bytes. */
int alike_read(const struct alike *alike, const struct alike_found *found,
    uint8_t *bytes, struct err *err);

#endif
