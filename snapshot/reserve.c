/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reserve.c - keep some space free.
 */
#include "config.h"

#include <stdbool.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/fsioctl.h"
#include "common/text.h"
#include "snapshot/reserve.h"

#define DEFAULT_BYTES (256u << 20)
#define DEFAULT_PERCENT 2

struct space {
	uint64_t free_bytes;
	uint64_t keep;		/* the reserve */
	bool limited;		/* free is what the limit leaves */
	bool full;		/* which is nothing */
};

static int
measure(const struct reserve *reserve, int fd, struct space *space,
    struct err *err)
{
	struct statvfs st;
	uint64_t total, used, left;

	if (fstatvfs(fd, &st) != 0)
		return err_sys(err, ERR_FAILED, "cannot ask for free space");
	total = (uint64_t)st.f_blocks * st.f_frsize;
	space->free_bytes = (uint64_t)st.f_bavail * st.f_frsize;
	space->keep = reserve->given ? reserve->bytes :
	    bytes_max(DEFAULT_BYTES, total / 100 * DEFAULT_PERCENT);
	used = (uint64_t)(st.f_blocks - st.f_bfree) * st.f_frsize;
	left = reserve->most > used ? reserve->most - used : 0;
	space->full = reserve->most > 0 && left == 0;
	space->limited = space->full || (reserve->most > 0 &&
	    left + space->keep < space->free_bytes);
	if (space->limited)
		space->free_bytes = left + space->keep;
	return 0;
}

/* Is so much free beside the reserve? */
static bool
is_enough(const struct space *space, uint64_t needed)
{
	return !space->full && space->free_bytes >= space->keep &&
	    space->free_bytes - space->keep >= needed;
}

/*
 * btrfs takes a write from what is free only when the transaction ends, up to
 * 30 seconds later.  Could that hide a lack? Of what others wrote, as much as
 * the reserve is thought to be possible.
 */
static bool
may_hide_lack(const struct space *space, int fd, uint64_t needed,
    uint64_t unseen)
{
	const uint64_t spare = is_enough(space, needed) ?
	    space->free_bytes - space->keep - needed : 0;
	struct fs_info info;

	if (spare >= space->keep && spare - space->keep >= unseen)
		return false;
	return fs_info(fd, &info) == 0 && info.type == FS_TYPE_BTRFS;
}

int
reserve_check(const struct reserve *reserve, int fd, uint64_t needed,
    uint64_t *unseen, struct err *err)
{
	char free_text[TEXT_SIZE_SIZE], reserve_text[TEXT_SIZE_SIZE];
	struct space space;

	if (measure(reserve, fd, &space, err) != 0)
		return -(int)err->code;
	if (may_hide_lack(&space, fd, needed, *unseen)) {
		/* If it fails, those who wrote are told so. */
		syncfs(fd);
		*unseen = 0;
		if (measure(reserve, fd, &space, err) != 0)
			return -(int)err->code;
	}
	if (is_enough(&space, needed))
		return 0;
	if (space.limited)
		return err_set(err, ERR_UNABLE, "the file system would have "
		    "more than %s in use, the limit of --max-size",
		    text_size(reserve->most, free_text));
	return err_set(err, ERR_UNABLE, "%s free, which would fall below the "
	    "reserve of %s; make room, or set another (--reserve of refsnap "
	    "and refrecv)",
	    text_size(space.free_bytes, free_text),
	    text_size(space.keep, reserve_text));
}
