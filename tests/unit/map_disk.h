/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map_disk.h - a disk with two files on it, at random, whose blocks move while
 * the files stay as they are; and what rule 1 may say of them.
 *
 * The model is as hostile as the rule allows: only an extent that the rule
 * trusts holds what the disk holds at its address.  All others, be it for one
 * flag, for an address of 0 or for a missing SHARED, hold bytes of their own,
 * whatever address they show.
 *
 * Two things the rule does rely on.  A block that the base left does not come
 * back to it, at the same offset, while the window is mapped.  And where an
 * item of btrfs begins does not change: what is mapped there are nameless
 * clones, which nobody writes to.
 */
#ifndef TESTS_UNIT_MAP_DISK_H
#define TESTS_UNIT_MAP_DISK_H

#include <stdbool.h>
#include <stdint.h>

#define MAP_BLOCK 8u		/* small, so that every byte is checked */
#define MAP_CELLS 40u		/* blocks of a file */
#define MAP_BYTES (MAP_BLOCK * MAP_CELLS)
#define MAP_DISK 600u		/* blocks of the disk; 0 is no block */
#define MAP_CONTAINER 4u	/* blocks of an extent of btrfs */

enum map_kind { MAP_FIEMAP, MAP_BTRFS };

/* A block of a file. */
struct map_cell {
	uint32_t covered;	/* bytes that its record covers; 0: hole */
	uint32_t block;		/* of the disk; 0: address 0 */
	uint32_t flags;		/* of FIEMAP; btrfs: MAP_ITEM() */
	bool dirty;		/* a map without SYNC shows what was before */
	bool split;		/* a record begins here; a hole has no item */
	bool moved;		/* since the beginning */
};

/* Type, encryption and other encoding of an item. */
#define MAP_ITEM(type, encryption, other) \
    ((uint32_t)(type) | (uint32_t)(encryption) << 8 | (uint32_t)(other) << 16)

struct map_file {
	uint64_t size;
	uint8_t bytes[MAP_BYTES];	/* what readers see, up to size */
	struct map_cell cells[MAP_CELLS];
};

struct map_disk {
	uint64_t seed, round, random;
	enum map_kind kind;
	unsigned moves_left;		/* events that may still come */
	struct map_file base, snapshot;
	uint32_t next;			/* where allocation goes on */
	uint8_t blocks[MAP_DISK][MAP_BLOCK];
	/* At which offsets the base has, or had, a block: a bit for each. */
	uint64_t had[MAP_DISK];
};

/* The disk that belongs to a seed and a round. */
void map_disk_make(struct map_disk *disk, enum map_kind kind, uint64_t seed,
    uint64_t round);

/* A number below n. */
uint32_t map_disk_random(struct map_disk *disk, uint32_t n);

/* What a reader sees; zeros past the end. */
uint8_t map_disk_byte(const struct map_file *file, uint64_t at);

/* Does the rule trust the address of a cell? */
bool map_disk_trusted(const struct map_disk *disk,
    const struct map_cell *cell);

/* Does cell i belong to the record that begins at cell first? */
bool map_disk_joined(const struct map_disk *disk, const struct map_file *file,
    unsigned first, unsigned i);

/* Does the rule prove this byte, as things are now? */
bool map_disk_proven(const struct map_disk *disk, uint64_t at);

/* Write dirty blocks of a range to the disk, as SYNC does. */
void map_disk_flush(struct map_disk *disk, struct map_file *file,
    uint64_t from, uint64_t to);

/*
 * Between two calls: what defragmentation, balance, deduplication and others
 * do, as long as there are moves left, mostly near a position that is being
 * mapped.  Both files still read the same.
 */
void map_disk_move(struct map_disk *disk, uint64_t at);

/* Fails if the model itself is wrong. */
void map_disk_check(struct map_disk *disk);

/* Fail with what it takes to see it again. */
void map_disk_fail(const struct map_disk *disk, const char *what);

#endif
