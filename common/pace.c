/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pace.c - so many bytes a second, evenly.
 */
#include "config.h"

#include <errno.h>
#include <time.h>

#include "common/pace.h"

#define SECOND 1000000000u	/* ns */
#define SLICES 20u		/* of a second */

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

static void
sleep_until(uint64_t when)
{
	const struct timespec until = {
		.tv_sec = (time_t)(when / SECOND),
		.tv_nsec = (long)(when % SECOND),
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until,
	    NULL) == EINTR)
		continue;
}

size_t
pace_wait(struct pace *pace, size_t left)
{
	const uint64_t now = now_ns();
	uint64_t slice;

	if (pace->rate == 0)
		return left;
	slice = pace->rate / SLICES;
	if (slice == 0)
		slice = 1;
	if (slice > left)
		slice = left;
	if (pace->next > now)
		sleep_until(pace->next);
	else
		pace->next = now;
	/* No overflow: a slice is a twentieth of the rate, or one byte. */
	pace->next += slice * (SECOND / SLICES) /
	    (pace->rate / SLICES > 0 ? pace->rate / SLICES : 1);
	return (size_t)slice;
}
