/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map_model.h - a disk and two files on it, byte by byte: what a file system is
 * to the comparison of extent maps.
 */
#ifndef TESTS_UNIT_MAP_MODEL_H
#define TESTS_UNIT_MAP_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#define MODEL_BLOCK 8u		/* small, so that every byte is checked */
#define MODEL_BLOCKS 48u
#define MODEL_BYTES (MODEL_BLOCK * MODEL_BLOCKS)
#define MODEL_DISK 4096u	/* blocks; 0 is no block */

struct map_model_file {
	uint64_t size;
	uint32_t map[MODEL_BLOCKS];	/* 0: hole */
	bool untrusted[MODEL_BLOCKS];
	bool split[MODEL_BLOCKS];	/* a record begins here in any case */
};

/* Zeroed, with next set to 1, is the start. */
struct map_model {
	uint8_t disk[MODEL_DISK][MODEL_BLOCK];
	uint32_t next;		/* the first block that was never used */
	struct map_model_file base, snapshot;
};

/* What a reader of the file sees at a position. */
uint8_t map_model_byte(const struct map_model *model,
    const struct map_model_file *file, uint64_t at);

/* A block with contents of its own; sometimes of zeros. */
uint32_t map_model_new_block(struct map_model *model);

/* Give both files the same blocks, all of them data, in records of four. */
void map_model_share(struct map_model *model);

/* Sizes, holes, shared, changed and untrusted blocks at random. */
void map_model_randomize(struct map_model *model);

/*
 * The move that makes a false "equal": block i of the base goes elsewhere, and
 * the block of the snapshot, with other contents, takes its place on the
 * disk.  Neither file changes.
 */
void map_model_move(struct map_model *model, unsigned i);

#endif
