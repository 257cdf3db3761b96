/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mounting.h - since when a file system is mounted.
 *
 * A loss of power, and an error that shuts a file system down, can take the
 * times of a write and leave its contents: O_DIRECT and fdatasync(2) make
 * contents durable before the times that tell of them (ext4 always, XFS and
 * btrfs where the blocks are the file's own).  So what is known of a file by its
 * times is known within one mounting.
 */
#ifndef COMMON_MOUNTING_H
#define COMMON_MOUNTING_H

#include "common/uuid.h"

/*
 * What tells this mounting of the file system of an open file from every other:
 * the same in all mount name spaces, and for all bind mounts.  nil if /proc and
 * /sys do not tell, or the file system is not XFS, btrfs or ext4.
 *
 * It is made of the id of this boot and of the inode number of the directory in
 * /sys/fs that the file system has while it is mounted: kernfs never gives a
 * number twice in one boot (idr_alloc_cyclic() in fs/kernfs/dir.c; seen on Linux
 * 6.18 on each of the three).
 */
struct uuid mounting_read(int fd);

#endif
