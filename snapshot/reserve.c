/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reserve.c - keep some space free.
 */
#include "config.h"

#include <sys/statvfs.h>

#include "common/bytes.h"
#include "common/text.h"
#include "snapshot/reserve.h"

#define DEFAULT_BYTES (256u << 20)
#define DEFAULT_PERCENT 2

int
reserve_check(const struct reserve *reserve, int fd, uint64_t needed,
    struct err *err)
{
	char free_text[TEXT_SIZE_SIZE], reserve_text[TEXT_SIZE_SIZE];
	struct statvfs st;
	uint64_t total, free_bytes, keep;

	if (fstatvfs(fd, &st) != 0)
		return err_sys(err, ERR_FAILED, "cannot ask for free space");
	total = (uint64_t)st.f_blocks * st.f_frsize;
	free_bytes = (uint64_t)st.f_bavail * st.f_frsize;
	keep = reserve->given ? reserve->bytes :
	    bytes_max(DEFAULT_BYTES, total / 100 * DEFAULT_PERCENT);
	if (free_bytes >= keep && free_bytes - keep >= needed)
		return 0;
	return err_set(err, ERR_UNABLE, "%s free, which would fall below the "
	    "reserve of %s; make room, or set another with --reserve",
	    text_size(free_bytes, free_text), text_size(keep, reserve_text));
}
