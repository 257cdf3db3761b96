/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map_ioctl.h - stands in for the kernel: answers FIEMAP and searches of trees
 * of btrfs from the disk of map_disk.h.
 */
#ifndef TESTS_UNIT_MAP_IOCTL_H
#define TESTS_UNIT_MAP_IOCTL_H

#include "tests/unit/map_disk.h"

/* From now on ioctl(2) on these two is about the files of this disk. */
void map_ioctl_attach(struct map_disk *disk, int base_fd, int snapshot_fd);


#endif
