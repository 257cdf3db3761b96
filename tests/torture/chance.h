/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chance.h - random numbers that a seed determines, the same on each machine.
 */
#ifndef TORTURE_CHANCE_H
#define TORTURE_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

/* Start with a seed as state; seeds next to each other serve as well. */
struct chance {
	uint64_t state;
};

/* 64 random bits (splitmix64, by Sebastiano Vigna, public domain). */
uint64_t chance_next(struct chance *chance);

/* A number below limit, which is not 0. */
uint64_t chance_below(struct chance *chance, uint64_t limit);

/* True so often of hundred. */
bool chance_percent(struct chance *chance, unsigned percent);

/* 1 to limit, of which each power of two is as likely as the next. */
uint64_t chance_size(struct chance *chance, uint64_t limit);

/* A seed that was never used. */
uint64_t chance_fresh(void);

#endif
