/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map_ioctl.c - stands in for the kernel.
 *
 * Where the kernel has a choice, chance takes it: records are cut at what was
 * asked for or not, searches return few items or many.
 */
#include "config.h"

#include <errno.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>

#include "common/bytes.h"
#include "common/le.h"
#include "tests/unit/map_ioctl.h"

static struct map_disk *disk;
static int base_fd = -1, snapshot_fd = -1;

void
map_ioctl_attach(struct map_disk *which, int base, int snapshot)
{
	disk = which;
	base_fd = base;
	snapshot_fd = snapshot;
}

/* The last cell of the record that begins at first. */
static unsigned
last_of(const struct map_file *file, unsigned first)
{
	unsigned i = first;

	while (i + 1 < MAP_CELLS && map_disk_joined(disk, file, first, i + 1))
		i++;
	return i;
}

static struct fiemap_extent
record_of(const struct map_file *file, unsigned first, unsigned last)
{
	const struct map_cell *cell = &file->cells[first];
	struct fiemap_extent record;

	memset(&record, 0, sizeof(record));
	record.fe_logical = first * MAP_BLOCK;
	record.fe_length = (last - first) * MAP_BLOCK +
	    file->cells[last].covered;
	record.fe_physical = (uint64_t)cell->block * MAP_BLOCK;
	record.fe_flags = cell->flags;
	return record;
}

/*
 * Cut a record as XFS does at both ends, or as btrfs does not: the same one
 * always in the same way, since the address may move along or not.
 */
static void
cut(struct fiemap_extent *record, uint64_t from, uint64_t to, bool moves)
{
	const uint64_t chance = disk->round / 4 + record->fe_logical / MAP_BLOCK;

	if (record->fe_logical < from && chance % 2 == 0) {
		const uint64_t n = from - record->fe_logical;

		record->fe_logical += n;
		record->fe_length -= n;
		record->fe_physical += moves ? n : 0;
	}
	if (record->fe_logical + record->fe_length > to &&
	    map_disk_random(disk, 2) == 0)
		record->fe_length = to - record->fe_logical;
}

static int
answer_fiemap(struct map_file *file, struct fiemap *map)
{
	const uint64_t from = map->fm_start, to = from + map->fm_length;
	struct fiemap_extent *last = NULL;
	unsigned i, end;

	if ((map->fm_flags & FIEMAP_FLAG_SYNC) != 0)
		map_disk_flush(disk, file, from, to);
	map->fm_mapped_extents = 0;
	for (i = 0; i < MAP_CELLS; i = end + 1) {
		struct fiemap_extent record;

		end = i;
		if (file->cells[i].covered == 0)
			continue;
		end = last_of(file, i);
		record = record_of(file, i, end);
		if (record.fe_logical >= to || (map->fm_extent_count != 0 &&
		    map->fm_mapped_extents == map->fm_extent_count))
			return 0;
		if (record.fe_logical + record.fe_length <= from)
			continue;
		cut(&record, from, to, map_disk_trusted(disk,
		    &file->cells[i]));
		if (map->fm_extent_count != 0) {
			last = &map->fm_extents[map->fm_mapped_extents];
			*last = record;
		}
		map->fm_mapped_extents++;
	}
	/* There is no extent after this one. */
	if (last != NULL && map_disk_random(disk, 4) != 0)
		last->fe_flags |= FIEMAP_EXTENT_LAST;
	return 0;
}

/*
 * The key of the extent that holds a block.  Two blocks never have the same,
 * but often all of it is equal but one part, and addresses overlap.
 */
