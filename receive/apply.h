/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * apply.h - write the ranges of a stream into a file under construction.
 *
 * Records are decoded by several threads and written by one more, in order.
 */
#ifndef RECEIVE_APPLY_H
#define RECEIVE_APPLY_H

#include <stdint.h>

#include "common/err.h"
#include "snapshot/content.h"
#include "snapshot/digest.h"
#include "stream-format/record.h"

struct apply;

/* What is the same for all snapshots of a stream. */
int apply_new(unsigned threads, struct apply **apply, struct err *err);

/* Waits for what is on its way.  NULL is harmless. */
void apply_free(struct apply *apply);

/*
 * Asked before bytes are written: is there room for them? Returns 0 to go on.
 * Called by another thread than that of apply_record(), if there are several.
 */
typedef int apply_room(void *cookie, uint64_t bytes, struct err *err);

/*
 * Told of a CHECKPOINT when all that came before it is written.  Called like
 * apply_room().
 */
typedef int apply_checkpoint(void *cookie, uint64_t offset, struct err *err);

struct apply_calls {
	apply_room *room;
	apply_checkpoint *checkpoint;
	void *cookie;		/* of both */
};

/*
 * Start with a file.  fd is the file under construction, which already holds
 * the base, cut or extended to the final size; -1 checks and writes nothing.
 * size is its size.
 * base_fd is the base, or -1: prefixes and what moved are read from it, never
 * from fd; what moved is reflinked or copied, as reflink says.
 * digest, if not NULL, takes in all data.  path is for messages.  Nothing may
 * be on its way from before.
 */
void apply_start(struct apply *apply, int fd, uint64_t size, int base_fd,
    enum reflink_mode reflink, struct digest_state *digest, const char *path,
    const struct apply_calls *calls);

/*
 * Apply a DATA, ZERO, HOLE, CLONE or CHECKPOINT record, now or later: an error
 * may be that of a record before.
 */
int apply_record(struct apply *apply, const struct record *record,
    struct err *err);

/*
 * Wait until the last CHECKPOINT was told of, or something failed before: the
 * error is then that.
 */
int apply_reached(struct apply *apply, struct err *err);

/*
 * Wait until nothing is on its way: until then the file, the base and the digest
 * are in use.  Returns the error of the first record that failed: ERR_STREAM if
 * data could not be decoded or its hash is wrong; nothing of that record was
 * written then, and nothing of those after it in any case.
 */
int apply_finish(struct apply *apply, struct err *err);

#endif
