/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * level.c - what the value of an option --compress means.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "send/gather.h"
#include "send/level.h"
#include "stream-format/compress.h"

_Static_assert(COMPRESS_LEVEL_MIN == 1 && COMPRESS_LEVEL_MAX == 19,
    "as LEVEL_USAGE says");

int
level_parse(const char *text, int *level)
{
	char *end;
	long value;

	*level = COMPRESS_LEVEL_DEFAULT;
	if (strcmp(text, "none") == 0)
		*level = 0;
	else if (strcmp(text, "auto") == 0)
		*level = GATHER_AUTO;
	else if (strncmp(text, "zstd:", 5) == 0) {
		value = strtol(text + 5, &end, 10);
		if (end == text + 5 || *end != '\0' ||
		    value < COMPRESS_LEVEL_MIN || value > COMPRESS_LEVEL_MAX)
			return -1;
		*level = (int)value;
	} else if (strcmp(text, "zstd") != 0)
		return -1;
	return 0;
}
