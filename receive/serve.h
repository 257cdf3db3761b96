/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * serve.h - the far side of refsync: receive what it is told to, and tell what
 * is there.
 */
#ifndef RECEIVE_SERVE_H
#define RECEIVE_SERVE_H

#include <stdbool.h>

#include "common/err.h"
#include "receive/receive.h"

struct serve_options {
	const char *directory;	/* where paths begin; NULL: here */
	bool restricted;	/* paths stay within directory */
	bool append_only;	/* nothing is deleted or replaced */
	struct receive_options receive;
};

/*
 * Answer requests from in on out until the near side says goodbye or is gone.
 *
 * An error is told to the near side, and ends the dialogue; it is returned too,
 * so that the exit code tells it.  With restricted no path of a request leaves
 * the directory, nor follows a symbolic link.
 */
int serve(int in, int out, const struct serve_options *options,
    struct err *err);

#endif
