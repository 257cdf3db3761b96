/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map_disk.c - a disk with two files on it, at random.
 */
#include "config.h"

#include <inttypes.h>
#include <linux/btrfs_tree.h>
#include <linux/fiemap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/map_disk.h"
#include "tests/unit/map_moves.h"

/* Written down once more, apart from what is tested. */
#define HARMLESS (FIEMAP_EXTENT_LAST | FIEMAP_EXTENT_MERGED | \
    FIEMAP_EXTENT_SHARED)

void
map_disk_fail(const struct map_disk *disk, const char *what)
{
	fail_msg("%s; again: MODEL_SEED=%" PRIu64 " MODEL_ROUND=%" PRIu64,
	    what, disk->seed, disk->round);
}

/* splitmix64: the same numbers everywhere. */
static uint64_t
mix(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

uint32_t
map_disk_random(struct map_disk *disk, uint32_t n)
{
	return (uint32_t)((mix(&disk->random) >> 32) * n >> 32);
}

uint8_t
map_disk_byte(const struct map_file *file, uint64_t at)
{
	return at < file->size ? file->bytes[at] : 0;
}

bool
map_disk_trusted(const struct map_disk *disk, const struct map_cell *cell)
{
	if (cell->covered == 0 || cell->dirty)
		return false;
	if (disk->kind == MAP_BTRFS)
		return cell->flags == MAP_ITEM(BTRFS_FILE_EXTENT_REG, 0, 0);
	return (cell->flags & ~(uint32_t)HARMLESS) == 0 &&
	    (cell->flags & FIEMAP_EXTENT_SHARED) != 0 && cell->block != 0;
}

bool
map_disk_proven(const struct map_disk *disk, uint64_t at)
{
	const struct map_cell *a = &disk->base.cells[at / MAP_BLOCK];
	const struct map_cell *b = &disk->snapshot.cells[at / MAP_BLOCK];
	const bool a_hole = a->covered <= at % MAP_BLOCK;
	const bool b_hole = b->covered <= at % MAP_BLOCK;

	if (a_hole || b_hole)
		return a_hole && b_hole;
	return at < disk->base.size && at < disk->snapshot.size &&
	    map_disk_trusted(disk, a) && map_disk_trusted(disk, b) &&
	    a->block == b->block;
}

bool
map_disk_joined(const struct map_disk *disk, const struct map_file *file,
    unsigned first, unsigned i)
{
	const struct map_cell *start = &file->cells[first];
	const struct map_cell *before = &file->cells[i - 1];
	const struct map_cell *cell = &file->cells[i];

	if (cell->split || cell->covered == 0 ||
	    before->covered != MAP_BLOCK || cell->flags != start->flags ||
	    cell->dirty != start->dirty ||
	    map_disk_trusted(disk, cell) != map_disk_trusted(disk, start))
		return false;
	if (disk->kind == MAP_BTRFS)
		return cell->block == before->block + 1 &&
		    cell->block % MAP_CONTAINER != 0;
	/* All of a compressed extent shows the address of its start. */
	return cell->block == before->block + 1 ||
	    (!map_disk_trusted(disk, start) && cell->block == start->block);
}

/* Bytes of its own for cell i, sometimes zeros. */
static void
private_bytes(struct map_disk *disk, struct map_file *file, unsigned i)
{
	const bool zeros = map_disk_random(disk, 6) == 0;

	for (unsigned k = 0; k < MAP_BLOCK; k++)
		file->bytes[i * MAP_BLOCK + k] = zeros ||
		    k >= file->cells[i].covered ? 0 :
		    (uint8_t)map_disk_random(disk, 256);
}

/* Flags of which at least one spoils an address. */
static uint32_t
bad_flags(struct map_disk *disk)
{
	uint32_t flag, flags = 0;

	if (disk->kind == MAP_BTRFS) {
		switch (map_disk_random(disk, 4)) {
		case 0:
			return MAP_ITEM(BTRFS_FILE_EXTENT_PREALLOC, 0, 0);
		case 1:
			return MAP_ITEM(3 + map_disk_random(disk, 253), 0, 0);
		case 2:
			return MAP_ITEM(BTRFS_FILE_EXTENT_REG,
			    1 + map_disk_random(disk, 255), 0);
		default:
			return MAP_ITEM(BTRFS_FILE_EXTENT_REG, 0,
			    1 + map_disk_random(disk, 65535));
		}
	}
	do
		flag = (uint32_t)1 << map_disk_random(disk, 32);
	while ((flag & HARMLESS) != 0);
	if (map_disk_random(disk, 2) == 0)
		flags = (uint32_t)mix(&disk->random) & ~(uint32_t)HARMLESS;
	if (map_disk_random(disk, 8) != 0)
		flags |= FIEMAP_EXTENT_SHARED;
	if (map_disk_random(disk, 4) == 0)
		flags |= FIEMAP_EXTENT_MERGED;
	return flags | flag;
}

void
map_disk_spoil(struct map_disk *disk, struct map_cell *cell, bool may_be_dirty)
{
	const uint32_t way = map_disk_random(disk, may_be_dirty ? 5 : 4);

	cell->dirty = false;
	cell->flags = bad_flags(disk);
	if (disk->kind == MAP_BTRFS || way < 2)
		return;
	cell->flags = map_disk_random(disk, 2) * FIEMAP_EXTENT_MERGED;
	if (way == 3) {
		cell->flags |= FIEMAP_EXTENT_SHARED;
		cell->block = 0;
	} else if (way == 4) {
		cell->flags |= FIEMAP_EXTENT_SHARED;
		cell->dirty = true;
	}
}

/* One cell of the first file. */
static void
make_cell(struct map_disk *disk, struct map_file *file, unsigned i)
{
	struct map_cell *cell = &file->cells[i];
	const uint32_t way = map_disk_random(disk, 16);

	cell->split = map_disk_random(disk, 5) == 0;
	if (way < 3)
		return;
	cell->covered = MAP_BLOCK;
	if (way < 13) {
		private_bytes(disk, file, i);
		map_disk_place(disk, file, i, map_disk_free_block(disk,
		    file, i));
		return;
	}
	cell->block = disk->next + map_disk_random(disk, 3);
	map_disk_spoil(disk, cell, true);
	if (i == 0 && way == 13) {
		/* In the tree; the rest of the block is hole. */
		cell->covered = 1 + map_disk_random(disk, MAP_BLOCK);
		cell->flags = disk->kind == MAP_BTRFS ?
		    MAP_ITEM(BTRFS_FILE_EXTENT_INLINE, 0, 0) :
		    FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_NOT_ALIGNED;
		cell->dirty = false;
	}
	private_bytes(disk, file, i);
}

/* Have the bytes of the disk at the address of a cell. */
static void
read_block(const struct map_disk *disk, struct map_file *file, unsigned i)
{
	memcpy(file->bytes + i * MAP_BLOCK, disk->blocks[file->cells[i].block],
	    MAP_BLOCK);
}

/*
 * One cell of the second file, mostly like that of the first.  *other is the
 * cell that the one before it came from, if that moved, else 0: what moves does
 * so in runs.
 */
static void
derive_cell(struct map_disk *disk, const struct map_file *from,
    struct map_file *file, unsigned i, unsigned *other)
{
	struct map_cell *cell = &file->cells[i];
	const bool goes_on = *other > 0 && *other + 1 < MAP_CELLS &&
	    map_disk_random(disk, 4) != 0;
	const uint32_t way = goes_on ? 16 : map_disk_random(disk, 16);
	const unsigned moved = goes_on ? *other + 1 :
	    map_disk_random(disk, MAP_CELLS);

	*cell = from->cells[i];
	if (map_disk_random(disk, 8) == 0)
		cell->split = !cell->split;
	memcpy(file->bytes + i * MAP_BLOCK, from->bytes + i * MAP_BLOCK,
	    MAP_BLOCK);
	*other = 0;
	if (way < 9) {
		/* An address that is not trusted says nothing. */
		if (!map_disk_trusted(disk, cell) && way < 4)
			private_bytes(disk, file, i);
	} else if (way < 11) {
		cell->covered = MAP_BLOCK;
		private_bytes(disk, file, i);
		map_disk_place(disk, file, i, map_disk_free_block(disk, file,
		    i));
	} else if (way < 12) {
		memset(cell, 0, sizeof(*cell));
		private_bytes(disk, file, i);
	} else if (way < 14 && cell->covered != 0) {
		map_disk_spoil(disk, cell, true);
		private_bytes(disk, file, i);
	} else if (map_disk_trusted(disk, &from->cells[moved])) {
		*cell = from->cells[moved];
		read_block(disk, file, i);
		*other = moved;
	}
}

/* What lies past the end, and how a record ends there. */
static void
make_end(struct map_disk *disk, struct map_file *file)
{
	const unsigned last = (unsigned)(file->size / MAP_BLOCK);
	const uint32_t tail = (uint32_t)(file->size % MAP_BLOCK);
	const bool allocated_past = map_disk_random(disk, 3) == 0;

	for (unsigned i = last + (tail != 0); i < MAP_CELLS; i++) {
		if (!allocated_past)
			memset(&file->cells[i], 0, sizeof(file->cells[i]));
	}
	if (tail != 0 && !allocated_past && map_disk_random(disk, 2) == 0 &&
	    file->cells[last].covered > tail)
		file->cells[last].covered = tail;
}

/* The items of btrfs stay as they are: mark where each begins. */
static void
fix_items(const struct map_disk *disk, struct map_file *file)
{
	unsigned first = 0;

	for (unsigned i = 0; i < MAP_CELLS; i++) {
		if (i > 0 && map_disk_joined(disk, file, first, i))
			continue;
		first = i;
		if (file->cells[i].covered != 0)
			file->cells[i].split = true;
	}
}

void
map_disk_make(struct map_disk *disk, enum map_kind kind, uint64_t seed,
    uint64_t round)
{
	struct map_file *base = &disk->base, *snapshot = &disk->snapshot;
	unsigned other = 0;

	memset(disk, 0, sizeof(*disk));
	disk->seed = disk->random = seed;
	disk->round = round;
	disk->random = mix(&disk->random) ^ round;
	disk->kind = kind;
	disk->next = 1 + map_disk_random(disk, 100);
	/* Neither side is always the one that was derived. */
	if (map_disk_random(disk, 2) == 0) {
		base = &disk->snapshot;
		snapshot = &disk->base;
	}
	for (unsigned i = 0; i < MAP_CELLS; i++)
		make_cell(disk, base, i);
	for (unsigned i = 0; i < MAP_CELLS; i++)
		derive_cell(disk, base, snapshot, i, &other);
	base->size = map_disk_random(disk, MAP_BYTES + 1);
	snapshot->size = map_disk_random(disk, 2) == 0 ? base->size :
	    map_disk_random(disk, MAP_BYTES + 1);
	make_end(disk, base);
	make_end(disk, snapshot);
	if (kind == MAP_BTRFS) {
		fix_items(disk, base);
		fix_items(disk, snapshot);
	}
	memset(disk->had, 0, sizeof(disk->had));
	for (unsigned i = 0; i < MAP_CELLS; i++) {
		disk->base.cells[i].moved = disk->snapshot.cells[i].moved =
		    false;
		if (map_disk_trusted(disk, &disk->base.cells[i]))
			disk->had[disk->base.cells[i].block] |=
			    (uint64_t)1 << i;
	}
}

void
map_disk_flush(struct map_disk *disk, struct map_file *file, uint64_t from,
    uint64_t to)
{
	for (unsigned i = 0; i < MAP_CELLS; i++) {
		struct map_cell *cell = &file->cells[i];

		if (!cell->dirty || (i + 1) * MAP_BLOCK <= from ||
		    i * MAP_BLOCK >= to)
			continue;
		/* New blocks are not shared. */
		cell->block = map_disk_free_block(disk, file, i);
		cell->flags = 0;
		cell->dirty = false;
	}
}

static void
check_file(struct map_disk *disk, const struct map_file *file)
{
	for (uint64_t at = 0; at < MAP_BYTES; at++) {
		const struct map_cell *cell = &file->cells[at / MAP_BLOCK];

		if (at % MAP_BLOCK >= cell->covered) {
			if (map_disk_byte(file, at) != 0)
				map_disk_fail(disk, "data in a hole");
		} else if (map_disk_trusted(disk, cell) && at < file->size) {
			if (file->bytes[at] !=
			    disk->blocks[cell->block][at % MAP_BLOCK])
				map_disk_fail(disk, "a block was lost");
		}
	}
}

void
map_disk_check(struct map_disk *disk)
{
	check_file(disk, &disk->base);
	check_file(disk, &disk->snapshot);
}
