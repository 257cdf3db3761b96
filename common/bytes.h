/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bytes.h - small questions about byte ranges.
 */
#ifndef COMMON_BYTES_H
#define COMMON_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Are all bytes zero? Compares the range with itself, shifted by one. */
static inline bool
bytes_are_zero(const void *data, size_t length)
{
	const uint8_t *p = data;

	return length == 0 || (p[0] == 0 && memcmp(p, p + 1, length - 1) == 0);
}

static inline uint64_t
bytes_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t
bytes_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

#endif
