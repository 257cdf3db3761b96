/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * alike.c - find the parts of a base that new bytes are like.
 *
 * A fingerprint is a rolling hash of the last 64 bytes (gear, as in content
 * defined chunking); which ones are kept depends on their bits alone, so the
 * same bytes at another distance yield the same fingerprints.
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
#include "snapshot/content.h"

/*
 * Measured on an upgrade within a disk image, 101 MB in 1,700 ranges, which take
 * 25.4 MB against their own old contents alone: 16.0 MB.  Parts of 16 KiB that
 * share 1 KiB make 15.8 MB of it, but are twice as many to be looked for on both
 * disks (851, not 415); those that share 8 KiB 16.6 MB.
 */
#define SHARED_MIN 4096u
#define HITS_MIN (SHARED_MIN / HIT_BYTES)

/*
 * Half of all bytes are looked at, here and there, in steps that do not fit each
 * other: so of what both share a quarter meets, wherever it lies.  It takes half
 * the time.  Of their fingerprints one in 128 is kept: one hit for 512 bytes.
 */
#define LEARN_STEP 4096u
#define FIND_STEP 6144u
#define WINDOW 64u	/* bytes of a fingerprint */
#define CHOSEN_LOG 7u
#define HIT_BYTES (4u << CHOSEN_LOG)

/* 2^20 entries of 8 bytes know the last 256 MiB. */
#define TABLE_LOG 20u

/* The bits that choose: high ones, on which many bytes have acted. */
#define CHOSEN_MASK ((((uint64_t)1 << CHOSEN_LOG) - 1) << 40)

/* An entry: 24 bits of the fingerprint, and the part plus 1, below 2^40. */
#define PART_BITS 40u
#define PART_MASK (((uint64_t)1 << PART_BITS) - 1)

#define READ_BYTES 262144u

#define SLOTS 1024u	/* to count hits; a power of 2 */
#define PROBES 8u
#define WAITING_MAX 128u

struct alike {
	int fd;
	const char *path;
	uint64_t size;
	bool cold;		/* nothing of the base was in the cache */
	uint64_t asked, data_start, data_end;	/* see next_data() */
	uint64_t gear[256];
	uint8_t buffer[READ_BYTES];
	_Atomic uint64_t table[(size_t)1 << TABLE_LOG];
};

struct hit {
	uint64_t part;		/* plus 1; 0: a free slot */
	uint32_t count;
};

/* A word of a fixed series of random ones (splitmix64). */
static uint64_t
next_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

int
alike_new(const struct snapshot *base, struct alike **result,
    struct err *err)
{
	struct alike *alike = calloc(1, sizeof(*alike));
	uint64_t state = 0;

	if (alike == NULL)
		return err_sys(err, ERR_FAILED, "%s", base->path);
	alike->fd = base->fd;
	alike->path = base->path;
	alike->size = base->identity.size;
	alike->cold = cache_is_cold(base->fd);
	for (size_t i = 0; i < 256; i++)
		alike->gear[i] = next_random(&state);
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

/*
 * Fingerprints that wait, so that the table, which is larger than the
 * processor's cache, can be asked for many at a time.
 */
struct waiting {
	size_t count;
	uint64_t fingerprints[WAITING_MAX];
	uint64_t parts[WAITING_MAX];	/* to be noted */
};

/* The fingerprint of the first WINDOW bytes. */
static uint64_t
first_window(const uint64_t *gear, const uint8_t *bytes)
{
	uint64_t rolling = 0;

	for (size_t i = 0; i < WINDOW; i++)
		rolling = (rolling << 1) + gear[bytes[i]];
	return rolling;
}

/* Note what waits: it is in its part. */
static void
note_all(struct alike *alike, struct waiting *waiting)
{
	uint64_t mark;

	for (size_t i = 0; i < waiting->count; i++)
		__builtin_prefetch(&alike->table[
		    place_of(waiting->fingerprints[i], &mark)], 1);
	for (size_t i = 0; i < waiting->count; i++) {
		const size_t place = place_of(waiting->fingerprints[i], &mark);

		atomic_store_explicit(&alike->table[place],
		    mark | waiting->parts[i], memory_order_relaxed);
	}
	waiting->count = 0;
}

/* Learn what was read at offset. */
static void
learn_bytes(struct alike *alike, uint64_t offset, size_t length)
{
	const uint8_t *const bytes = alike->buffer;
	const uint64_t *const gear = alike->gear;
	struct waiting waiting = { .count = 0 };
	uint64_t last = 0;

	for (size_t at = 0; at + WINDOW < length; at += LEARN_STEP) {
		const size_t end = (size_t)bytes_min(length,
		    at + LEARN_STEP / 2);
		uint64_t rolling = first_window(gear, bytes + at);

		for (size_t i = at + WINDOW; i < end; i++) {
			rolling = (rolling << 1) + gear[bytes[i]];
			/* Of bytes that are all the same it is the same. */
			if ((rolling & CHOSEN_MASK) != 0 || rolling == last)
				continue;
			last = rolling;
			waiting.fingerprints[waiting.count] = rolling;
			waiting.parts[waiting.count++] =
			    (offset + i) / ALIKE_CHUNK + 1;
			if (waiting.count == WAITING_MAX)
				note_all(alike, &waiting);
		}
	}
	note_all(alike, &waiting);
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
		learn_bytes(alike, offset, n);
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
look_up(const struct alike *alike, struct waiting *waiting, struct hit *hits)
{
	uint64_t entry, mark;

	for (size_t i = 0; i < waiting->count; i++)
		__builtin_prefetch(&alike->table[
		    place_of(waiting->fingerprints[i], &mark)]);
	for (size_t i = 0; i < waiting->count; i++) {
		entry = atomic_load_explicit(&alike->table[
		    place_of(waiting->fingerprints[i], &mark)],
		    memory_order_relaxed);
		if (entry != 0 && (entry & ~PART_MASK) == mark)
			count_hit(hits, entry & PART_MASK);
	}
	waiting->count = 0;
}

static void
count_hits(const struct alike *alike, const uint8_t *bytes, size_t length,
    struct hit *hits)
{
	const uint64_t *const gear = alike->gear;
	struct waiting waiting = { .count = 0 };
	uint64_t last = 0;

	for (size_t at = 0; at + WINDOW < length; at += FIND_STEP) {
		const size_t end = (size_t)bytes_min(length,
		    at + FIND_STEP / 2);
		uint64_t rolling = first_window(gear, bytes + at);

		for (size_t i = at + WINDOW; i < end; i++) {
			rolling = (rolling << 1) + gear[bytes[i]];
			if ((rolling & CHOSEN_MASK) != 0 || rolling == last)
				continue;
			last = rolling;
			waiting.fingerprints[waiting.count++] = rolling;
			if (waiting.count == WAITING_MAX)
				look_up(alike, &waiting, hits);
		}
	}
	look_up(alike, &waiting, hits);
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
	count_hits(alike, bytes, length, hits);
	for (size_t i = 0; i < SLOTS; i++) {
		if (hits[i].part == 0)
			continue;
		if (is_own(places, count, (hits[i].part - 1) * ALIKE_CHUNK))
			found->own += (uint64_t)hits[i].count * HIT_BYTES;
		else if (hits[i].count >= HITS_MIN)
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
