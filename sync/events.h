/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * events.h - what --log-json hears of a push and of a pull alike; see
 * refsync(1).
 */
#ifndef SYNC_EVENTS_H
#define SYNC_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/notify.h"
#include "common/uuid.h"

/* Upon what it is sent; base is all zeros if there is none. */
void event_base(const struct notify *notify, const struct uuid *base,
    bool full, bool present);

/* Both sides hold it. */
void event_held(const struct notify *notify, const struct uuid *id,
    const char *tag);

#endif
