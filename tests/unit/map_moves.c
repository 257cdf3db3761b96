/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map_moves.c - what moves the blocks of files that nobody writes to.
 */
#include "config.h"

#include <linux/btrfs_tree.h>
#include <linux/fiemap.h>
#include <string.h>

#include "common/bytes.h"
#include "tests/unit/map_moves.h"

static bool
uses(const struct map_disk *disk, const struct map_file *file, uint32_t block)
{
	for (unsigned i = 0; i < MAP_CELLS; i++) {
		if (file->cells[i].block == block &&
		    map_disk_trusted(disk, &file->cells[i]))
			return true;
	}
	return false;
}

/* May cell i have this block, free as it is? The base does not go back. */
static bool
may_have(const struct map_disk *disk, const struct map_file *file, unsigned i,
    uint32_t block)
{
	return file != &disk->base || (disk->had[block] >> i & 1) == 0;
}

static bool
is_free(const struct map_disk *disk, const struct map_file *file, unsigned i,
    uint32_t block)
{
	return block > 0 && block < MAP_DISK &&
	    may_have(disk, file, i, block) &&
	    !uses(disk, &disk->base, block) &&
	    !uses(disk, &disk->snapshot, block);
}

uint32_t
map_disk_free_block(struct map_disk *disk, const struct map_file *file,
    unsigned i)
{
	uint32_t block = disk->next;

	/* Mostly the next one, so that there are long extents. */
	if (map_disk_random(disk, 4) == 0)
		block = map_disk_random(disk, MAP_DISK);
	for (uint32_t tries = 0; tries < MAP_DISK; tries++, block++) {
		block = block < MAP_DISK ? block : 1;
		if (is_free(disk, file, i, block)) {
			disk->next = block + 1;
			return block;
		}
	}
	map_disk_fail(disk, "the disk is full");
	return 0;
}

/* Let cell i have a block that holds its bytes. */
static void
take(struct map_disk *disk, struct map_file *file, unsigned i, uint32_t block)
{
	struct map_cell *cell = &file->cells[i];

	cell->block = block;
	cell->covered = MAP_BLOCK;
	cell->dirty = false;
	cell->moved = true;
	cell->flags = disk->kind == MAP_BTRFS ?
	    MAP_ITEM(BTRFS_FILE_EXTENT_REG, 0, 0) :
	    FIEMAP_EXTENT_SHARED |
	    (map_disk_random(disk, 8) == 0 ? FIEMAP_EXTENT_MERGED : 0);
	if (file == &disk->base)
		disk->had[block] |= (uint64_t)1 << i;
}

void
map_disk_place(struct map_disk *disk, struct map_file *file, unsigned i,
    uint32_t block)
{
	memcpy(disk->blocks[block], file->bytes + i * MAP_BLOCK, MAP_BLOCK);
	take(disk, file, i, block);
}

/*
 * Are the edges of this cell those of a record? Nobody writes to the nameless
 * clones that are mapped on btrfs, and balance moves whole items: there, an
 * item of several blocks stays where it is.
 */
static bool
is_alone(const struct map_disk *disk, const struct map_file *file, unsigned i)
{
	return disk->kind != MAP_BTRFS || (file->cells[i].split &&
	    (i + 1 == MAP_CELLS || file->cells[i + 1].split ||
	    file->cells[i + 1].covered == 0));
}

/* May all users of a block be moved away? */
static bool
is_loose(const struct map_disk *disk, uint32_t block)
{
	for (unsigned i = 0; i < MAP_CELLS; i++) {
		if ((disk->base.cells[i].block == block &&
		    !is_alone(disk, &disk->base, i)) ||
		    (disk->snapshot.cells[i].block == block &&
		    !is_alone(disk, &disk->snapshot, i)))
			return false;
	}
	return true;
}

/* Move all users of a block away. */
static void
evict(struct map_disk *disk, struct map_file *file, uint32_t block)
{
	for (unsigned i = 0; i < MAP_CELLS; i++) {
		if (file->cells[i].block == block &&
		    map_disk_trusted(disk, &file->cells[i]))
			map_disk_place(disk, file, i,
			    map_disk_free_block(disk, file, i));
	}
}

/*
 * The race: a block of one file is freed and given to the other, mostly at the
 * same offset.
 */
static void
hand_over(struct map_disk *disk, struct map_file *from, struct map_file *to,
    unsigned i)
{
	const uint32_t block = from->cells[i].block;
	const unsigned k = map_disk_random(disk, 3) != 0 ? i :
	    map_disk_random(disk, MAP_CELLS);

	if (!map_disk_trusted(disk, &from->cells[i]) ||
	    to->cells[k].covered == 0 || !may_have(disk, to, k, block) ||
	    !is_alone(disk, to, k) || !is_loose(disk, block))
		return;
	evict(disk, from, block);
	evict(disk, to, block);
	map_disk_place(disk, to, k, block);
}

