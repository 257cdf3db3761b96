/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shake.c - a process that moves blocks of files.
 *
 * What fails here is of no interest: files vanish under it all the time.
 */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fsioctl.h"
#include "tests/torture/operation_share.h"
#include "tests/torture/shake.h"

#define PAUSE_MAX 8000u			/* us */
#define DEDUPE_MAX (1u << 20)
#define BLOCK 4096u

/* Open a random regular file of a directory; -1 if there is none. */
static int
open_any(const char *path, struct chance *chance)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	uint64_t seen = 0;
	char name[256] = "";
	int fd = -1;

	if (directory == NULL)
		return -1;
	while ((entry = readdir(directory)) != NULL) {
		if (entry->d_type == DT_REG &&
		    chance_below(chance, ++seen) == 0)
			memcpy(name, entry->d_name, strlen(entry->d_name) + 1);
	}
	if (name[0] != '\0')
		fd = openat(dirfd(directory), name,
		    O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	closedir(directory);
	return fd;
}

static void
defragment_btrfs(int fd, struct chance *chance)
{
	struct btrfs_ioctl_defrag_range_args range = {
		.len = UINT64_MAX,
		.extent_thresh = 32u << 20,
	};

	if (chance_percent(chance, 40)) {
		range.flags = BTRFS_DEFRAG_RANGE_COMPRESS;
		range.compress_type = (uint32_t)chance_below(chance, 4);
	}
	if (chance_percent(chance, 50))
		range.flags |= BTRFS_DEFRAG_RANGE_START_IO;
	ioctl(fd, BTRFS_IOC_DEFRAG_RANGE, &range);
}

static void
balance_btrfs(int fd)
{
	struct btrfs_ioctl_balance_args balance;

	memset(&balance, 0, sizeof(balance));
	balance.flags = BTRFS_BALANCE_DATA;
	balance.data.flags = BTRFS_BALANCE_ARGS_LIMIT;
	balance.data.limit = 1;
	ioctl(fd, BTRFS_IOC_BALANCE_V2, &balance);
}

/* xfs_fsr exchanges the blocks of a file for those of a copy. */
static void
defragment_xfs(int fd)
{
	char link[64], path[4096];
	ssize_t length;
	pid_t child;
	int null;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path) - 1);
	if (length <= 0)
		return;
	path[length] = '\0';
	child = fork();
	if (child == 0) {
		null = open("/dev/null", O_RDWR);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execlp("xfs_fsr", "xfs_fsr", path, (char *)NULL);
		_exit(1);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

static void
dedupe(int fd, const char *path, struct chance *chance)
{
	const int to = open_any(path, chance);
	struct stat a, b;
	struct span span = { 0, 0 };
	uint64_t size;

	if (to < 0)
		return;
	if (fstat(fd, &a) == 0 && fstat(to, &b) == 0) {
		size = (uint64_t)(a.st_size < b.st_size ? a.st_size :
		    b.st_size);
		if (size >= BLOCK) {
			span.offset = chance_below(chance, size / BLOCK) *
			    BLOCK;
			span.length = chance_size(chance, DEDUPE_MAX / BLOCK) *
			    BLOCK;
			if (span.length > size - span.offset)
				span.length = (size - span.offset) / BLOCK *
				    BLOCK;
			share_equal(fd, span, to);
		}
	}
	close(to);
}

static void
shake_once(const char *path, struct chance *chance)
{
	const int fd = open_any(path, chance);
	struct fs_info info;

	if (fd < 0)
		return;
	if (fs_info(fd, &info) != 0 || chance_percent(chance, 40))
		dedupe(fd, path, chance);
	else if (info.type == FS_TYPE_BTRFS && chance_percent(chance, 15))
		balance_btrfs(fd);
	else if (info.type == FS_TYPE_BTRFS)
		defragment_btrfs(fd, chance);
	else if (info.type == FS_TYPE_XFS && chance_percent(chance, 25))
		defragment_xfs(fd);
	close(fd);
}

/*
 * Never in the middle: of a balance that a signal interrupts, Linux 6.18 can
 * make an error of the file system (EINTR in merge_reloc_roots), which is then
 * read-only.
 */
static void
stop_when_asked(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
}

static bool
is_asked_to_stop(void)
{
	sigset_t set;

	return sigpending(&set) == 0 && sigismember(&set, SIGTERM) == 1;
}

int
shake_start(char *const *directories, size_t count, uint64_t seed,
    pid_t *process, struct err *err)
{
	struct chance chance = { seed };
	const pid_t parent = getpid();

	*process = fork();
	if (*process < 0)
		return err_sys(err, ERR_FAILED, "fork");
	if (*process > 0)
		return 0;
	stop_when_asked();
	while (getppid() == parent && !is_asked_to_stop()) {
		shake_once(directories[chance_below(&chance, count)], &chance);
		usleep((useconds_t)chance_below(&chance, PAUSE_MAX));
	}
	_exit(0);
}

void
shake_stop(pid_t process)
{
	kill(process, SIGTERM);
	waitpid(process, NULL, 0);
}
