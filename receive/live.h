/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live.h - publish the live file of a replica.
 */
#ifndef RECEIVE_LIVE_H
#define RECEIVE_LIVE_H

#include <stdbool.h>

#include "common/err.h"
#include "common/notify.h"
#include "common/uuid.h"
#include "snapshot/content.h"
#include "snapshot/store.h"

/*
 * May the live file origin be replaced? Yes if there is none, or if it still
 * holds a snapshot of the lineage that is here too: then nothing is lost.
 * ERR_IDENTITY if not; ERR_FAILED if it is open for writing; ERR_STREAM if it
 * is a symbolic link.
 */
int live_check(const struct store *store, const char *origin,
    const struct uuid *lineage, struct err *err);

/*
 * Make the live file origin a writable clone of the newest replica of a
 * lineage, in one step.  Does nothing if it is that already.
 */
int live_publish(struct store *store, const char *origin,
    const struct uuid *lineage, enum reflink_mode reflink,
    const struct notify *notify, struct err *err);

#endif
