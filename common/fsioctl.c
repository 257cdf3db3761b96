/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fsioctl.c - what Linux file systems do by ioctl and fallocate.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>

#include "common/fsioctl.h"

/* linux/fs.h of Linux 6.9: struct fsuuid2 and FS_IOC_GETFSUUID. */
struct fs_uuid_reply {
	uint8_t length;
	uint8_t uuid[16];
};
#define IOC_GET_FS_UUID _IOR(0x15, 0, struct fs_uuid_reply)

/* xfs/xfs_fs.h of xfsprogs: struct xfs_fsop_geom_v1 and its ioctl. */
struct xfs_geometry {
	uint32_t sizes[8];
	uint64_t counts[4];
	uint8_t uuid[16];
	uint32_t rest[7];
};
#define IOC_XFS_GEOMETRY _IOR('X', 100, struct xfs_geometry)

/* Is there no such call on this file system? Else it may work next time. */
static bool
is_missing(int error)
{
	return error == ENOTTY || error == EOPNOTSUPP || error == EINVAL ||
	    error == ENOSYS;
}

int
fs_info(int fd, struct fs_info *info)
{
	struct statfs st;

	if (fstatfs(fd, &st) != 0)
		return -1;
	info->type = (uint32_t)st.f_type;
	info->block_size = st.f_bsize > 0 && st.f_bsize <= 65536 ?
	    (uint32_t)st.f_bsize : 4096;
	return 0;
}

bool
fs_keeps_times(int fd)
{
	struct fs_info info;

	return fs_info(fd, &info) == 0 && (info.type == FS_TYPE_XFS ||
	    info.type == FS_TYPE_BTRFS || info.type == FS_TYPE_EXT4);
}

int
fs_uuid(int fd, struct uuid *uuid)
{
	struct fs_uuid_reply reply;
	struct btrfs_ioctl_fs_info_args btrfs;
	struct xfs_geometry xfs;
	struct statfs st;

	memset(uuid, 0, sizeof(*uuid));
	if (ioctl(fd, IOC_GET_FS_UUID, &reply) != 0) {
		/* Another source of the id would be another id. */
		if (!is_missing(errno))
			return -1;
	} else if (reply.length == sizeof(uuid->bytes)) {
		memcpy(uuid->bytes, reply.uuid, sizeof(uuid->bytes));
		return 0;
	}
	if (fstatfs(fd, &st) != 0)
		return -1;
	memset(&btrfs, 0, sizeof(btrfs));
	if ((uint32_t)st.f_type == FS_TYPE_BTRFS) {
		if (ioctl(fd, BTRFS_IOC_FS_INFO, &btrfs) != 0)
			return -1;
		memcpy(uuid->bytes, btrfs.fsid, sizeof(uuid->bytes));
	} else if ((uint32_t)st.f_type == FS_TYPE_XFS) {
		if (ioctl(fd, IOC_XFS_GEOMETRY, &xfs) != 0)
			return -1;
		memcpy(uuid->bytes, xfs.uuid, sizeof(uuid->bytes));
	} else {
		memcpy(uuid->bytes, &st.f_fsid, sizeof(st.f_fsid));
	}
	return 0;
}

int
fs_subvolume(int fd, uint64_t *subvolume)
{
	struct btrfs_ioctl_ino_lookup_args args;
	struct fs_info info;

	*subvolume = 0;
	if (fs_info(fd, &info) != 0)
		return -1;
	if (info.type != FS_TYPE_BTRFS)
		return 0;
	/* This object asks for the tree's own id, which needs no privilege. */
	memset(&args, 0, sizeof(args));
	args.objectid = BTRFS_FIRST_FREE_OBJECTID;
	if (ioctl(fd, BTRFS_IOC_INO_LOOKUP, &args) != 0)
		return -1;
	*subvolume = args.treeid;
	return 0;
}

int
fs_generation(int fd, uint64_t *generation)
{
	/* Declared as long, written as int. */
	unsigned value[2] = { 0, 0 };

	*generation = 0;
	if (ioctl(fd, FS_IOC_GETVERSION, value) != 0)
		return is_missing(errno) ? 0 : -1;
	*generation = value[0];
	return 0;
}

