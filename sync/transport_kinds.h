/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * transport_kinds.h - the three kinds of transport, for transport.c alone.
 *
 * Each sets to, from, close and link of the transport.  link is freed by close.
 */
#ifndef SYNC_TRANSPORT_KINDS_H
#define SYNC_TRANSPORT_KINDS_H

#include "sync/transport.h"

int transport_local_open(char *const argv[],
    const struct transport_options *options, struct transport *transport,
    struct err *err);

int transport_program_open(const struct location *location, char *const argv[],
    const struct transport_options *options, struct transport *transport,
    struct err *err);

int transport_libssh_open(const struct location *location, char *const argv[],
    const struct transport_options *options, struct transport *transport,
    bool *lost, struct err *err);

#endif
