/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tokens.h - what the far side has received in part, and can go on with.
 */
#ifndef SYNC_TOKENS_H
#define SYNC_TOKENS_H

#include <stddef.h>

#include "common/err.h"
#include "send/chain.h"
#include "stream-format/token.h"
#include "sync/peer.h"

struct tokens {
	struct token *items;
	size_t count;
};

/* Ask an open refrecv --serve.  Free with tokens_free(), also after a failure. */
int tokens_fetch(struct peer *peer, struct tokens *tokens, struct err *err);
void tokens_free(struct tokens *tokens);

/* The one that goes on with a snapshot of the chain, or NULL. */
const struct token *tokens_find(const struct tokens *tokens,
    const struct chain *chain);

#endif
