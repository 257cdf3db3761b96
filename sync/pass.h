/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pass.h - pass a stream on from one peer to another.
 */
#ifndef SYNC_PASS_H
#define SYNC_PASS_H

#include <stdint.h>

#include "common/err.h"
#include "common/notify.h"
#include "sync/peer.h"

/*
 * Both peers are about to send and to receive a stream: pass it on, frame by
 * frame, at rate bytes a second (0: no limit), unread but for where it ends.  *bytes counts it.  An ERROR that source
 * sends in place of a frame is returned as that error.
 */
int pass_stream(struct peer *source, struct peer *target, uint64_t rate,
    const struct notify *notify, uint64_t *bytes, struct err *err);

#endif
