/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thin.c - delete the snapshots that policies do not keep, here and there.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "snapshot/prune.h"
#include "sync/thin.h"

/* A name that cannot be noted is missing in the report, no more. */
static void
note(struct thinned *thinned, const char *name)
{
	char **grown = realloc(thinned->names,
	    (thinned->count + 1) * sizeof(*grown));

	if (grown == NULL)
		return;
	thinned->names = grown;
	grown[thinned->count] = strdup(name);
	if (grown[thinned->count] != NULL)
		thinned->count++;
}

static void
on_fate(void *cookie, const struct catalog_entry *entry, const char *path,
    enum prune_fate fate)
{
	(void)entry;
	if (fate == PRUNE_DELETED)
		note(cookie, path);
}

int
thin_here(const char *path, const char *policy, const struct uuid *spared,
    bool dry_run, const struct notify *notify, struct thinned *thinned,
    struct err *err)
{
	struct prune_options options = {
		.dry_run = dry_run, .protected = spared,
		.protected_count = 1, .notify = notify, .told = on_fate,
		.cookie = thinned,
	};
	int rc = retention_parse(policy, &options.keep, err);

	return rc == 0 ? prune_snapshots(path, &options, err) : rc;
}

int
thin_there(struct peer *peer, const char *origin, const char *policy,
    const struct uuid *spared, bool dry_run, struct thinned *thinned,
    struct err *err)
{
	struct dialogue_prune *prune = &peer->message.u.prune;
	int rc;

	memset(&peer->message, 0, sizeof(peer->message));
	peer->message.type = DIALOGUE_PRUNE;
	strcpy(prune->origin, origin);
	strcpy(prune->policy, policy);
	prune->dry_run = dry_run;
	prune->keep_count = 1;
	prune->keep[0] = *spared;
	rc = talk_put(peer->talk, &peer->message, err);
	while (rc == 0) {
		rc = talk_expect(peer->talk, DIALOGUE_PRUNED, &peer->message,
		    err);
		if (rc == 0)
			note(thinned, peer->message.u.pruned.file);
	}
	return rc < 0 ? rc : 0;
}

void
thinned_free(struct thinned *thinned)
{
	for (size_t i = 0; i < thinned->count; i++)
		free(thinned->names[i]);
	free(thinned->names);
	memset(thinned, 0, sizeof(*thinned));
}
