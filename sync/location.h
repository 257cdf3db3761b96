/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * location.h - where something is: a path, on this machine or on another one.
 */
#ifndef SYNC_LOCATION_H
#define SYNC_LOCATION_H

#include "common/err.h"

struct location {
	char *user;	/* NULL: not said */
	char *host;	/* NULL: this machine; of [ADDRESS] what is inside */
	char *path;
};

/* The value that a struct location starts with. */
#define LOCATION_INIT { NULL, NULL, NULL }

/*
 * Read PATH or [USER@]HOST:PATH.  It names another machine if a colon comes
 * before the first slash; HOST may be an address in brackets, [::1].  ERR_USAGE
 * if user, host or path is empty, or if user or host begins with a dash or
 * holds a control character: programs that they are handed to would take them
 * for something else.
 */
int location_parse(const char *text, struct location *location, struct err *err);

/* Forget what location_parse() allocated. */
void location_free(struct location *location);

/*
 * Take PATH[@SNAPSHOT] apart, at the last @ of the last component.  *snapshot
 * is NULL if there is none; both are the caller's to free.  ERR_USAGE if what
 * stands before or after the @ is empty.
 */
int location_split_snapshot(const char *text, char **path, char **snapshot,
    struct err *err);

#endif
