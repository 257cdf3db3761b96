/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * list.h - print what snapshots there are, and all about one.
 */
#ifndef SNAPSHOT_LIST_H
#define SNAPSHOT_LIST_H

#include <stdbool.h>
#include <stdio.h>

#include "common/err.h"

/*
 * Print the snapshots of the live file path, which need not exist any more, or
 * all snapshots of the directory path; lineage by lineage, oldest first.  They
 * are found by what
 * their seals record, not by their names.  ERR_FAILED if path is a name that
 * no snapshot was taken of and no file has.
 */
int list_snapshots(const char *path, bool json, FILE *out, struct err *err);

/*
 * Print all about one snapshot.  ERR_IDENTITY, after printing, if it is not
 * what its seal says, or has none.
 */
int list_info(const char *path, bool json, FILE *out, struct err *err);

#endif
