/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record_name.c - names of record types, and which names of files are safe.
 */
#include "config.h"

#include <string.h>

#include "stream-format/record.h"

const char *
record_type_name(uint32_t type)
{
	static const char *const names[] = {
		[RECORD_BEGIN] = "BEGIN",
		[RECORD_DATA] = "DATA",
		[RECORD_ZERO] = "ZERO",
		[RECORD_HOLE] = "HOLE",
		[RECORD_CLONE] = "CLONE",
		[RECORD_META] = "META",
		[RECORD_CHECKPOINT] = "CHECKPOINT",
		[RECORD_RESUME] = "RESUME",
		[RECORD_DIGEST] = "DIGEST",
		[RECORD_END] = "END",
	};

	if (type < RECORD_BEGIN || type > RECORD_END)
		return "unknown";
	return names[type];
}

bool
record_name_safe(const uint8_t *name, size_t length)
{
	if (length == 0 || length > RECORD_NAME_MAX)
		return false;
	if (memchr(name, '/', length) != NULL ||
	    memchr(name, '\0', length) != NULL)
		return false;
	return !(name[0] == '.' &&
	    (length == 1 || (length == 2 && name[1] == '.')));
}
