/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * talk.h - one end of the dialogue between refsync and the far side: messages
 * over two descriptors, signs of life, and a limit of patience.
 */
#ifndef STREAM_FORMAT_TALK_H
#define STREAM_FORMAT_TALK_H

#include <stdbool.h>

#include "common/err.h"
#include "stream-format/dialogue.h"

struct talk;

/*
 * Talk over in and out, which stay the caller's.  peer names the other side in
 * messages.  Without a byte from it for timeout seconds (0: no limit)
 * talk_get() fails.
 */
int talk_new(int in, int out, const char *peer, unsigned timeout,
    struct talk **talk, struct err *err);

/*
 * Send a sign of life every few seconds, by a thread, or stop it: nothing is
 * sent between the two bytes of a stream.
 */
int talk_beat(struct talk *talk, bool on, struct err *err);

/* Send one message; by any thread. */
int talk_put(struct talk *talk, const struct dialogue *message,
    struct err *err);

/* Likewise a message of a type alone. */
int talk_put_type(struct talk *talk, enum dialogue_type type, struct err *err);

/*
 * Receive the next message that is no sign of life, by one thread at a time.
 * Returns 1 at the end of the input.  An ERROR is returned as that error, told
 * as the peer's.
 */
int talk_get(struct talk *talk, struct dialogue *message, struct err *err);

/* The same, where the message must be of this type, or DONE (returns 1). */
int talk_expect(struct talk *talk, enum dialogue_type type,
    struct dialogue *message, struct err *err);

/*
 * The next message of an answer, of any type; DONE returns 1, the end of the
 * input fails.
 */
int talk_answer(struct talk *talk, struct dialogue *message, struct err *err);

/* Did the connection end, rather than the peer keep silent? */
bool talk_ended(const struct talk *talk);

/* Did it end, or the peer keep silent for too long? */
bool talk_lost(const struct talk *talk);

void talk_free(struct talk *talk);

#endif
