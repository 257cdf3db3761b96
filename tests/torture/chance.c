/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chance.c - random numbers that a seed determines.
 */
#include "config.h"

#include <sys/random.h>
#include <time.h>

#include "tests/torture/chance.h"

uint64_t
chance_next(struct chance *chance)
{
	uint64_t z = chance->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint64_t
chance_below(struct chance *chance, uint64_t limit)
{
	return chance_next(chance) % limit;
}

bool
chance_percent(struct chance *chance, unsigned percent)
{
	return chance_below(chance, 100) < percent;
}

uint64_t
chance_size(struct chance *chance, uint64_t limit)
{
	unsigned bits = 0;
	uint64_t top;

	while (bits < 63 && limit >> (bits + 1) != 0)
		bits++;
	top = (uint64_t)2 << chance_below(chance, bits + 1);
	return 1 + chance_below(chance, top < limit ? top : limit);
}

uint64_t
chance_fresh(void)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		seed = (uint64_t)time(NULL);
	/* Short enough to be typed, with room to count on. */
	return seed % 1000000000 * 1000000;
}
