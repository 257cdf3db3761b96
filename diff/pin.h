/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pin.h - a private clone of a file, to be mapped in its place.
 *
 * As long as it exists its blocks cannot be freed by defragmentation or
 * deduplication of the file, so no other file can be given them.  And nobody
 * writes to a file without a name: its items stay where they begin, which a map
 * that takes several searches relies on.
 */
#ifndef DIFF_PIN_H
#define DIFF_PIN_H

#include "common/err.h"
#include "snapshot/snapshot.h"

/*
 * Clone a snapshot into a nameless file (O_TMPFILE) of its own directory, or
 * else of the directory of other.  Returns 0 with *fd, to be closed; 1 if
 * neither directory may be written to.
 */
int pin_snapshot(const struct snapshot *snapshot, const struct snapshot *other,
    int *fd, struct err *err);

#endif
