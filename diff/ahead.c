/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ahead.c - a queue of ranges that are about to be read.
 */
#include "config.h"

#include <stdlib.h>

#include "common/bytes.h"
#include "common/cache.h"
#include "diff/ahead.h"

/*
 * What is told to the kernel at most and not yet read, in ranges and in bytes
 * of each file.  A longer range counts with its first HINT_MAX bytes: the
 * kernel reads ahead by itself in the rest.
 */
#define RANGES_MAX 1024u
#define BYTES_MAX ((uint64_t)16 << 20)
#define HINT_MAX ((uint64_t)1 << 20)

struct ahead {
	struct cache_ahead files[2];
	range_sink *use;
	void *cookie;
	struct range ranges[RANGES_MAX];	/* a ring */
	uint64_t put, used;	/* counters: put - used are in it */
	uint64_t bytes;		/* that were told of them */
};

struct ahead *
ahead_new(int base_fd, int snapshot_fd, range_sink *use, void *cookie)
{
	struct ahead *ahead = calloc(1, sizeof(*ahead));

	if (ahead == NULL)
		return NULL;
	ahead->files[0].fd = base_fd;
	ahead->files[1].fd = snapshot_fd;
	ahead->use = use;
	ahead->cookie = cookie;
	return ahead;
}

void
ahead_free(struct ahead *ahead)
{
	free(ahead);
}

/* Of a range that is not to be read nothing is told. */
static uint64_t
hint_of(const struct range *range)
{
	return range->source == RANGE_READ ?
	    bytes_min(range->length, HINT_MAX) : 0;
}

/* Use the oldest range. */
static int
use_next(struct ahead *ahead, struct err *err)
{
	const struct range range = ahead->ranges[ahead->used++ % RANGES_MAX];

	for (size_t i = 0; i < 2; i++) {
		if (ahead->files[i].start <= range.offset)
			cache_ahead_flush(&ahead->files[i]);
	}
	ahead->bytes -= hint_of(&range);
	return ahead->use(ahead->cookie, &range, err);
}

int
ahead_put(struct ahead *ahead, const struct range *range, struct err *err)
{
	const uint64_t hint = hint_of(range);
	int rc = 0;

	while (rc == 0 && (ahead->put - ahead->used == RANGES_MAX ||
	    (ahead->bytes > 0 && ahead->bytes + hint > BYTES_MAX)))
		rc = use_next(ahead, err);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < 2 && hint > 0; i++)
		cache_ahead_add(&ahead->files[i], range->offset, hint);
	ahead->ranges[ahead->put++ % RANGES_MAX] = *range;
	ahead->bytes += hint;
	return 0;
}

int
ahead_finish(struct ahead *ahead, struct err *err)
{
	int rc = 0;

	while (rc == 0 && ahead->used < ahead->put)
		rc = use_next(ahead, err);
	return rc;
}
