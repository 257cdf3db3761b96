/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fingerprint.c - a sample of fingerprints of bytes.
 */
#include "config.h"

#include <string.h>

#include "common/bytes.h"
#include "send/fingerprint.h"

#define WINDOW 64u		/* bytes of a fingerprint: a bit each */

/* The bits that choose: high ones, on which many bytes have acted. */
#define CHOSEN_MASK ((uint64_t)(FINGERPRINT_SPACING - 1) << 40)

/* A word of a fixed series of random ones (splitmix64). */
static uint64_t
next_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

void
fingerprint_gear(struct gear *gear)
{
	uint64_t state = 0;

	for (size_t i = 0; i < 256; i++)
		gear->words[i] = next_random(&state);
}

/* The fingerprint of the first WINDOW bytes. */
static uint64_t
first_window(const struct gear *gear, const uint8_t *bytes)
{
	uint64_t rolling = 0;

	for (size_t i = 0; i < WINDOW; i++)
		rolling = (rolling << 1) + gear->words[bytes[i]];
	return rolling;
}

/* Take one to the sample.  That of bytes which are all the same says nothing. */
static void
choose(struct fingerprints *sample, uint64_t rolling, const uint8_t *bytes,
    size_t at)
{
	const uint8_t *const window = bytes + at - (WINDOW - 1);

	if (memcmp(window, window + 1, WINDOW - 1) == 0)
		return;
	sample->values[sample->count] = rolling;
	sample->at[sample->count++] = (uint32_t)at;
}

/*
 * Both halves side by side, for the processor has room for two; it takes a third
 * of the time.
 */
static void
scan_run(const struct gear *gear, const uint8_t *bytes, size_t start,
    size_t length, struct fingerprints *sample, fingerprints_use *use,
    void *cookie)
{
	const size_t half = length / 2;
	const uint8_t *const left = bytes + start, *const right = left + half;
	uint64_t a, b;

	if (half <= WINDOW)
		return;
	a = first_window(gear, left);
	b = first_window(gear, right);
	for (size_t i = WINDOW; i < half; i++) {
		a = (a << 1) + gear->words[left[i]];
		b = (b << 1) + gear->words[right[i]];
		if ((a & CHOSEN_MASK) != 0 && (b & CHOSEN_MASK) != 0)
			continue;
		if ((a & CHOSEN_MASK) == 0)
			choose(sample, a, bytes, start + i);
		if ((b & CHOSEN_MASK) == 0)
			choose(sample, b, bytes, start + half + i);
		if (sample->count > FINGERPRINTS_MAX - 2) {
			use(cookie, sample);
			sample->count = 0;
		}
	}
}

void
fingerprint_scan(const struct gear *gear, const uint8_t *bytes,
    size_t length, size_t step, size_t run, fingerprints_use *use,
    void *cookie)
{
	struct fingerprints sample = { .count = 0 };

	for (size_t start = 0; start < length; start += step)
		scan_run(gear, bytes, start,
		    (size_t)bytes_min(run, length - start), &sample, use,
		    cookie);
	use(cookie, &sample);
}
