/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * content.h - make one file hold what another holds, by reflink or by copy;
 * and see whether it does.
 */
#ifndef SNAPSHOT_CONTENT_H
#define SNAPSHOT_CONTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

enum reflink_mode {
	REFLINK_AUTO,		/* reflink, else copy */
	REFLINK_ALWAYS,		/* reflink, else ERR_UNABLE */
	REFLINK_NEVER,		/* copy */
};

/* Parse auto, always or never; returns -1 for another word. */
int reflink_mode_parse(const char *word, enum reflink_mode *mode);

/*
 * Make the empty file dst hold what src holds, holes included.
 *
 * *cloned tells whether by reflink.  path names src in messages.  What is
 * copied is not synced.  ERR_UNABLE if mode is REFLINK_ALWAYS and the file system
 * cannot; ERR_FAILED otherwise.  After a failure dst holds anything.
 */
int content_duplicate(int src, int dst, enum reflink_mode mode,
    const char *path, bool *cloned, struct err *err);

/*
 * Cut dst at offset from, then let it hold up to size what src holds, zeros
 * where src ends, or holes alone if src is -1.  What lies below from stays.
 *
 * mode and *cloned are those of content_duplicate(), whose work this is but for
 * the beginning; so are path and what it returns.
 */
int content_renew(int src, int dst, uint64_t from, uint64_t size,
    enum reflink_mode mode, const char *path, bool *cloned, struct err *err);

/*
 * Find the next range of data (not hole) of fd, of size bytes, from offset on.
 * Returns 1 with *start and *end set, 0 if there is only hole up to size, -1
 * with errno.  A file system that knows no holes has data only.
 */
int content_next_data(int fd, uint64_t offset, uint64_t size,
    uint64_t *start, uint64_t *end);

/* Compare two files: size and bytes.  path, of one of them, is for messages. */
int content_same(int a, int b, const char *path, bool *same, struct err *err);

#endif
