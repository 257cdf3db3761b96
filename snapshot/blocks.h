/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * blocks.h - the SHA-256 of each block of a file, one after the other.
 */
#ifndef SNAPSHOT_BLOCKS_H
#define SNAPSHOT_BLOCKS_H

#include <stdint.h>

#include "common/err.h"
#include "common/sha256.h"

#define BLOCKS_SIZE 1048576u	/* bytes of a block; the last may be shorter */

struct blocks;

/*
 * The blocks of the open file fd, of size bytes; path names it in messages.  What
 * was not in the page cache does not stay there.  NULL without memory.
 */
struct blocks *blocks_new(int fd, uint64_t size, const char *path);

/*
 * The hash of the next block.  Returns 1 after the last one.  Blocks that are
 * all hole are not read.
 */
int blocks_next(struct blocks *blocks, struct sha256 *hash, struct err *err);

/* How many bytes are done. */
uint64_t blocks_done(const struct blocks *blocks);

void blocks_free(struct blocks *blocks);

#endif
