/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dial.h - a connection to a port of another machine.
 */
#ifndef SYNC_DIAL_H
#define SYNC_DIAL_H

#include <stdbool.h>

#include "common/err.h"

/*
 * Connect to host, which is a name or an address, trying all its addresses one
 * after the other, so many seconds in all.  *fd becomes a socket that closes on
 * exec, does not block, sends at once, and fails when what it sent was not
 * acknowledged for so many seconds.
 *
 * On failure, *lost says whether it may help to try again later.
 */
int dial(const char *host, unsigned port, unsigned seconds, int *fd,
    bool *lost, struct err *err);

#endif
