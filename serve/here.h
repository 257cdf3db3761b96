/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * here.h - the directory that a server was told to open, and all that lies there.
 */
#ifndef SERVE_HERE_H
#define SERVE_HERE_H

#include "common/err.h"
#include "common/uuid.h"
#include "snapshot/catalog.h"
#include "snapshot/store.h"

struct here {
	struct store store;
	struct catalog catalog;
};

/* Close it with here_close(), also after a failure. */
int here_open(struct here *here, struct err *err);
void here_close(struct here *here);

/* The entry of a snapshot, valid while it is open; ERR_NOBASE if there is none. */
int here_find(const struct here *here, const struct uuid *id,
    const struct catalog_entry **entry, struct err *err);

#endif