int
fs_copy_nocow(int src, int dst)
{
	unsigned src_flags = 0, dst_flags = 0;	/* declared as long */
	struct fs_info src_info, dst_info;

	if (fs_info(src, &src_info) != 0 || fs_info(dst, &dst_info) != 0)
		return -1;
	if (src_info.type != FS_TYPE_BTRFS || dst_info.type != FS_TYPE_BTRFS)
		return 0;
	if (ioctl(src, FS_IOC_GETFLAGS, &src_flags) != 0 ||
	    ioctl(dst, FS_IOC_GETFLAGS, &dst_flags) != 0)
		return 0;
	if (((src_flags ^ dst_flags) & FS_NOCOW_FL) == 0)
		return 0;
	dst_flags ^= (unsigned)FS_NOCOW_FL;
	return ioctl(dst, FS_IOC_SETFLAGS, &dst_flags);
}

int
fs_clone(int src, int dst)
{
	if (fs_copy_nocow(src, dst) != 0)
		return -1;
	return ioctl(dst, FICLONE, src);
}

int
fs_clone_range(int src, uint64_t from, uint64_t length, int dst, uint64_t to)
{
	struct file_clone_range range;

	memset(&range, 0, sizeof(range));
	range.src_fd = src;
	range.src_offset = from;
	range.src_length = length;
	range.dest_offset = to;
	return ioctl(dst, FICLONERANGE, &range);
}

bool
fs_clone_unsupported(int error)
{
	return error == EOPNOTSUPP || error == ENOTTY || error == EXDEV ||
	    error == EINVAL || error == ENOSYS;
}

bool
fs_has_reflink(int fd)
{
	struct file_dedupe_range nothing;

	memset(&nothing, 0, sizeof(nothing));
	return ioctl(fd, FIDEDUPERANGE, &nothing) == 0 ||
	    (errno != EOPNOTSUPP && errno != ENOTTY);
}

bool
fs_is_realtime(int fd)
{
	struct fsxattr attributes;

	if (ioctl(fd, FS_IOC_FSGETXATTR, &attributes) != 0)
		return !is_missing(errno);
	return (attributes.fsx_xflags & FS_XFLAG_REALTIME) != 0;
}

int
fs_set_cow_extent_size(int fd, uint32_t block_size)
{
	struct fs_info info;
	struct fsxattr attributes;

	if (fs_info(fd, &info) != 0)
		return -1;
	if (info.type != FS_TYPE_XFS)
		return 0;
	if (ioctl(fd, FS_IOC_FSGETXATTR, &attributes) != 0)
		return -1;
	if (block_size == 0 && attributes.fsx_cowextsize == 0)
		return 0;
	attributes.fsx_xflags &= ~(uint32_t)FS_XFLAG_COWEXTSIZE;
	if (block_size != 0)
		attributes.fsx_xflags |= FS_XFLAG_COWEXTSIZE;
	attributes.fsx_cowextsize = block_size;
	return ioctl(fd, FS_IOC_FSSETXATTR, &attributes);
}

int
fs_get_immutable(int fd, bool *immutable)
{
	unsigned flags = 0;

	*immutable = false;
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0)
		return errno == ENOTTY || errno == EOPNOTSUPP ? 0 : -1;
	*immutable = (flags & FS_IMMUTABLE_FL) != 0;
	return 0;
}

int
fs_set_immutable(int fd, bool immutable)
{
	unsigned flags = 0;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0)
		return -1;
	if (immutable)
		flags |= FS_IMMUTABLE_FL;
	else
		flags &= ~(unsigned)FS_IMMUTABLE_FL;
	return ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

int
fs_fiemap(int fd, struct fiemap *map)
{
	map->fm_flags |= FIEMAP_FLAG_SYNC;
	return ioctl(fd, FS_IOC_FIEMAP, map);
}

int
fs_punch(int fd, uint64_t offset, uint64_t length)
{
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	    (off_t)offset, (off_t)length);
}

int
fs_btrfs_extents(int fd, uint64_t inode, uint64_t offset, void *buffer,
    uint64_t buffer_size, uint32_t *items)
{
	struct btrfs_ioctl_search_args_v2 *args = buffer;

	memset(args, 0, sizeof(*args));
	args->key.tree_id = 0;		/* the subvolume of fd */
	args->key.min_objectid = args->key.max_objectid = inode;
	args->key.min_type = args->key.max_type = BTRFS_EXTENT_DATA_KEY;
	args->key.min_offset = offset;
	args->key.max_offset = UINT64_MAX;
	args->key.max_transid = UINT64_MAX;
	args->key.nr_items = UINT32_MAX;
	args->buf_size = buffer_size - sizeof(*args);
	if (ioctl(fd, BTRFS_IOC_TREE_SEARCH_V2, args) != 0)
		return -1;
	*items = args->key.nr_items;
	return 0;
}
