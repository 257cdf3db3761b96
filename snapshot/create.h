/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * create.h - take a snapshot of a live file.
 */
#ifndef SNAPSHOT_CREATE_H
#define SNAPSHOT_CREATE_H

#include <stdbool.h>

#include "common/err.h"
#include "common/notify.h"
#include "snapshot/content.h"
#include "snapshot/reserve.h"
#include "snapshot/seal.h"

struct create_options {
	const char *output;	/* path of the snapshot, or NULL: DIR/.snapshot */
	const char *name;	/* its name, or NULL: the time in UTC */
	bool immutable;		/* chattr +i afterwards */
	enum reflink_mode reflink;	/* auto and never may copy */
	struct reserve reserve;
	const struct notify *notify;
};

struct create_result {
	char *path;		/* of the snapshot; free() it */
	bool taken;		/* it is there, even if the call failed later */
	struct seal seal;
	double stall;		/* seconds for which writers may have waited */
	bool cloned;		/* false: copied */
};

/*
 * Take a snapshot of the regular file live.
 *
 * A reflink is an instant; it is fsynced, given owner, attributes, access
 * list and times of the live file, sealed, made read-only, and only then
 * published, never replacing anything (ERR_IDENTITY); making it immutable
 * comes last and can fail after that.  A copy
 * (options->reflink) is no instant: it is refused while somebody has the file
 * open for writing, and if the file changed meanwhile.  On failure nothing is
 * left behind unless result->taken.
 */
int create_snapshot(const char *live, const struct create_options *options,
    struct create_result *result, struct err *err);

#endif
