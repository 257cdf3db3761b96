/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map_source.h - where extent maps come from: FIEMAP, the trees of btrfs, or
 * a test.
 */
#ifndef DIFF_MAP_SOURCE_H
#define DIFF_MAP_SOURCE_H

#include <stdint.h>

#include "common/err.h"
#include "diff/extent.h"

struct map_source {
	/*
	 * Read the map of bytes from from on into the window, up to limit or
	 * until the window is full; window->to > from says how far it got.
	 * Calls begin at 0, or where an extent was seen to begin, and go on at
	 * the last from, or at an offset inside the last window or at its end.
	 */
	int (*read)(struct map_source *source, uint64_t from, uint64_t limit,
	    struct extent_window *window, struct err *err);
	void (*free)(struct map_source *source);
};

/*
 * The map of an open file by FIEMAP (linux/fiemap.h), always with
 * FIEMAP_FLAG_SYNC.
 *
 * Trusted is an extent with an address other than 0 that is SHARED and has no
 * flag but LAST and MERGED: every other flag has been seen with equal
 * addresses and different bytes, or says that the address means nothing.
 * fd stays the caller's and must outlive the source.  path is for messages.
 * Returns 1 if the file system has no FIEMAP.
 */
int map_fiemap_new(int fd, const char *path, struct map_source **source,
    struct err *err);

/*
 * The map of an open file on btrfs, from the items of its tree: tells apart
 * compressed extents too.
 *
 * Trusted is a regular extent without encryption or other encoding.  The file
 * must not change while it is mapped: a private clone.  Returns 1 if this
 * process may not search trees (it takes CAP_SYS_ADMIN).
 */
int map_btrfs_new(int fd, const char *path, struct map_source **source,
    struct err *err);

#endif
