/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filler.c - bytes that compress, and of which no block repeats.
 */
#include "config.h"

#include <string.h>

#include "common/le.h"
#include "tests/torture/filler.h"

/* Each line is a serial number, spread over its bits, and filler. */
#define LINE 32

void
filler_fill(struct filler *filler, uint8_t *data, size_t size)
{
	uint8_t line[LINE];

	for (size_t done = 0; done < size; done += LINE) {
		const size_t left = size - done;

		memset(line, 'a' + (int)(filler->serial / 8 % 26), LINE);
		le64_put(line, ++filler->serial * 0x9e3779b97f4a7c15u);
		memcpy(data + done, line, left < LINE ? left : LINE);
	}
}
