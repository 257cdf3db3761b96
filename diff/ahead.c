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
#define RANGES_MAX 4096u
#define BYTES_MAX ((uint64_t)16 << 20)
#define HINT_MAX ((uint64_t)1 << 20)

/* Where somebody looks early: so much before the use, in pieces of so much. */
#define EARLY_MAX ((uint64_t)48 << 20)
#define PIECE_MAX ((uint64_t)8 << 20)

struct entry {
	struct range range;
	uint64_t hint;		/* bytes that are told of it */
};

struct ahead {
	struct cache_ahead files[2];
	range_sink *use, *early;	/* early may be NULL */
	void *cookie, *early_cookie;
	struct entry ranges[RANGES_MAX];	/* a ring */
	/* Counters: put - used are in it, put - seen were only told of. */
	uint64_t put, seen, used;
	uint64_t told;		/* bytes that were told of, not yet seen */
	uint64_t waiting;	/* bytes that were seen early, not yet used */
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
ahead_look_early(struct ahead *ahead, range_sink *early, void *cookie)
{
	ahead->early = early;
	ahead->early_cookie = cookie;
}

void
ahead_free(struct ahead *ahead)
{
	free(ahead);
}

static uint64_t
length_of(const struct ahead *ahead, const struct range *range)
{
	return ahead->early != NULL && range->source == RANGE_READ ?
	    range->length : 0;
}

/* The oldest range that was only told of. */
static int
see_next(struct ahead *ahead, struct err *err)
{
	const struct entry *entry = &ahead->ranges[ahead->seen % RANGES_MAX];
	const struct range *range = &entry->range;

	for (size_t i = 0; i < 2; i++) {
		if (ahead->files[i].start <= range->offset)
			cache_ahead_flush(&ahead->files[i]);
	}
	ahead->seen++;
	ahead->told -= entry->hint;
	ahead->waiting += length_of(ahead, range);
	if (ahead->early == NULL || range->source != RANGE_READ)
		return 0;
	return ahead->early(ahead->early_cookie, range, err);
}

/* Use the oldest range. */
static int
use_next(struct ahead *ahead, struct err *err)
{
	struct range range;
	int rc = 0;

	if (ahead->seen == ahead->used)
		rc = see_next(ahead, err);
	if (rc != 0)
		return rc;
	range = ahead->ranges[ahead->used++ % RANGES_MAX].range;
	ahead->waiting -= length_of(ahead, &range);
	return ahead->use(ahead->cookie, &range, err);
}

/* Let go on what has waited long enough for told bytes more to be told. */
static int
advance(struct ahead *ahead, uint64_t told, struct err *err)
{
	int rc = 0;

	while (rc == 0 && ahead->told > 0 && ahead->told + told > BYTES_MAX)
		rc = see_next(ahead, err);
	while (rc == 0 && (ahead->put - ahead->used == RANGES_MAX ||
	    ahead->waiting > EARLY_MAX ||
	    (ahead->early == NULL && ahead->used < ahead->seen)))
		rc = use_next(ahead, err);
	return rc;
}

static int
put_piece(struct ahead *ahead, const struct range *range, uint64_t hint,
    struct err *err)
{
	const int rc = advance(ahead, hint, err);

	if (rc != 0)
		return rc;
	for (size_t i = 0; i < 2 && hint > 0; i++)
		cache_ahead_add(&ahead->files[i], range->offset, hint);
	ahead->ranges[ahead->put++ % RANGES_MAX] =
	    (struct entry){ *range, hint };
	ahead->told += hint;
	return 0;
}

int
ahead_put(struct ahead *ahead, const struct range *range, struct err *err)
{
	/* Of a range that is not to be read nothing is told. */
	uint64_t hint = range->source == RANGE_READ ?
	    bytes_min(range->length, HINT_MAX) : 0;
	struct range rest = *range;
	int rc = 0;

	while (rc == 0 && length_of(ahead, &rest) > PIECE_MAX) {
		const struct range piece = {
			.offset = rest.offset, .length = PIECE_MAX,
			.source = RANGE_READ,
		};

		rc = put_piece(ahead, &piece, hint, err);
		hint = 0;
		rest.offset += PIECE_MAX;
		rest.length -= PIECE_MAX;
	}
	return rc == 0 ? put_piece(ahead, &rest, hint, err) : rc;
}

int
ahead_finish(struct ahead *ahead, struct err *err)
{
	int rc = 0;

	while (rc == 0 && ahead->seen < ahead->put) {
		rc = see_next(ahead, err);
		if (rc == 0)
			rc = advance(ahead, 0, err);
	}
	while (rc == 0 && ahead->used < ahead->put)
		rc = use_next(ahead, err);
	return rc;
}
