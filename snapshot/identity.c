/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * identity.c - what tells one file at one moment from every other.
 */
#include "config.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fsioctl.h"
#include "common/mounting.h"
#include "snapshot/identity.h"

static struct timespec
from_statx(const struct statx_timestamp *t)
{
	const struct timespec time = { t->tv_sec, t->tv_nsec };

	return time;
}

int
identity_read(int fd, const char *path, struct identity *identity,
    struct err *err)
{
	struct statx stx;

	memset(identity, 0, sizeof(*identity));
	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME,
	    &stx) != 0)
		return err_sys(err, ERR_FAILED, "%s", path);
	if (fs_uuid(fd, &identity->filesystem) != 0 ||
	    fs_subvolume(fd, &identity->subvolume) != 0 ||
	    fs_generation(fd, &identity->generation) != 0)
		return err_sys(err, ERR_FAILED,
		    "cannot identify %s and its file system", path);
	identity->inode = stx.stx_ino;
	if (stx.stx_mask & STATX_BTIME)
		identity->birth = from_statx(&stx.stx_btime);
	identity->size = stx.stx_size;
	identity->mtime = from_statx(&stx.stx_mtime);
	identity->mode = stx.stx_mode & 07777;
	identity->ctime = from_statx(&stx.stx_ctime);
	identity->mounting = mounting_read(fd);
	return 0;
}

int
time_compare(const struct timespec *a, const struct timespec *b)
{
	if (a->tv_sec != b->tv_sec)
		return a->tv_sec < b->tv_sec ? -1 : 1;
	if (a->tv_nsec != b->tv_nsec)
		return a->tv_nsec < b->tv_nsec ? -1 : 1;
	return 0;
}

bool
identity_differs(const struct identity *was, const struct identity *is,
    char *text, size_t size)
{
	if (!uuid_equal(&was->filesystem, &is->filesystem))
		snprintf(text, size, "it lies on another file system");
	else if (was->subvolume != is->subvolume)
		snprintf(text, size, "it lies in another subvolume");
	else if (was->inode != is->inode ||
	    was->generation != is->generation ||
	    time_compare(&was->birth, &is->birth) != 0)
		snprintf(text, size, "it is another file (a copy)");
	else if (was->size != is->size)
		snprintf(text, size, "its size is %" PRIu64 ", not %" PRIu64,
		    is->size, was->size);
	else if (time_compare(&was->mtime, &is->mtime) != 0)
		snprintf(text, size, "it was written to (its mtime differs)");
	else if (was->mode != is->mode)
		snprintf(text, size, "its mode is %04o, not %04o",
		    (unsigned)is->mode, (unsigned)was->mode);
	else
		return false;
	return true;
}

bool
identity_same(const struct identity *a, const struct identity *b)
{
	char text[128];

	return !identity_differs(a, b, text, sizeof(text)) &&
	    time_compare(&a->ctime, &b->ctime) == 0;
}

bool
identity_same_file(const struct identity *was, const struct identity *is)
{
	struct identity as_it_was = *is;
	char text[128];

	as_it_was.size = was->size;
	as_it_was.mtime = was->mtime;
	as_it_was.mode = was->mode;
	return !identity_differs(was, &as_it_was, text, sizeof(text));
}

bool
identity_uncertain(const struct identity *was, const struct identity *is)
{
	return uuid_is_nil(&is->mounting) ||
	    !uuid_equal(&was->mounting, &is->mounting);
}

void
time_put(struct buf_writer *w, const struct timespec *time)
{
	buf_put64(w, (uint64_t)time->tv_sec);
	buf_put32(w, (uint32_t)time->tv_nsec);
}

void
time_get(struct buf_reader *r, struct timespec *time)
{
	time->tv_sec = (time_t)buf_get64(r);
	time->tv_nsec = (long)buf_get32(r);
}

void
identity_put(struct buf_writer *w, const struct identity *identity)
{
	buf_put(w, identity->filesystem.bytes, UUID_SIZE);
	buf_put64(w, identity->subvolume);
	buf_put64(w, identity->inode);
	buf_put64(w, identity->generation);
	time_put(w, &identity->birth);
	buf_put64(w, identity->size);
	time_put(w, &identity->mtime);
	buf_put32(w, (uint32_t)identity->mode);
	time_put(w, &identity->ctime);
	buf_put(w, identity->mounting.bytes, UUID_SIZE);
}

void
identity_get(struct buf_reader *r, struct identity *identity)
{
	memset(identity, 0, sizeof(*identity));
	buf_get_copy(r, identity->filesystem.bytes, UUID_SIZE);
	identity->subvolume = buf_get64(r);
	identity->inode = buf_get64(r);
	identity->generation = buf_get64(r);
	time_get(r, &identity->birth);
	identity->size = buf_get64(r);
	time_get(r, &identity->mtime);
	identity->mode = (mode_t)buf_get32(r);
	time_get(r, &identity->ctime);
	buf_get_copy(r, identity->mounting.bytes, UUID_SIZE);
}
