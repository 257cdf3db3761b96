/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * place.h - a directory to receive into, which holds a base, and what must be
 * true of it after each receive.
 */
#ifndef TESTS_FUZZ_PLACE_H
#define TESTS_FUZZ_PLACE_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/uuid.h"
#include "receive/receive.h"
#include "snapshot/partial_state.h"
#include "tests/fuzz/frames.h"
#include "tests/fuzz/model.h"

#define PLACE_BASE_SIZE 10000	/* that of the golden streams */
#define PLACE_PARTIAL_SIZE 65536u	/* a larger one is not made */

/* What is wrong with the partial for the RESUME of a stream. */
enum place_wrong {
	PLACE_FITS,
	PLACE_STREAM,
	PLACE_BASE,
	PLACE_SIZE,
	PLACE_OFFSET,
	PLACE_SNAPSHOT,
	PLACE_WRONGS,
};

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
	struct partial_state state;	/* of place_interrupt() */
	uint8_t partial[PLACE_PARTIAL_SIZE];
};

/*
 * Make it below the directory that the environment variable FUZZ_DIRECTORY
 * names.  It is not removed.
 */
void place_make(struct place_of_fuzz *place);

/*
 * Leave a partial, as an interrupted receive would, for the RESUME of a stream,
 * with this wrong.  The model learns of one that fits.  Returns false if the
 * stream has no RESUME, or of too large a snapshot.
 */
bool place_interrupt(struct place_of_fuzz *place,
    const struct frames *frames, enum place_wrong wrong, struct model *model);

/*
 * Demand that a partial is there only if it may be, and holds, below the offset
 * that its state tells, what place_interrupt() or the model says; remove it.
 */
void place_check_partial(struct place_of_fuzz *place, bool may_stay,
    const struct model *model);

/*
 * Demand that everything that a receive says it published is there, is sealed
 * and holds what the model says; remove it; demand that the place is as it was
 * made then, with nothing around it.
 */
void place_check(struct place_of_fuzz *place,
    const struct receive_result *result, const struct model *model);

#endif
