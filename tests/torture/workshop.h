/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * workshop.h - the directories and open files of one history.
 */
#ifndef TORTURE_WORKSHOP_H
#define TORTURE_WORKSHOP_H

#include "tests/torture/history.h"

struct workshop {
	char *directory;		/* of the live file */
	char *snapshots;		/* its .snapshot */
	char *live;
	char *replicas[REPLICAS_MAX];	/* directories to receive into */
	char *stores[REPLICAS_MAX];	/* their .snapshot */
	size_t replica_count;
	struct workpiece work;		/* its files are open */
};

/*
 * Make directories named after a seed, and the files.  Close it with
 * workshop_close(), also after a failure.
 */
int workshop_open(const struct place *place, uint64_t seed, uint64_t limit,
    struct workshop *shop, struct err *err);

/* Close the files; remove the directories and all in them, unless keep. */
void workshop_close(struct workshop *shop, bool keep);

/* ERR_FAILED if a receive left anything behind. */
int workshop_check_left(const struct workshop *shop, struct err *err);

/* a/b, or a.b ...: the formatted text, to be freed; NULL without memory. */
char *path_format(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

#endif
