/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * deadline.h - moments until which something has to be done.
 */
#ifndef SYNC_DEADLINE_H
#define SYNC_DEADLINE_H

#include <limits.h>
#include <stdint.h>
#include <time.h>

/* Now, in milliseconds of a clock that nobody sets. */
static inline int64_t
deadline_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The moment so many seconds from now. */
static inline int64_t
deadline_in(unsigned seconds)
{
	return deadline_now() + (int64_t)seconds * 1000;
}

/* Milliseconds that are left, for poll(2); 0 when it has passed. */
static inline int
deadline_left(int64_t deadline)
{
	const int64_t left = deadline - deadline_now();

	return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

#endif
