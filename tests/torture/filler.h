/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filler.h - bytes that compress, and of which no block repeats: a block in
 * the wrong place is always another block.
 */
#ifndef TORTURE_FILLER_H
#define TORTURE_FILLER_H

#include <stddef.h>
#include <stdint.h>

/* serial counts up with all that was ever made of it. */
struct filler {
	uint64_t serial;
};

/* Fill data with size new bytes. */
void filler_fill(struct filler *filler, uint8_t *data, size_t size);

#endif
