/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cutting.h - write to a file and take snapshots, while another host, or
 * another process, sends them.
 *
 * In the directory: file, the live file; .snapshot/file.cNNNNNN, snapshots
 * from c000001 on; cuts, a line for each, "cNNNNNN SIZE HASH", written after
 * the snapshot, HASH being the XXH3-128 of its bytes; ack, written by the
 * other side, names the newest snapshot that it is done with.
 */
#ifndef TORTURE_CUTTING_H
#define TORTURE_CUTTING_H

#include <stdint.h>

#include "common/err.h"

/*
 * Take so many snapshots, at most a few ahead of the other side; delete those
 * older than the newest that it is done with.
 */
int cutting_run(const char *directory, uint64_t seed, uint64_t cuts,
    struct err *err);

#endif
