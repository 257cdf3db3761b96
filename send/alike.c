/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * alike.c - find the parts of a base that new bytes are like.
 */
#include "config.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/cache.h"
#include "common/io.h"
#include "send/alike.h"
#include "send/fingerprint.h"
#include "snapshot/content.h"

/*
 * All old bytes are learned, and of the new ones a quarter is looked at, in
 * runs, for that is in the way of compressing.  So a hit stands for HIT_BYTES.
 * One is enough: that parts which share 2 KiB at least were taken cost 2 % more
 * of the bytes of an upgrade within a disk image, and 22 % of a database's.
 */
#define FIND_STEP 4608u		/* not that of pages */
#define FIND_RUN (FIND_STEP / 4)
#define HIT_BYTES (4 * FINGERPRINT_SPACING)

/* 2^21 entries of 8 bytes know the last 512 MiB: also what was used already. */
#define TABLE_LOG 21u

/*
 * An entry: 24 bits of the fingerprint, and the part plus 1, below 2^40.  What
 * lies behind the first 8 PiB of a base is not found again.
 */
#define PART_BITS 40u
#define PART_MASK (((uint64_t)1 << PART_BITS) - 1)

#define READ_BYTES 262144u
#define LEARN_RUN 32768u	/* so that a loop does not leave the fastest cache */

#define SLOTS 1024u	/* to count hits; a power of 2 */
#define PROBES 8u

struct alike {
	int fd;
	const char *path;
	uint64_t size;
	bool cold;		/* nothing of the base was in the cache */
	uint64_t asked, data_start, data_end;	/* see next_data() */
	struct gear gear;
	uint8_t buffer[READ_BYTES];
	_Atomic uint64_t table[(size_t)1 << TABLE_LOG];
};

/* What note_all() needs. */
struct learning {
	struct alike *alike;
	uint64_t offset;	/* of the bytes */
};

struct hit {
	uint64_t part;		/* plus 1; 0: a free slot */
	uint32_t count;
};

/* What look_up() needs. */
struct looking {
	const struct alike *alike;
	struct hit *hits;
};

int
alike_new(const struct snapshot *base, struct alike **result,
    struct err *err)
{
	struct alike *alike = calloc(1, sizeof(*alike));

	if (alike == NULL)
		return err_sys(err, ERR_FAILED, "%s", base->path);
	alike->fd = base->fd;
	alike->path = base->path;
	alike->size = base->identity.size;
	alike->cold = cache_is_cold(base->fd);
	fingerprint_gear(&alike->gear);
	*result = alike;
	return 0;
}

void
alike_free(struct alike *alike)
{
	if (alike == NULL)
		return;
	if (alike->cold)
		cache_drop(alike->fd, 0, 0);
	free(alike);
}

/* Where a fingerprint lies in the table, and what marks it there. */
static size_t
place_of(uint64_t fingerprint, uint64_t *mark)
{
	const uint64_t mixed = fingerprint * 0x9e3779b97f4a7c15u;

	*mark = mixed << (TABLE_LOG) & ~PART_MASK;
	return (size_t)(mixed >> (64 - TABLE_LOG));
}

/* Note which parts they are in.  The table is larger than the caches. */
static void
note_all(void *cookie, const struct fingerprints *found)
{
	const struct learning *learning = cookie;
	struct alike *const alike = learning->alike;
	uint64_t mark;

	for (size_t i = 0; i < found->count; i++)
		__builtin_prefetch(&alike->table[
		    place_of(found->values[i], &mark)], 1);
	for (size_t i = 0; i < found->count; i++) {
		const size_t place = place_of(found->values[i], &mark);
		const uint64_t part =
		    (learning->offset + found->at[i]) / ALIKE_CHUNK + 1;

		atomic_store_explicit(&alike->table[place], mark | part,
		    memory_order_relaxed);
	}
}

static int
learn_data(struct alike *alike, uint64_t offset, uint64_t end,
    struct err *err)
{
	while (offset < end) {
		const size_t n = (size_t)bytes_min(end - offset, READ_BYTES);

		if (io_pread_zeros(alike->fd, alike->buffer, n, offset) != 0)
			return err_sys(err, ERR_FAILED, "cannot read %s at "
			    "byte %" PRIu64, alike->path, offset);
		fingerprint_scan(&alike->gear, alike->buffer, n, LEARN_RUN,
		    LEARN_RUN, note_all,
		    &(struct learning){ alike, offset });
		offset += n;
	}
	return 0;
}

/*
 * Where is data at or behind offset?  The answer is kept, for ranges come in
 * pieces, and some file systems take long to look through a large hole.
 */
static int
next_data(struct alike *alike, uint64_t offset, struct err *err)
{
	int there;

	if (offset >= alike->asked && offset < alike->data_end)
		return 0;
	there = content_next_data(alike->fd, offset, alike->size,
	    &alike->data_start, &alike->data_end);
	if (there < 0)
		return err_sys(err, ERR_FAILED, "cannot find the data of %s",
		    alike->path);
	alike->asked = offset;
	if (there == 0)
		alike->data_start = alike->data_end = UINT64_MAX;
	return 0;
}

