/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tag.h - the tag of the holds that belong to one source and one destination.
 */
#ifndef SYNC_TAG_H
#define SYNC_TAG_H

#include "common/err.h"
#include "snapshot/hold.h"
#include "sync/location.h"

/*
 * The tag for a directory here and a location there: the same in each run, and
 * no other pair's.
 */
int tag_make(const struct location *there, const char *directory,
    char tag[HOLD_TAG_MAX + 1], struct err *err);

#endif
