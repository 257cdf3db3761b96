/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unfinished.c - list what interrupted runs left to go on with.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "receive/unfinished.h"
#include "snapshot/partial_kept.h"
#include "snapshot/store.h"

static void
describe(const struct partial_state *state, struct unfinished *unfinished)
{
	*unfinished = (struct unfinished){
		.token = {
			.snapshot = state->snapshot, .base = state->base,
			.stream = state->stream, .offset = state->offset,
		},
		.size = state->size, .written = state->written,
	};
	snprintf(unfinished->name, sizeof(unfinished->name), "%s%s%s",
	    state->origin, state->origin[0] != '\0' ? "." : "", state->name);
}

static int
list_store(const struct store *store, struct unfinished **list, size_t *count,
    struct err *err)
{
	struct partial_state *states = NULL;
	bool busy;
	int rc;

	rc = partial_kept_list(store, &states, count, &busy, err);
	if (rc != 0)
		return rc;
	if (*count == 0 && busy)
		return err_set(err, ERR_LOCKED, "%s: another refrecv works on "
		    "what could be gone on with", store->path);
	if (*count == 0)
		return err_set(err, ERR_NOBASE, "%s: there is nothing that "
		    "could be gone on with", store->path);
	*list = calloc(*count, sizeof(**list));
	if (*list == NULL)
		rc = err_sys(err, ERR_FAILED, "%s", store->path);
	for (size_t i = 0; rc == 0 && i < *count; i++)
		describe(&states[i], &(*list)[i]);
	free(states);
	return rc;
}

int
unfinished_list(const char *directory, struct unfinished **list, size_t *count,
    struct err *err)
{
	struct store store = STORE_INIT;
	int rc;

	*list = NULL;
	rc = store_open(directory, false, ERR_STREAM, &store, err);
	if (rc == 0)
		rc = list_store(&store, list, count, err);
	store_close(&store);
	return rc;
}
