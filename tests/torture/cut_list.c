/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cut_list.c - the snapshots of a history that exist.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/torture/cut_list.h"

int
cut_list_add(struct cut_list *list, char *path, bool plain, struct err *err)
{
	const size_t count = list->count + 1;
	struct cut *cuts = realloc(list->cuts, count * sizeof(*cuts));
	char **paths;

	if (cuts != NULL)
		list->cuts = cuts;
	paths = realloc(list->paths, count * sizeof(*paths));
	if (paths != NULL)
		list->paths = paths;
	if (cuts == NULL || paths == NULL) {
		free(path);
		return err_sys(err, ERR_FAILED, "a list of snapshots");
	}
	memset(&cuts[list->count], 0, sizeof(*cuts));
	cuts[list->count].path = path;
	cuts[list->count].plain = plain;
	paths[list->count] = path;
	list->count = count;
	return 0;
}

static void
free_cut(struct cut *cut)
{
	free(cut->path);
	for (size_t i = 0; i < REPLICAS_MAX; i++)
		free(cut->held[i]);
}

void
cut_list_drop(struct cut_list *list, size_t index)
{
	struct cut *cut = &list->cuts[index];
	const size_t after = list->count - index - 1;

	unlink(cut->path);
	for (size_t i = 0; i < REPLICAS_MAX; i++) {
		if (cut->held[i] != NULL)
			unlink(cut->held[i]);
	}
	free_cut(cut);
	memmove(cut, cut + 1, after * sizeof(*cut));
	memmove(&list->paths[index], &list->paths[index + 1],
	    after * sizeof(*list->paths));
	list->count--;
}

size_t
cut_list_newest_held(const struct cut_list *list, size_t before,
    size_t replica)
{
	for (size_t i = before; i > 0; i--) {
		if (list->cuts[i - 1].held[replica] != NULL)
			return i - 1;
	}
	return list->count;
}

void
cut_list_free(struct cut_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free_cut(&list->cuts[i]);
	free(list->cuts);
	free(list->paths);
}
