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
 * is a symbolic link.  Asked early and goes by the stamp alone: live_publish()
 * asks again, and compares the contents where that is needed.
 */
int live_check(const struct store *store, const char *origin,
    const struct uuid *lineage, struct err *err);

/*
 * Make the live file origin a writable clone of the replica received, which
 * has to be the newest of its lineage, in one step.  Does nothing if it is that
 * already.  ERR_IDENTITY if another one here counts as newer: snapshots that
 * were taken here, or that the sender deleted before it went on counting, or
 * lost by a rollback.  Which of the two the live file should hold, nobody knows
 * then.
 */
int live_publish(struct store *store, const char *origin,
    const struct uuid *lineage, const struct uuid *received,
    enum reflink_mode reflink, const struct notify *notify, struct err *err);

#endif
