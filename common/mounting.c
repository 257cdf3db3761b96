/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mounting.c - since when a file system is mounted.
 */
#include "config.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/fsioctl.h"
#include "common/io.h"
#include "common/mounting.h"

#define NAME_SIZE 64
#define PATH_SIZE 128
#define BOOT_SIZE 64

/* The name of a block device, as the kernel has it. */
static bool
device_name(dev_t device, char name[NAME_SIZE])
{
	FILE *list = fopen("/proc/partitions", "re");
	unsigned major_number, minor_number;
	char line[256];
	bool found = false;

	while (list != NULL && !found &&
	    fgets(line, sizeof(line), list) != NULL)
		found = sscanf(line, "%u %u %*u %63s", &major_number,
		    &minor_number, name) == 3 &&
		    major_number == major(device) &&
		    minor_number == minor(device);
	if (list != NULL)
		fclose(list);
	return found;
}

/* The directory that the file system has in /sys/fs. */
static bool
find_directory(int fd, char path[PATH_SIZE])
{
	char name[NAME_SIZE], text[UUID_TEXT_SIZE];
	struct fs_info info;
	struct uuid uuid;
	struct stat st;

	if (fs_info(fd, &info) != 0 || fstat(fd, &st) != 0)
		return false;
	if (info.type == FS_TYPE_BTRFS) {
		if (fs_uuid(fd, &uuid) != 0)
			return false;
		snprintf(path, PATH_SIZE, "/sys/fs/btrfs/%s",
		    uuid_format(&uuid, text));
		return true;
	}
	if ((info.type != FS_TYPE_XFS && info.type != FS_TYPE_EXT4) ||
	    !device_name(st.st_dev, name))
		return false;
	snprintf(path, PATH_SIZE, "/sys/fs/%s/%s",
	    info.type == FS_TYPE_XFS ? "xfs" : "ext4", name);
	return true;
}

/* The id of this boot; 0 bytes if /proc does not tell. */
static size_t
read_boot(char boot[BOOT_SIZE])
{
	const int fd = open("/proc/sys/kernel/random/boot_id",
	    O_RDONLY | O_CLOEXEC);
	const ssize_t n = fd < 0 ? -1 : io_read(fd, boot, BOOT_SIZE);

	if (fd >= 0)
		close(fd);
	return n > 0 ? (size_t)n : 0;
}

struct uuid
mounting_read(int fd)
{
	struct uuid unknown = { { 0 } };
	char bytes[BOOT_SIZE + sizeof(uint64_t)], path[PATH_SIZE];
	struct stat st;
	uint64_t number;
	size_t length;

	length = read_boot(bytes);
	if (length == 0 || !find_directory(fd, path) || stat(path, &st) != 0)
		return unknown;
	number = st.st_ino;
	memcpy(bytes + length, &number, sizeof(number));
	return uuid_derive(bytes, length + sizeof(number));
}