/* Defragmentation: a range of one file, written elsewhere. */
static void
rewrite(struct map_disk *disk, struct map_file *file, unsigned i)
{
	const unsigned end = i + 1 + map_disk_random(disk, 6);

	for (; i < end && i < MAP_CELLS; i++) {
		if (map_disk_trusted(disk, &file->cells[i]) &&
		    is_alone(disk, file, i))
			map_disk_place(disk, file, i,
			    map_disk_free_block(disk, file, i));
	}
}

/* Balance: a block with all its users, some of its neighbours likewise. */
static void
relocate(struct map_disk *disk, unsigned i)
{
	struct map_file *const files[2] = { &disk->base, &disk->snapshot };
	const uint32_t old = disk->base.cells[i].block;
	uint32_t fresh;

	if (!map_disk_trusted(disk, &disk->base.cells[i]) ||
	    !is_loose(disk, old))
		return;
	fresh = map_disk_free_block(disk, &disk->base, i);
	/* Each user has to be allowed there. */
	if (disk->had[fresh] != 0)
		return;
	memcpy(disk->blocks[fresh], disk->blocks[old], MAP_BLOCK);
	for (unsigned n = 0; n < 2; n++) {
		for (unsigned k = 0; k < MAP_CELLS; k++) {
			if (files[n]->cells[k].block == old &&
			    map_disk_trusted(disk, &files[n]->cells[k]))
				take(disk, files[n], k, fresh);
		}
	}
}

/* Deduplication: what reads the same becomes one block. */
static void
share(struct map_disk *disk, struct map_file *from, struct map_file *to,
    unsigned i)
{
	const uint32_t block = from->cells[i].block;
	const uint64_t at = i * MAP_BLOCK;

	if (map_disk_trusted(disk, &from->cells[i]) &&
	    is_alone(disk, to, i) && to->cells[i].covered != 0 &&
	    to->cells[i].block != block &&
	    at + MAP_BLOCK <= to->size && may_have(disk, to, i, block) &&
	    memcmp(disk->blocks[block], to->bytes + at, MAP_BLOCK) == 0)
		take(disk, to, i, block);
}

/* Zeros become a hole, or a hole becomes zeros. */
static void
dig_or_fill(struct map_disk *disk, struct map_file *file, unsigned i)
{
	static const uint8_t zeros[MAP_BLOCK];

	if (disk->kind == MAP_BTRFS ||
	    memcmp(file->bytes + i * MAP_BLOCK, zeros, MAP_BLOCK) != 0)
		return;
	if (file->cells[i].covered == 0) {
		map_disk_place(disk, file, i, map_disk_free_block(disk, file,
		    i));
	} else {
		memset(&file->cells[i], 0, sizeof(file->cells[i]));
		file->cells[i].moved = true;
	}
}

/* Written anew in another way: its address is no longer to be trusted. */
static void
encode(struct map_disk *disk, struct map_file *file, unsigned i)
{
	if (!map_disk_trusted(disk, &file->cells[i]) ||
	    !is_alone(disk, file, i))
		return;
	map_disk_spoil(disk, &file->cells[i], false);
	file->cells[i].moved = true;
}

void
map_disk_move(struct map_disk *disk, uint64_t at)
{
	struct map_file *a = &disk->base, *b = &disk->snapshot;
	unsigned i = map_disk_random(disk, MAP_CELLS);

	if (disk->moves_left == 0)
		return;
	disk->moves_left--;
	/* Mostly where it hurts. */
	if (map_disk_random(disk, 4) != 0)
		i = (unsigned)bytes_min(at / MAP_BLOCK +
		    map_disk_random(disk, 6), MAP_CELLS - 1);
	if (map_disk_random(disk, 3) == 0) {
		a = &disk->snapshot;
		b = &disk->base;
	}
	switch (map_disk_random(disk, 10)) {
	case 0: case 1: case 2: case 3:
		hand_over(disk, a, b, i);
		break;
	case 4: case 5:
		rewrite(disk, a, i);
		break;
	case 6:
		relocate(disk, i);
		break;
	case 7:
		share(disk, a, b, i);
		break;
	case 8:
		dig_or_fill(disk, a, i);
		break;
	default:
		encode(disk, a, i);
		break;
	}
	if (disk->kind != MAP_BTRFS)
		a->cells[i].split = map_disk_random(disk, 4) == 0;
}
