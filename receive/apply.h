/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * apply.h - write the ranges of a stream into a file under construction.
 */
#ifndef RECEIVE_APPLY_H
#define RECEIVE_APPLY_H

#include <stdint.h>

#include "common/err.h"
#include "snapshot/digest.h"
#include "stream-format/record.h"

struct apply;

/* What is the same for all snapshots of a stream; NULL without memory. */
struct apply *apply_new(void);
void apply_free(struct apply *apply);

/*
 * Asked before bytes are written: is there room for them? Returns 0 to go on.
 */
typedef int apply_room(void *cookie, uint64_t bytes, struct err *err);

/*
 * Start with a file.  fd is the file under construction, which already holds
 * the base, cut or extended to the final size; -1 checks and writes nothing.
 * size is its size.
 * base_fd is the base, or -1: prefixes are read from it and never from fd.
 * digest, if not NULL, takes in all data.  path is for messages.
 */
void apply_start(struct apply *apply, int fd, uint64_t size, int base_fd,
    struct digest_state *digest, const char *path, apply_room *room,
    void *cookie);

/*
 * Apply a DATA, ZERO or HOLE record.  ERR_STREAM if data cannot be decoded or
 * its hash is wrong: nothing of the record is written then.
 */
int apply_record(struct apply *apply, const struct record *record,
    struct err *err);

#endif
