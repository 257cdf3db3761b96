/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mend.h - make a bent stream obey again most of the rules that span frames.
 */
#ifndef TESTS_FUZZ_MEND_H
#define TESTS_FUZZ_MEND_H

#include <stddef.h>
#include <stdint.h>

/* What to put right; any set of these. */
#define MEND_HEADER 1u		/* magic, version, length, features */
#define MEND_BEGIN 2u		/* the id of the stream, the size; RESUME */
#define MEND_META 4u		/* the modification time */
#define MEND_RANGES 8u		/* ranges ascend */
#define MEND_LENGTHS 16u	/* raw and encoded length of DATA */
#define MEND_END 32u		/* counts, digest, which one is the last */
#define MEND_ALL 63u

/* Mend the stream of size bytes where it lies. */
void mend(uint8_t *stream, size_t size, unsigned what);

#endif
