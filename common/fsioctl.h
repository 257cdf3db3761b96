/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fsioctl.h - what Linux file systems do by ioctl and fallocate.
 *
 * Results are -1 with errno set on failure, unless told otherwise.
 */
#ifndef COMMON_FSIOCTL_H
#define COMMON_FSIOCTL_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/fiemap.h>

#include "common/uuid.h"

/* Magic numbers of statfs(2), as in linux/magic.h. */
#define FS_TYPE_BTRFS 0x9123683eu
#define FS_TYPE_XFS 0x58465342u
#define FS_TYPE_OCFS2 0x7461636fu
#define FS_TYPE_EXT4 0xef53u

/* What kind of file system an open file lies on. */
struct fs_info {
	uint32_t type;		/* magic number of statfs(2) */
	uint32_t block_size;	/* granularity of its extents, in bytes */
};

int fs_info(int fd, struct fs_info *info);

/*
 * Does a write always leave its mark in mtime and ctime? On XFS, btrfs and ext4,
 * within one mounting (see mounting.h).  Not on OCFS2: what O_DIRECT and reflinks of
 * ranges move is not written to disk, and is gone when the inode is read again
 * (seen on Linux 6.1).  Not on tmpfs, where a mapping that was read first takes
 * writes without a trace (Linux 6.18).  Of others nobody knows: no.
 */
bool fs_keeps_times(int fd);

/*
 * The id of the file system, the same after a remount: FS_IOC_GETFSUUID
 * (Linux 6.9), else what btrfs or XFS say themselves, else the f_fsid of
 * statfs(2), which ext4 and OCFS2 make from their uuid.
 */
int fs_uuid(int fd, struct uuid *uuid);

/* The btrfs subvolume that holds the file; 0 on other file systems. */
int fs_subvolume(int fd, uint64_t *subvolume);

/* The generation number of the inode (FS_IOC_GETVERSION), 0 if there is none. */
int fs_generation(int fd, uint64_t *generation);

/*
 * Give dst, an empty file, the no-copy-on-write flag (chattr +C) of src, if
 * both lie on btrfs.
 */
int fs_copy_nocow(int src, int dst);

/*
 * Make dst, an empty file, a reflink of all of src (FICLONE).
 *
 * The no-copy-on-write flag of src is given to dst first: they must agree.
 * FICLONE is not all-or-nothing when it fails or is killed:
 * dst may hold a part.
 */
int fs_clone(int src, int dst);

/*
 * Let dst have length bytes of src, from offset from on, at offset to
 * (FICLONERANGE).  Both offsets and the length are multiples of what the file
 * system shares: a block, on OCFS2 a cluster; else EINVAL.
 */
int fs_clone_range(int src, uint64_t from, uint64_t length, int dst,
    uint64_t to);

/* Does errno of these two say that the file system, or this pair, cannot? */
bool fs_clone_unsupported(int error);

/*
 * Can files on this file system share blocks? Asked by a FIDEDUPERANGE of
 * nothing, which needs no permission.
 */
bool fs_has_reflink(int fd);

/* Does the file lie on the realtime device of an XFS? If in doubt, yes. */
bool fs_is_realtime(int fd);

/*
 * Let the next writes to shared blocks of an XFS file allocate single blocks
 * (CoW extent size; the default of 128 KiB made 391 MiB of small patches take
 * 7.3 GiB); 0 goes back to the default.  A clone inherits it.  Does nothing on
 * other file systems.
 */
int fs_set_cow_extent_size(int fd, uint32_t block_size);

/*
 * FS_IMMUTABLE_FL (chattr +i); needs CAP_LINUX_IMMUTABLE.
 */
int fs_get_immutable(int fd, bool *immutable);
int fs_set_immutable(int fd, bool immutable);

/*
 * Read extents with FIEMAP from map->fm_start; always adds FIEMAP_FLAG_SYNC,
 * since without it a dirty block shows its old address.
 */
int fs_fiemap(int fd, struct fiemap *map);

/* Deallocate a range: it reads as zeros; the size stays. */
int fs_punch(int fd, uint64_t offset, uint64_t length);

/*
 * Search the btrfs tree of the file's subvolume (BTRFS_IOC_TREE_SEARCH_V2; needs
 * CAP_SYS_ADMIN) for EXTENT_DATA items of inode from offset on.
 *
 * buffer, of buffer_size bytes, receives a struct btrfs_ioctl_search_args_v2
 * whose buf holds *items items, each a header and its data; 0 at the end.
 */
int fs_btrfs_extents(int fd, uint64_t inode, uint64_t offset, void *buffer,
    uint64_t buffer_size, uint32_t *items);

#endif
