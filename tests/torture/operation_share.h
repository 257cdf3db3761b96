/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * operation_share.h - operations that share blocks, and where operations
 * happen.
 *
 * Operations return 0, 1 if the state of the file does not allow it, or -1
 * with errno.
 */
#ifndef TORTURE_OPERATION_SHARE_H
#define TORTURE_OPERATION_SHARE_H

#include "tests/torture/operation.h"

struct span {
	uint64_t offset;
	uint64_t length;	/* 0: there is no room */
};

/* The size of the live file. */
uint64_t workpiece_size(const struct workpiece *work);

/* A random span that ends at end at most; often it starts or ends at a block. */
struct span span_below(struct workpiece *work, uint64_t end);

/* A random span of whole blocks below end. */
struct span span_of_blocks(struct workpiece *work, uint64_t end);

/* Let a range of file to share its blocks with from, if they are equal. */
int share_equal(int from, struct span span, int to);

/* Give the file blocks of its own (fallocate with UNSHARE_RANGE). */
int share_unshare(struct workpiece *work);

/* The bytes of a snapshot at the same offset, written: equal, not shared. */
int share_copy_back(struct workpiece *work);

/* FICLONERANGE from the file itself, at another offset. */
int share_clone_self(struct workpiece *work);

/* FICLONERANGE from another file, which changes itself. */
int share_clone_other(struct workpiece *work);

/* FICLONERANGE from a snapshot at the same offset. */
int share_clone_cut(struct workpiece *work);

/* One block from another place in the same 128 KiB: one compressed extent. */
int share_clone_nearby(struct workpiece *work);

/* The whole of a snapshot. */
int share_clone_whole(struct workpiece *work);

/* FIDEDUPERANGE between the file and a snapshot, either way. */
int share_dedupe(struct workpiece *work);

#endif
