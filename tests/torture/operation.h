/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * operation.h - what may befall a live file: one random operation.
 */
#ifndef TORTURE_OPERATION_H
#define TORTURE_OPERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "tests/torture/chance.h"
#include "tests/torture/filler.h"

/* The live file, and what operations take from. */
struct workpiece {
	const char *path;
	int fd;			/* the live file, read and write */
	int direct;		/* the same with O_DIRECT, or -1 */
	int other;		/* another file of the same file system */
	uint64_t limit;		/* no operation makes it larger */
	uint32_t block;		/* of the file system, in bytes */
	/*
	 * May blocks be allocated ahead?  btrfs compresses nothing any more in
	 * a file in which they ever were.
	 */
	bool preallocate;
	char *const *cuts;	/* paths of its snapshots, oldest first */
	size_t cut_count;
	struct chance chance;
	struct filler filler;
	uint8_t *buffer;	/* of limit bytes, aligned to a page */
};

#define OPERATION_KINDS 24

/* What was done, by kind. */
struct operation_counts {
	uint64_t done[OPERATION_KINDS];
	uint64_t refused[OPERATION_KINDS];
};

/* The name of a kind, below OPERATION_KINDS. */
const char *operation_name(unsigned kind);

/*
 * Do one operation.  Returns 0 if it was done, 1 if the file system or the
 * state of the file do not allow it, or a negative code.
 */
int operation_do(struct workpiece *work, struct operation_counts *counts,
    struct err *err);

#endif
