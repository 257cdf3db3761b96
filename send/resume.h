/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resume.h - go on with a transfer that was interrupted.
 */
#ifndef SEND_RESUME_H
#define SEND_RESUME_H

#include <stddef.h>

#include "common/err.h"
#include "common/notify.h"
#include "send/chain.h"
#include "snapshot/digest.h"
#include "stream-format/stream_writer.h"
#include "stream-format/token.h"

/*
 * Which snapshot of the chain does the token go on with?  *index receives its
 * place.  ERR_NOBASE if none is that snapshot on that base.
 */
int resume_find(const struct chain *chain, const struct token *token,
    size_t *index, struct err *err);

/* Write RESUME, which comes behind META. */
int resume_put(struct stream_writer *writer, const struct token *token,
    struct err *err);

/*
 * Take what lies below the offset into the digest of a snapshot that is sent
 * whole: the receiver has it, but the digest is of everything.
 */
int resume_digest(const struct snapshot *snapshot, const struct token *token,
    struct digest_state *digest, const struct notify *notify,
    struct err *err);

#endif
