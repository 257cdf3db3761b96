/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pace.h - so many bytes a second, evenly.
 */
#ifndef COMMON_PACE_H
#define COMMON_PACE_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed, with rate set, is the start. */
struct pace {
	uint64_t rate;		/* bytes a second; 0: no limit */
	uint64_t next;		/* CLOCK_MONOTONIC, ns: when more may go */
};

/*
 * Wait until bytes may go, and return how many of left: a twentieth of a second's
 * worth at most.  Time that was not used is lost, so there are no bursts.
 */
size_t pace_wait(struct pace *pace, size_t left);

#endif