static void
put_key(struct btrfs_file_extent_item *item, uint32_t block)
{
	const uint32_t n = block / MAP_CONTAINER;
	const uint32_t place = 1 + n % 4 + 1000 * (n / 108);

	le64_put((uint8_t *)&item->disk_bytenr, (uint64_t)place * MAP_BLOCK);
	le64_put((uint8_t *)&item->ram_bytes, 131072 + n / 4 % 3);
	le64_put((uint8_t *)&item->generation, 5 + n / 12 % 3);
	item->compression = (uint8_t)(n / 36 % 3);
	le64_put((uint8_t *)&item->offset,
	    block % MAP_CONTAINER * (uint64_t)MAP_BLOCK);
}

/* The item of cells first to last; returns its length. */
static uint32_t
make_item(const struct map_file *file, unsigned first, unsigned last,
    struct btrfs_file_extent_item *item)
{
	const struct map_cell *cell = &file->cells[first];
	const uint32_t covered = file->cells[last].covered;
	const bool hole = covered == 0;

	memset(item, 0, sizeof(*item));
	item->type = hole ? BTRFS_FILE_EXTENT_REG : (uint8_t)cell->flags;
	if (item->type == BTRFS_FILE_EXTENT_INLINE) {
		le64_put((uint8_t *)&item->ram_bytes, covered);
		return offsetof(struct btrfs_file_extent_item, disk_bytenr) +
		    covered;
	}
	le64_put((uint8_t *)&item->num_bytes, (last - first) * MAP_BLOCK +
	    (hole ? MAP_BLOCK : covered));
	if (hole)
		return sizeof(*item);
	put_key(item, cell->block);
	item->encryption = (uint8_t)(cell->flags >> 8);
	le16_put((uint8_t *)&item->other_encoding,
	    (uint16_t)(cell->flags >> 16));
	return sizeof(*item);
}

static int
answer_search(const struct map_file *file,
    struct btrfs_ioctl_search_args_v2 *args)
{
	struct btrfs_ioctl_search_header header = {
		.objectid = args->key.min_objectid,
		.type = BTRFS_EXTENT_DATA_KEY,
	};
	const uint32_t most = bytes_min(args->key.nr_items,
	    map_disk_random(disk, 3) == 0 ? MAP_CELLS :
	    1 + map_disk_random(disk, 4)) & UINT32_MAX;
	uint8_t *p = (uint8_t *)args->buf;
	unsigned i, last;

	args->key.nr_items = 0;
	for (i = 0; i < MAP_CELLS && args->key.nr_items < most; i = last + 1) {
		struct btrfs_file_extent_item item;

		last = file->cells[i].covered != 0 ? last_of(file, i) : i;
		header.offset = i * MAP_BLOCK;
		/* Holes have items, or none. */
		if (header.offset < args->key.min_offset ||
		    (file->cells[i].covered == 0 && file->cells[i].split))
			continue;
		header.len = make_item(file, i, last, &item);
		memcpy(p, &header, sizeof(header));
		memcpy(p + sizeof(header), &item, header.len < sizeof(item) ?
		    header.len : sizeof(item));
		p += sizeof(header) + header.len;
		args->key.nr_items++;
	}
	return 0;
}

int
ioctl(int fd, unsigned long request, ...)
{
	const struct btrfs_ioctl_search_args_v2 *search;
	const struct fiemap *map;
	struct map_file *file;
	va_list arguments;
	uint64_t at;
	void *argument;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	if (disk == NULL || (fd != base_fd && fd != snapshot_fd)) {
		errno = EBADF;
		return -1;
	}
	file = fd == base_fd ? &disk->base : &disk->snapshot;
	search = argument;
	map = argument;
	at = disk->kind == MAP_BTRFS ? search->key.min_offset : map->fm_start;
	while (map_disk_random(disk, 5) < 3)
		map_disk_move(disk, at);
	if (request == FS_IOC_FIEMAP && disk->kind == MAP_FIEMAP)
		return answer_fiemap(file, argument);
	if (request == BTRFS_IOC_TREE_SEARCH_V2 && disk->kind == MAP_BTRFS)
		return answer_search(file, argument);
	errno = ENOTTY;
	return -1;
}
