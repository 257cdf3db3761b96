/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * history.h - the life of one file, from a seed: random operations, snapshots
 * in between, and each snapshot sent and compared.
 */
#ifndef TORTURE_HISTORY_H
#define TORTURE_HISTORY_H

#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "tests/torture/operation.h"

#define REPLICAS_MAX 4

/* Where histories take place. */
struct place {
	const char *source;
	const char *const *replicas;	/* directories, on any file system */
	size_t replica_count;		/* 1 to REPLICAS_MAX */
	unsigned tools;		/* percent that goes through the programs */
	unsigned shaken;	/* percent of histories with blocks moving */
};

/* What was done; histories add to it. */
struct tally {
	uint64_t histories;
	uint64_t operations;
	struct operation_counts kinds;
	uint64_t snapshots;
	uint64_t wholes;	/* sent whole, and compared */
	uint64_t pairs;		/* sent as difference to a base, and compared */
	uint64_t tool_pairs;	/* of these, by the programs */
	uint64_t deltas;	/* pairs whose delta was laid over the base */
};

/*
 * Live through the history of a seed, or its first operations if length is not
 * 0; *steps tells how many there were.  It ends with a snapshot that goes
 * to each replica.  What is made is removed, unless it fails.
 */
int history_run(const struct place *place, uint64_t seed, uint64_t length,
    struct tally *tally, uint64_t *steps, struct err *err);

/*
 * Look for the shortest beginning of a history that still fails, given that it
 * failed after so many steps.  Returns 0 if it does not fail again.
 */
uint64_t history_shorten(const struct place *place, uint64_t seed,
    uint64_t steps, struct err *err);

#endif
