/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record_space.c - the memory of a decoder and the fields that its parts share.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "stream-format/record_space.h"

struct record_space *
record_space_new(void)
{
	return malloc(sizeof(struct record_space));
}

void
record_space_free(struct record_space *space)
{
	free(space);
}

bool
record_get_time(struct buf_reader *r, struct timespec *time)
{
	const int64_t seconds = (int64_t)buf_get64(r);
	const uint32_t nanoseconds = buf_get32(r);

	time->tv_sec = (time_t)seconds;
	time->tv_nsec = (long)nanoseconds;
	return (int64_t)time->tv_sec == seconds && nanoseconds < 1000000000;
}

bool
record_get_text(struct buf_reader *r, char text[RECORD_NAME_MAX + 1])
{
	size_t length;
	const uint8_t *bytes = buf_get_string(r, &length);

	text[0] = '\0';
	if (length == 0)
		return true;
	if (length > RECORD_NAME_MAX || memchr(bytes, '\0', length) != NULL)
		return false;
	memcpy(text, bytes, length);
	text[length] = '\0';
	return true;
}

bool
record_range_valid(uint64_t offset, uint64_t length)
{
	return length > 0 && length <= RECORD_SIZE_MAX &&
	    offset <= RECORD_SIZE_MAX - length;
}
