/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verbs.h - what refsnap does for each verb; a part of its main.c.
 */
#ifndef SNAPSHOT_VERBS_H
#define SNAPSHOT_VERBS_H

#include <stdbool.h>

#include "common/err.h"
#include "common/tool.h"
#include "snapshot/create.h"

struct verb_options {
	struct create_options create;
	const char *keep;	/* --keep, or NULL */
	bool dry_run;
	bool force;
	bool json;
	bool record;
};

/* Do it with these arguments, of which there is the right number. */
typedef void verb_function(struct tool *tool,
    const struct verb_options *options, char **args, struct err *err);

verb_function verb_create, verb_list, verb_info, verb_restore, verb_clone,
    verb_delete, verb_prune, verb_verify, verb_unshare, verb_hold,
    verb_release;

#endif
