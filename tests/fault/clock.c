/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clock.c - a library to be preloaded, which tells a program another time of
 * day: CLOCK_SECONDS, in seconds since 1970.
 *
 * Clocks of the file system, CLOCK_REALTIME_COARSE, which has to agree with
 * them, and clocks that measure stay as they are.
 */
#include "config.h"

#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Is another time told? */
static int
told_time(time_t *seconds)
{
	const char *text = getenv("CLOCK_SECONDS");
	char *end;

	if (text == NULL)
		return 0;
	*seconds = (time_t)strtoll(text, &end, 10);
	if (end == text || *end != '\0')
		_exit(98);
	return 1;
}

/* By bare system calls: a sanitizer may have taken the place of the others. */
int
clock_gettime(clockid_t clock, struct timespec *now)
{
	if (clock == CLOCK_REALTIME && told_time(&now->tv_sec)) {
		now->tv_nsec = 0;
		return 0;
	}
	return (int)syscall(SYS_clock_gettime, clock, now);
}

time_t
time(time_t *result)
{
	struct timespec now = { 0, 0 };

	clock_gettime(CLOCK_REALTIME, &now);
	if (result != NULL)
		*result = now.tv_sec;
	return now.tv_sec;
}

int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec exact = { 0, 0 };

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &exact);
	now->tv_sec = exact.tv_sec;
	now->tv_usec = exact.tv_nsec / 1000;
	return 0;
}