int
alike_learn(void *cookie, const struct range *range, struct err *err)
{
	struct alike *alike = cookie;
	const uint64_t end = bytes_min(range->offset + range->length,
	    alike->size);
	uint64_t offset = range->offset;
	int rc = 0;

	while (offset < end && rc == 0) {
		rc = next_data(alike, offset, err);
		if (offset < alike->data_start)
			offset = bytes_min(end, alike->data_start);
		if (rc == 0 && offset < end)
			rc = learn_data(alike, offset,
			    bytes_min(end, alike->data_end), err);
		offset = bytes_min(end, alike->data_end);
	}
	return rc;
}

/* One more hit of a part; if too many parts are hit, not of this one. */
static void
count_hit(struct hit *hits, uint64_t part)
{
	const size_t first = (size_t)((part * 0x9e3779b97f4a7c15u) >> 32);

	for (size_t i = 0; i < PROBES; i++) {
		struct hit *const hit = &hits[(first + i) % SLOTS];

		if (hit->part == 0)
			hit->part = part;
		if (hit->part == part) {
			hit->count++;
			return;
		}
	}
}

static void
look_up(void *cookie, const struct fingerprints *found)
{
	const struct looking *looking = cookie;
	const struct alike *const alike = looking->alike;
	uint64_t entry, mark;

	for (size_t i = 0; i < found->count; i++)
		__builtin_prefetch(&alike->table[
		    place_of(found->values[i], &mark)]);
	for (size_t i = 0; i < found->count; i++) {
		entry = atomic_load_explicit(&alike->table[
		    place_of(found->values[i], &mark)],
		    memory_order_relaxed);
		if (entry != 0 && (entry & ~PART_MASK) == mark)
			count_hit(looking->hits, entry & PART_MASK);
	}
}

/* Does any of the places lie in the chunk that begins at offset? */
static bool
is_own(const struct record_range *places, uint32_t count, uint64_t offset)
{
	uint32_t low = 0, high = count;

	/* The first place that ends behind the beginning of the chunk. */
	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;

		if (places[middle].offset + places[middle].length <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && places[low].offset < offset + ALIKE_CHUNK;
}

static int
more_hits_first(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return (x->part > y->part) - (x->part < y->part);
}

static int
lower_first(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;

	return (x->part > y->part) - (x->part < y->part);
}

/* The parts as ranges; those that touch are one. */
static void
add_parts(const struct alike *alike, const struct hit *hits, size_t count,
    struct alike_found *found)
{
	for (size_t i = 0; i < count; i++) {
		const uint64_t offset = (hits[i].part - 1) * ALIKE_CHUNK;
		const uint64_t length = bytes_min(alike->size - offset,
		    ALIKE_CHUNK);
		struct record_range *const last =
		    &found->parts[found->count - (found->count > 0)];

		if (found->count > 0 && last->offset + last->length == offset)
			last->length += length;
		else
			found->parts[found->count++] =
			    (struct record_range){ offset, length };
		found->length += (uint32_t)length;
	}
}

void
alike_find(const struct alike *alike, const uint8_t *bytes, size_t length,
    const struct record_range *places, uint32_t count,
    struct alike_found *found)
{
	struct hit hits[SLOTS] = { { 0, 0 } };
	size_t kept = 0;

	found->count = found->length = 0;
	found->own = 0;
	fingerprint_scan(&alike->gear, bytes, length, FIND_STEP, FIND_RUN,
	    look_up, &(struct looking){ alike, hits });
	for (size_t i = 0; i < SLOTS; i++) {
		if (hits[i].part == 0)
			continue;
		if (is_own(places, count, (hits[i].part - 1) * ALIKE_CHUNK))
			found->own += (uint64_t)hits[i].count * HIT_BYTES;
		else
			hits[kept++] = hits[i];
	}
	qsort(hits, kept, sizeof(hits[0]), more_hits_first);
	if (kept > ALIKE_PARTS_MAX)
		kept = ALIKE_PARTS_MAX;
	qsort(hits, kept, sizeof(hits[0]), lower_first);
	add_parts(alike, hits, kept, found);
}

int
alike_read(const struct alike *alike, const struct alike_found *found,
    uint8_t *bytes, struct err *err)
{
	for (uint32_t i = 0; i < found->count; i++) {
		const struct record_range *part = &found->parts[i];

		if (io_pread_zeros(alike->fd, bytes, (size_t)part->length,
		    part->offset) != 0)
			return err_sys(err, ERR_FAILED, "cannot read %s at "
			    "byte %" PRIu64, alike->path, part->offset);
		bytes += part->length;
	}
	return 0;
}
