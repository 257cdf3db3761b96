/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * talk.c - one end of the dialogue between refsync and the far side.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/io.h"
#include "stream-format/talk.h"

#define BEAT_SECONDS 3		/* much less than any sensible timeout */

struct talk {
	int in, out;
	char *peer;
	unsigned timeout;
	atomic_bool ended, silent;
	pthread_mutex_t lock;	/* of what is written */
	uint8_t sent[DIALOGUE_HEADER_SIZE + DIALOGUE_PAYLOAD_MAX];
	uint8_t got[DIALOGUE_PAYLOAD_MAX];
	/* The thread that gives signs of life. */
	bool beating;
	pthread_t beater;
	pthread_mutex_t beat_lock;
	pthread_cond_t beat_changed;
	bool stop;
};

int
talk_new(int in, int out, const char *peer, unsigned timeout,
    struct talk **result, struct err *err)
{
	struct talk *talk = calloc(1, sizeof(*talk));
	pthread_condattr_t monotonic;

	if (talk == NULL || (talk->peer = strdup(peer)) == NULL) {
		free(talk);
		return err_sys(err, ERR_FAILED, "%s", peer);
	}
	talk->in = in;
	talk->out = out;
	talk->timeout = timeout;
	pthread_mutex_init(&talk->lock, NULL);
	pthread_mutex_init(&talk->beat_lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&talk->beat_changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	*result = talk;
	return 0;
}

int
talk_put(struct talk *talk, const struct dialogue *message, struct err *err)
{
	size_t length;
	int rc;

	pthread_mutex_lock(&talk->lock);
	rc = dialogue_encode(message, talk->sent, &length, err);
	if (rc == 0 && io_write(talk->out, talk->sent, length) != 0) {
		talk->ended = true;
		rc = err_sys(err, ERR_FAILED, "%s: the connection is lost",
		    talk->peer);
	}
	pthread_mutex_unlock(&talk->lock);
	return rc;
}

int
talk_put_type(struct talk *talk, enum dialogue_type type, struct err *err)
{
	const struct dialogue message = { .type = type };

	return talk_put(talk, &message, err);
}

/* Wait until it is time, or until it shall stop; false then. */
static bool
wait_for_beat(struct talk *talk)
{
	struct timespec until;
	bool stop;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += BEAT_SECONDS;
	pthread_mutex_lock(&talk->beat_lock);
	while (!talk->stop && pthread_cond_timedwait(&talk->beat_changed,
	    &talk->beat_lock, &until) == 0)
		continue;
	stop = talk->stop;
	pthread_mutex_unlock(&talk->beat_lock);
	return !stop;
}

/* That nobody hears is found by whoever has something to say. */
static void *
beat(void *cookie)
{
	struct talk *talk = cookie;
	struct err ignored = ERR_INIT;

	while (wait_for_beat(talk) &&
	    talk_put_type(talk, DIALOGUE_ALIVE, &ignored) == 0)
		continue;
	return NULL;
}

int
talk_beat(struct talk *talk, bool on, struct err *err)
{
	if (on == talk->beating)
		return 0;
	pthread_mutex_lock(&talk->beat_lock);
	talk->stop = !on;
	pthread_cond_signal(&talk->beat_changed);
	pthread_mutex_unlock(&talk->beat_lock);
	if (!on) {
		pthread_join(talk->beater, NULL);
	} else if ((errno = pthread_create(&talk->beater, NULL, beat,
	    talk)) != 0) {
		return err_sys(err, ERR_FAILED, "%s: no thread", talk->peer);
	}
	talk->beating = on;
	return 0;
}

/* Read size bytes; returns 1 if there is none at all. */
static int
get_bytes(struct talk *talk, uint8_t *bytes, size_t size, struct err *err)
{
	const int patience = talk->timeout > 0 ? (int)talk->timeout * 1000 : -1;
	struct pollfd ready = { .fd = talk->in, .events = POLLIN };
	size_t done = 0;

	while (done < size) {
		const int n = poll(&ready, 1, patience);
		ssize_t got;

		if (n == 0) {
			talk->silent = true;
			return err_set(err, ERR_FAILED, "%s: no sign of life "
			    "for %u seconds", talk->peer, talk->timeout);
		}
		got = n < 0 ? -1 : read(talk->in, bytes + done, size - done);
		talk->ended = talk->ended || got == 0;
		if (got < 0 && errno != EINTR && errno != EAGAIN)
			return err_sys(err, ERR_FAILED,
			    "%s: the connection is lost", talk->peer);
		if (got == 0)
			return done == 0 ? 1 : err_set(err, ERR_FAILED, "%s: "
			    "the connection ended within a message",
			    talk->peer);
		done += got > 0 ? (size_t)got : 0;
	}
	return 0;
}

/* The next message, of whatever kind; returns 1 at the end of the input. */
static int
get_any(struct talk *talk, struct dialogue *message, struct err *err)
{
	uint8_t bytes[DIALOGUE_HEADER_SIZE];
	struct dialogue_header header;
	struct err why = ERR_INIT;
	int rc;

	rc = get_bytes(talk, bytes, sizeof(bytes), err);
	if (rc != 0)
		return rc;
	rc = dialogue_decode_header(bytes, &header, &why);
	if (rc == 0 && header.length > 0 &&
	    (rc = get_bytes(talk, talk->got, header.length, err)) != 0)
		return rc < 0 ? rc : err_set(err, ERR_FAILED, "%s: the "
		    "connection ended within a message", talk->peer);
	if (rc == 0)
		rc = dialogue_decode(bytes, &header, talk->got, message, &why);
	if (rc != 0)
		return err_set(err, why.code, "%s: %s", talk->peer, why.text);
	return 0;
}

int
talk_get(struct talk *talk, struct dialogue *message, struct err *err)
{
	int rc;

	do
		rc = get_any(talk, message, err);
	while (rc == 0 && message->type == DIALOGUE_ALIVE);
	if (rc == 0 && message->type == DIALOGUE_ERROR)
		return err_set(err, message->u.error.code, "%s: %s",
		    talk->peer, message->u.error.text);
	return rc;
}

int
talk_answer(struct talk *talk, struct dialogue *message, struct err *err)
{
	const int rc = talk_get(talk, message, err);

	if (rc > 0)
		return err_set(err, ERR_FAILED, "%s: the connection ended",
		    talk->peer);
	return rc == 0 && message->type == DIALOGUE_DONE ? 1 : rc;
}

int
talk_expect(struct talk *talk, enum dialogue_type type,
    struct dialogue *message, struct err *err)
{
	const int rc = talk_answer(talk, message, err);

	if (rc < 0 || message->type == type)
		return rc < 0 ? rc : 0;
	if (rc > 0)
		return 1;
	return err_set(err, ERR_STREAM, "%s: %s comes where %s is due",
	    talk->peer, dialogue_name((uint32_t)message->type),
	    dialogue_name((uint32_t)type));
}

bool
talk_ended(const struct talk *talk)
{
	return talk->ended;
}

bool
talk_lost(const struct talk *talk)
{
	return talk->ended || talk->silent;
}

void
talk_free(struct talk *talk)
{
	struct err ignored = ERR_INIT;

	if (talk == NULL)
		return;
	talk_beat(talk, false, &ignored);
	pthread_cond_destroy(&talk->beat_changed);
	pthread_mutex_destroy(&talk->beat_lock);
	pthread_mutex_destroy(&talk->lock);
	free(talk->peer);
	free(talk);
}
