/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * place.h - a directory to receive into, which holds a base, and what must be
 * true of it after each receive.
 */
#ifndef TESTS_FUZZ_PLACE_H
#define TESTS_FUZZ_PLACE_H

#include <dirent.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/uuid.h"
#include "receive/receive.h"
#include "tests/fuzz/model.h"

#define PLACE_BASE_SIZE 10000	/* that of the golden streams */

/* The directories from the outermost to the innermost. */
enum place_level {
	PLACE_PARENT,		/* made here; holds the next one alone */
	PLACE_DIR,		/* what is received into */
	PLACE_SNAPSHOTS,
	PLACE_STATE,
	PLACE_LEVELS,
};

struct place_of_fuzz {
	char *path;		/* of the directory that is received into */
	int dirs[PLACE_LEVELS];
	DIR *lists[PLACE_LEVELS];	/* the same, to be listed */
	int base;		/* the base, open */
	struct uuid base_id;
	struct stat base_stat;
	uint8_t content[PLACE_BASE_SIZE];	/* of the base */
};

/*
 * Make it below the directory that the environment variable FUZZ_DIRECTORY
 * names.  It is not removed.
 */
void place_make(struct place_of_fuzz *place);

/*
 * Demand that everything that a receive says it published is there, is sealed
 * and holds what the model says; remove it; demand that the place is as it was
 * made then, with nothing around it.
 */
void place_check(struct place_of_fuzz *place,
    const struct receive_result *result, const struct model *model);

#endif
