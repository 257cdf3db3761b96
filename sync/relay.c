/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relay.c - pass a stream on from one peer to another.
 */
#include "config.h"

#include <stdbool.h>
#include <stdlib.h>

#include "common/io.h"
#include "common/pace.h"
#include "stream-format/frame.h"
#include "stream-format/record.h"
#include "sync/relay.h"

struct relay {
	struct peer *source, *target;
	uint64_t frames;
	uint64_t bytes;
	bool last;		/* the last END came */
	struct pace pace;
	struct record_space *space;
	struct record record;
	uint8_t bytes_of_frame[FRAME_HEADER_SIZE + RECORD_PAYLOAD_MAX];
};

static int
get(struct relay *relay, uint8_t *bytes, size_t size, struct err *err)
{
	const ssize_t n = io_read(relay->source->transport.from, bytes, size);

	if (n < 0)
		return err_sys(err, ERR_FAILED, "%s: cannot read",
		    relay->source->name);
	if ((size_t)n < size)
		return err_set(err, ERR_FAILED, "%s: the connection ended "
		    "within the stream", relay->source->name);
	return 0;
}

static int
put(struct relay *relay, const uint8_t *bytes, size_t size, struct err *err)
{
	size_t done = 0, n;

	while (done < size) {
		n = pace_wait(&relay->pace, size - done);
		if (io_write(relay->target->transport.to, bytes + done,
		    n) != 0)
			return err_sys(err, ERR_FAILED, "%s: cannot write",
			    relay->target->name);
		done += n;
	}
	relay->bytes += size;
	return 0;
}

/* In place of a frame source may say why there is none. */
static int
take_error(struct relay *relay, const uint8_t *bytes, struct err *err)
{
	struct dialogue *message = &relay->source->message;
	struct dialogue_header header;
	struct err why = ERR_INIT;
	uint8_t payload[DIALOGUE_PAYLOAD_MAX];
	int rc;

	rc = dialogue_decode_header(bytes, &header, &why);
	if (rc == 0 && get(relay, payload, header.length, &why) == 0 &&
	    dialogue_decode(bytes, &header, payload, message, &why) == 0 &&
	    message->type == DIALOGUE_ERROR)
		return err_set(err, message->u.error.code, "%s: %s",
		    relay->source->name, message->u.error.text);
	return err_set(err, ERR_STREAM, "%s: the stream is damaged (%s)",
	    relay->source->name, why.text);
}

static int
pass_frame(struct relay *relay, struct err *err)
{
	uint8_t *const bytes = relay->bytes_of_frame;
	struct frame_header header;
	struct err why = ERR_INIT;
	int rc;

	rc = get(relay, bytes, DIALOGUE_HEADER_SIZE, err);
	if (rc != 0)
		return rc;
	if (bytes[2] == 'd')	/* RFdl; a frame begins with RFfr */
		return take_error(relay, bytes, err);
	rc = get(relay, bytes + DIALOGUE_HEADER_SIZE,
	    FRAME_HEADER_SIZE - DIALOGUE_HEADER_SIZE, err);
	if (rc != 0)
		return rc;
	if (frame_header_decode(bytes, relay->frames, &header, &why) != 0)
		return err_set(err, ERR_STREAM, "%s: %s", relay->source->name,
		    why.text);
	rc = get(relay, bytes + FRAME_HEADER_SIZE, header.length, err);
	if (rc == 0 && header.type == RECORD_END)
		rc = record_decode(RECORD_END, bytes + FRAME_HEADER_SIZE,
		    header.length, relay->space, &relay->record, err);
	if (rc != 0)
		return rc;
	relay->frames++;
	relay->last = header.type == RECORD_END && relay->record.u.end.last;
	return put(relay, bytes, FRAME_HEADER_SIZE + header.length, err);
}

int
relay_stream(struct peer *source, struct peer *target, uint64_t rate,
    const struct notify *notify, uint64_t *bytes, struct err *err)
{
	struct relay *relay = calloc(1, sizeof(*relay));
	uint8_t header[STREAM_HEADER_SIZE];
	int rc;

	if (relay == NULL || (relay->space = record_space_new()) == NULL) {
		free(relay);
		return err_sys(err, ERR_FAILED, "%s", source->name);
	}
	relay->source = source;
	relay->target = target;
	relay->pace.rate = rate;
	rc = get(relay, header, sizeof(header), err);
	if (rc == 0)
		rc = put(relay, header, sizeof(header), err);
	while (rc == 0 && !relay->last) {
		rc = pass_frame(relay, err);
		notify_progress(notify, relay->bytes, 0);
	}
	*bytes = relay->bytes;
	record_space_free(relay->space);
	free(relay);
	return rc;
}
