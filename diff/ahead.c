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
 * What is told to the kernel at most and not yet read, of each file.  A longer
 * range counts with its first HINT_MAX bytes: the kernel reads ahead by itself
 * in the rest.
 */
#define BYTES_MAX ((uint64_t)16 << 20)
#define HINT_MAX ((uint64_t)1 << 20)

#define RANGES_MAX 65536u	/* that wait: 2 MiB of memory */

/* Where somebody looks early: so much before the use, in pieces of so much. */
#define EARLY_MAX ((uint64_t)256 << 20)
#define PIECE_MAX ((uint64_t)8 << 20)

enum { BASE, SNAPSHOT, FILES };

struct entry {
	struct range range;
	uint64_t hint;		/* bytes that the kernel is told of it */
};

/* What the kernel is told of a file. */
struct telling {
	struct cache_ahead file;
	uint64_t told;		/* ranges that it was told of */
	uint64_t bytes;		/* of them, not yet read */
};

struct ahead {
	struct telling files[FILES];
	range_sink *use, *early;	/* early may be NULL */
	void *cookie, *early_cookie;
	struct entry *ranges;	/* a ring of RANGES_MAX */
	/* Counters: those from used on are in it, those below seen were seen. */
	uint64_t put, seen, used;
	uint64_t waiting;	/* bytes that were seen early, not yet used */
};

struct ahead *
ahead_new(int base_fd, int snapshot_fd, range_sink *use, void *cookie)
{
	struct ahead *ahead = calloc(1, sizeof(*ahead));

	if (ahead == NULL)
		return NULL;
	ahead->files[BASE].file.fd = base_fd;
	ahead->files[SNAPSHOT].file.fd = snapshot_fd;
	ahead->use = use;
	ahead->cookie = cookie;
	ahead->ranges = malloc(RANGES_MAX * sizeof(struct entry));
	if (ahead->ranges == NULL) {
		ahead_free(ahead);
		return NULL;
	}
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
	if (ahead == NULL)
		return;
	free(ahead->ranges);
	free(ahead);
}

static struct entry *
entry_of(const struct ahead *ahead, uint64_t number)
{
	return &ahead->ranges[number % RANGES_MAX];
}

static uint64_t
length_of(const struct ahead *ahead, const struct range *range)
{
	return ahead->early != NULL && range->source == RANGE_READ ?
	    range->length : 0;
}

/* Tell of what was put, as much as may be told. */
static void
tell(struct ahead *ahead, size_t file)
{
	struct telling *const telling = &ahead->files[file];

	while (telling->told < ahead->put) {
		const struct entry *entry = entry_of(ahead, telling->told);

		if (telling->bytes + entry->hint > BYTES_MAX)
			break;
		if (entry->hint > 0)
			cache_ahead_add(&telling->file, entry->range.offset,
			    entry->hint);
		telling->bytes += entry->hint;
		telling->told++;
	}
}

/* What was told of it is read now. */
static void
read_now(struct ahead *ahead, size_t file, const struct entry *entry)
{
	struct telling *const telling = &ahead->files[file];

	if (telling->file.start <= entry->range.offset)
		cache_ahead_flush(&telling->file);
	telling->bytes -= entry->hint;
}

/* The oldest range that nobody saw: early, or about to be used. */
static int
see_next(struct ahead *ahead, struct err *err)
{
	const struct entry *entry = entry_of(ahead, ahead->seen);

	tell(ahead, BASE);
	read_now(ahead, BASE, entry);
	ahead->seen++;
	ahead->waiting += length_of(ahead, &entry->range);
	if (ahead->early == NULL || entry->range.source != RANGE_READ)
		return 0;
	return ahead->early(ahead->early_cookie, &entry->range, err);
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
	tell(ahead, SNAPSHOT);
	read_now(ahead, SNAPSHOT, entry_of(ahead, ahead->used));
	range = entry_of(ahead, ahead->used++)->range;
	ahead->waiting -= length_of(ahead, &range);
	return ahead->use(ahead->cookie, &range, err);
}

/* Tell of what was put, and let go on what has waited long enough for that. */
static int
advance(struct ahead *ahead, struct err *err)
{
	int rc = 0;

	tell(ahead, SNAPSHOT);
	tell(ahead, BASE);
	while (rc == 0 && ahead->files[BASE].told < ahead->put) {
		rc = ahead->early == NULL ? use_next(ahead, err) :
		    see_next(ahead, err);
		tell(ahead, BASE);
	}
	while (rc == 0 && ahead->waiting > EARLY_MAX)
		rc = use_next(ahead, err);
	return rc;
}

static int
put_piece(struct ahead *ahead, const struct range *range, uint64_t hint,
    struct err *err)
{
	int rc = 0;

	if (ahead->put - ahead->used == RANGES_MAX)
		rc = use_next(ahead, err);
	if (rc != 0)
		return rc;
	*entry_of(ahead, ahead->put++) = (struct entry){ *range, hint };
	return advance(ahead, err);
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
		rc = ahead->early == NULL ? use_next(ahead, err) :
		    see_next(ahead, err);
		if (rc == 0)
			rc = advance(ahead, err);
	}
	while (rc == 0 && ahead->used < ahead->put)
		rc = use_next(ahead, err);
	return rc;
}
