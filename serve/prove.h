/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prove.h - tell the hashes of a snapshot.
 */
#ifndef SERVE_PROVE_H
#define SERVE_PROVE_H

#include "common/err.h"
#include "serve/server.h"

/*
 * Answer VERIFY: the SHA-256 of each block, in HASHES.  The seal does not matter:
 * it is the contents that are asked for.  ERR_NOBASE if there is no such
 * snapshot.
 */
int prove(struct server *server, const struct dialogue_verify *verify,
    struct err *err);

#endif
