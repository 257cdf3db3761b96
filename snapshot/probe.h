/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe.h - what a snapshot of a live file would be, without taking it.
 */
#ifndef SNAPSHOT_PROBE_H
#define SNAPSHOT_PROBE_H

#include "common/err.h"
#include "snapshot/snapshot.h"

/*
 * Clone the live file into a file without a name, which is gone when it is
 * closed, whatever ends this process: nothing is written anywhere else.
 *
 * *snapshot is as if a snapshot had been taken and opened: its seal has a new
 * id, and lineage and cut of the next snapshot; its path is that of the live
 * file.  Close with snapshot_close().  ERR_UNABLE where there are no reflinks,
 * or no files without a name.
 */
int probe_open(const char *live, struct snapshot *snapshot, struct err *err);

#endif
