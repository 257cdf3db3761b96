/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cut_list.h - the snapshots of a history that exist, and who holds replicas.
 */
#ifndef TORTURE_CUT_LIST_H
#define TORTURE_CUT_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/torture/history.h"

struct cut {
	char *path;
	bool plain;		/* a reflink that refsnap did not make */
	char *held[REPLICAS_MAX];	/* paths of its replicas, or NULL */
};

/* Oldest first. */
struct cut_list {
	size_t count;
	struct cut *cuts;
	char **paths;		/* of cuts, for operations */
};

/* Add one at the end; takes over path. */
int cut_list_add(struct cut_list *list, char *path, bool plain,
    struct err *err);

/* Delete a snapshot and its replicas. */
void cut_list_drop(struct cut_list *list, size_t cut);

/* The newest cut before one that a replica holds; list->count if none. */
size_t cut_list_newest_held(const struct cut_list *list, size_t before,
    size_t replica);

void cut_list_free(struct cut_list *list);

#endif
