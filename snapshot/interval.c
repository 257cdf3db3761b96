/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * interval.c - set an attribute that tells when it was set.
 */
#include "config.h"

#include <sys/xattr.h>

#include "snapshot/identity.h"
#include "snapshot/interval.h"

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
/* How far the interval reaches past the setting, which is waited for. */
#define INTERVAL_NS (20 * NS_PER_MS)
#define INTERVAL_MAX_NS (10 * NS_PER_S)
#define TRIES 100		/* with naps of 20 ms */

static struct timespec
time_add(struct timespec time, int64_t ns)
{
	time.tv_sec += (time_t)(ns / NS_PER_S);
	time.tv_nsec += (long)(ns % NS_PER_S);
	if (time.tv_nsec >= NS_PER_S) {
		time.tv_nsec -= (long)NS_PER_S;
		time.tv_sec++;
	}
	return time;
}

/* From a to b. */
static int64_t
time_between(const struct timespec *a, const struct timespec *b)
{
	return (b->tv_sec - a->tv_sec) * NS_PER_S + b->tv_nsec - a->tv_nsec;
}

/* The clock that file systems stamp with: it lags the precise one by a tick. */
static struct timespec
stamp_clock(void)
{
	struct timespec now = { 0, 0 };

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return now;
}

struct interval
interval_from_now(int64_t ns)
{
	const struct timespec now = stamp_clock();
	const struct interval interval = { now, time_add(now, ns) };

	return interval;
}

bool
interval_holds(const struct interval *interval, const struct timespec *time)
{
	return time_compare(time, &interval->after) >= 0 &&
	    time_compare(time, &interval->before) <= 0;
}

void
interval_wait(const struct timespec *moment, int64_t ns)
{
	const struct timespec nap = { 0, (long)NS_PER_MS };
	struct timespec now = stamp_clock();

	/* A limit of naps: the clock may be set back meanwhile. */
	for (int64_t i = 0; i < 5 * (ns / NS_PER_MS) &&
	    time_compare(&now, moment) <= 0; i++) {
		nanosleep(&nap, NULL);
		now = stamp_clock();
	}
}

/* From now on, or from the beginning of this second. */
static struct interval
choose(int64_t ns, bool whole_seconds)
{
	struct interval interval = interval_from_now(ns);

	if (whole_seconds) {
		interval.after.tv_nsec = 0;
		interval.before = time_add(interval.after, ns);
	}
	return interval;
}

/*
 * A full journal, or another node of a cluster, can hold the setting up.  Then
 * again, with an interval of twice what it took; likewise if the clock was set
 * back.  Times in whole seconds (ext4 with small inodes) get an interval of whole
 * seconds.  An attribute that is not true does not stay: it would get the file
 * refused.
 */
int
interval_write(int fd, const char *path, const char *name, interval_set *set,
    void *cookie, struct err *err)
{
	int64_t took, ns = INTERVAL_NS;
	const struct timespec nap = { 0, (long)(20 * NS_PER_MS) };
	struct interval interval;
	struct identity is;
	bool whole_seconds = false;
	int rc, tries = 0;

	do {
		interval = choose(ns, whole_seconds);
		rc = set(cookie, &interval, err);
		if (rc != 0)
			return rc;
		rc = identity_read(fd, path, &is, err);
		took = rc != 0 ? 0 : time_between(&interval.after, &is.ctime);
		if (rc == 0 && took >= 0 && took <= ns) {
			interval_wait(&interval.before, ns);
			return 0;
		}
		fremovexattr(fd, name);
		if (took < 0 && is.ctime.tv_nsec == 0 && !whole_seconds) {
			whole_seconds = true;
			ns = NS_PER_S - 1;
		} else if (took < 0) {
			nanosleep(&nap, NULL);
		} else {
			ns = 2 * took;
		}
	} while (rc == 0 && ns <= INTERVAL_MAX_NS && ++tries < TRIES);
	if (rc != 0)
		return rc;
	if (took < 0)
		return err_set(err, ERR_FAILED, "cannot seal %s: the clock of "
		    "its file system is behind the one here", path);
	return err_set(err, ERR_FAILED, "cannot seal %s: the file system "
	    "takes too long to set an attribute", path);
}
