/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pass.c - pass a stream on from one peer to another.
 */
#include "config.h"

#include <stdbool.h>
#include <stdlib.h>

#include "common/io.h"
#include "common/pace.h"
#include "stream-format/frame.h"
#include "stream-format/record.h"
#include "sync/pass.h"

struct pass {
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
get(struct pass *pass, uint8_t *bytes, size_t size, struct err *err)
{
	const ssize_t n = io_read(pass->source->transport.from, bytes, size);

	pass->source->lost = pass->source->lost || n < 0 || (size_t)n < size;
	if (n < 0)
		return err_sys(err, ERR_FAILED, "%s: cannot read",
		    pass->source->name);
	if ((size_t)n < size)
		return err_set(err, ERR_FAILED, "%s: the connection ended "
		    "within the stream", pass->source->name);
	return 0;
}

static int
put(struct pass *pass, const uint8_t *bytes, size_t size, struct err *err)
{
	size_t done = 0, n;

	while (done < size) {
		n = pace_wait(&pass->pace, size - done);
		if (io_write(pass->target->transport.to, bytes + done,
		    n) != 0)
			return err_sys(err, ERR_FAILED, "%s: cannot write",
			    pass->target->name);
		done += n;
	}
	pass->bytes += size;
	return 0;
}

/* In place of a frame source may say why there is none. */
static int
take_error(struct pass *pass, const uint8_t *bytes, struct err *err)
{
	struct dialogue *message = &pass->source->message;
	struct dialogue_header header;
	struct err why = ERR_INIT;
	uint8_t payload[DIALOGUE_PAYLOAD_MAX];
	int rc;

	rc = dialogue_decode_header(bytes, &header, &why);
	if (rc == 0 && get(pass, payload, header.length, &why) == 0 &&
	    dialogue_decode(bytes, &header, payload, message, &why) == 0 &&
	    message->type == DIALOGUE_ERROR)
		return err_set(err, message->u.error.code, "%s: %s",
		    pass->source->name, message->u.error.text);
	return err_set(err, ERR_STREAM, "%s: the stream is damaged (%s)",
	    pass->source->name, why.text);
}

static int
pass_frame(struct pass *pass, struct err *err)
{
	uint8_t *const bytes = pass->bytes_of_frame;
	struct frame_header header;
	struct err why = ERR_INIT;
	int rc;

	rc = get(pass, bytes, DIALOGUE_HEADER_SIZE, err);
	if (rc != 0)
		return rc;
	if (bytes[2] == 'd')	/* RFdl; a frame begins with RFfr */
		return take_error(pass, bytes, err);
	rc = get(pass, bytes + DIALOGUE_HEADER_SIZE,
	    FRAME_HEADER_SIZE - DIALOGUE_HEADER_SIZE, err);
	if (rc != 0)
		return rc;
	if (frame_header_decode(bytes, pass->frames, &header, &why) != 0)
		return err_set(err, ERR_STREAM, "%s: %s", pass->source->name,
		    why.text);
	rc = get(pass, bytes + FRAME_HEADER_SIZE, header.length, err);
	if (rc == 0 && header.type == RECORD_END)
		rc = record_decode(RECORD_END, bytes + FRAME_HEADER_SIZE,
		    header.length, pass->space, &pass->record, err);
	if (rc != 0)
		return rc;
	pass->frames++;
	pass->last = header.type == RECORD_END && pass->record.u.end.last;
	return put(pass, bytes, FRAME_HEADER_SIZE + header.length, err);
}

int
pass_stream(struct peer *source, struct peer *target, uint64_t rate,
    const struct notify *notify, uint64_t *bytes, struct err *err)
{
	struct pass *pass = calloc(1, sizeof(*pass));
	uint8_t header[STREAM_HEADER_SIZE];
	int rc;

	if (pass == NULL || (pass->space = record_space_new()) == NULL) {
		free(pass);
		return err_sys(err, ERR_FAILED, "%s", source->name);
	}
	pass->source = source;
	pass->target = target;
	pass->pace.rate = rate;
	rc = get(pass, header, sizeof(header), err);
	if (rc == 0)
		rc = put(pass, header, sizeof(header), err);
	while (rc == 0 && !pass->last) {
		rc = pass_frame(pass, err);
		notify_progress(notify, pass->bytes, 0);
	}
	*bytes = pass->bytes;
	record_space_free(pass->space);
	free(pass);
	return rc;
}
