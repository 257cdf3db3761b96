/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * carry.h - send snapshots to a replica, by the libraries or by the installed
 * programs, and compare what arrived.
 */
#ifndef TORTURE_CARRY_H
#define TORTURE_CARRY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct carry {
	const char *base;	/* path, or NULL: send it whole */
	const char *snapshot;
	const char *directory;	/* to receive into */
	bool between;		/* refsend -I */
	bool tools;		/* by the programs in $PATH */
	int level;		/* of zstd; 0: none, and no prefix */
	unsigned threads;
};

/* Send and receive. Whether it is right is for compare_files() to tell. */
int carry_run(const struct carry *carry, struct err *err);

/* Take a snapshot of a live file by library or program; path as by default. */
int carry_create(const char *live, const char *name, bool tools,
    struct err *err);

#endif
