/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lines.c - pass text on in whole lines.
 */
#include "config.h"

#include <poll.h>
#include <string.h>

#include "common/io.h"
#include "sync/lines.h"

/* How much is to be written. */
static size_t
whole_lines(const struct lines *lines, bool last)
{
	const uint8_t *end = memrchr(lines->bytes, '\n', lines->have);

	if (last || (end == NULL && lines->have == LINES_SIZE))
		return lines->have;
	return end == NULL ? 0 : (size_t)(end + 1 - lines->bytes);
}

bool
lines_flush(struct lines *lines, bool last)
{
	const size_t size = whole_lines(lines, last);
	/* It is not ours: it may block, and must not be told not to. */
	struct pollfd ready = { .fd = lines->fd, .events = POLLOUT };

	if (size == 0)
		return true;
	if (lines->fd >= 0 && poll(&ready, 1, 0) == 0)
		return false;
	if (lines->fd >= 0 && io_write(lines->fd, lines->bytes, size) != 0)
		lines->fd = -1;
	lines->have -= size;
	memmove(lines->bytes, lines->bytes + size, lines->have);
	return true;
}
