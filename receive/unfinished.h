/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unfinished.h - the snapshots that interrupted runs left, to go on with.
 */
#ifndef RECEIVE_UNFINISHED_H
#define RECEIVE_UNFINISHED_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "common/err.h"
#include "stream-format/record.h"
#include "stream-format/token.h"

#define UNFINISHED_NAME_SIZE (2 * RECORD_NAME_MAX + 2)	/* ORIGIN.NAME */

struct unfinished {
	struct token token;	/* for refsend --resume */
	char name[UNFINISHED_NAME_SIZE];	/* of the file that it will be */
	uint64_t size;		/* of the whole snapshot */
	struct timespec written;	/* when it got as far as that */
};

/*
 * List those of a directory, by name; free() the list.  ERR_NOBASE if there is
 * none; ERR_LOCKED if a run works on the only ones.
 */
int unfinished_list(const char *directory, struct unfinished **list,
    size_t *count, struct err *err);

#endif
