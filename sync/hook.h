/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hook.h - commands of the user around the moment of a snapshot.
 */
#ifndef SYNC_HOOK_H
#define SYNC_HOOK_H

#include "common/err.h"

#define HOOK_TIMEOUT 60u	/* seconds */

struct hooks {
	const char *pre, *post;	/* for sh -c; NULL: none */
	unsigned timeout;	/* seconds for each; 0: HOOK_TIMEOUT */
};

/* What a hook finds in its environment. */
struct hook_facts {
	const char *source;	/* REFSNAP_SOURCE: the live file */
	const char *snapshot;	/* REFSNAP_SNAPSHOT: its path, or NULL: not taken */
	int code;		/* REFSNAP_STATUS: exit code so far */
};

/*
 * Between the two calls no signal that asks this process to end does so:
 * whatever the first hook stopped, the second one lets go on.
 */
void hook_begin(void);
void hook_end(void);

/*
 * Run command, named which ("pre" or "post", REFSNAP_HOOK), by sh, its output on
 * standard error.  ERR_HOOK if its exit code is not 0, or if it takes longer
 * than seconds; then it and all that it started are killed.
 */
int hook_run(const char *which, const char *command, unsigned seconds,
    const struct hook_facts *facts, struct err *err);

#endif
