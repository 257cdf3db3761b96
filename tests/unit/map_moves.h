/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map_moves.h - how blocks of the disk of map_disk.h are given and taken.
 */
#ifndef TESTS_UNIT_MAP_MOVES_H
#define TESTS_UNIT_MAP_MOVES_H

#include "tests/unit/map_disk.h"

/* A block that nobody uses, and that cell i of the file may be given. */
uint32_t map_disk_free_block(struct map_disk *disk,
    const struct map_file *file, unsigned i);

/* Write the bytes of cell i to a block, which becomes its own. */
void map_disk_place(struct map_disk *disk, struct map_file *file, unsigned i,
    uint32_t block);

/* Make the address of a cell one that cannot be trusted. */
void map_disk_spoil(struct map_disk *disk, struct map_cell *cell,
    bool may_be_dirty);

#endif
