/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lines.h - pass text on in whole lines, to a descriptor that others use too.
 */
#ifndef SYNC_LINES_H
#define SYNC_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINES_SIZE 4096u	/* PIPE_BUF: a pipe takes so much or nothing */

/* What was not passed on yet; put more at bytes + have, and add to have. */
struct lines {
	int fd;			/* -1: nowhere */
	uint8_t bytes[LINES_SIZE];
	size_t have;
};

/*
 * Write what is there up to the end of a line, and all of it if it fills the
 * buffer or is the last.  Never waits: returns false if fd takes nothing now,
 * and true if it did or there was nothing to write; then there is room.
 */
bool lines_flush(struct lines *lines, bool last);

#endif
