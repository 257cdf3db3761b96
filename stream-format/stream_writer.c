/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream_writer.c - put records into frames and write them.
 *
 * Each payload is decoded again before it is written, so that what leaves here
 * is what a reader takes, whatever the caller did.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/io.h"
#include "common/pace.h"
#include "stream-format/order.h"
#include "stream-format/stream_writer.h"

/*
 * From one CHECKPOINT to the next: half of what the format allows.  Who goes on
 * after an interruption sends two of these distances again at most, see
 * receive/checkpoint.h.
 */
#define CHECKPOINT_EVERY (RECORD_CHECKPOINT_BYTES / 2)

struct stream_writer {
	int fd;
	uint64_t seed;			/* of frame checksums */
	uint64_t frames;		/* written so far */
	uint64_t bytes;
	uint64_t checkpoint;		/* start of the last, or of BEGIN */
	struct pace pace;
	struct order order;
	struct hash_stream *hash;	/* of the frames since BEGIN */
	struct record_space *space;
	uint8_t frame[FRAME_HEADER_SIZE + RECORD_PAYLOAD_MAX];
};

static int
write_bytes(struct stream_writer *writer, const uint8_t *bytes, size_t length,
    struct err *err)
{
	size_t done = 0, n;

	while (writer->fd >= 0 && done < length) {
		n = pace_wait(&writer->pace, length - done);
		if (io_write(writer->fd, bytes + done, n) < 0)
			return err_sys(err, ERR_FAILED,
			    "cannot write the stream");
		done += n;
	}
	writer->bytes += length;
	return 0;
}

void
stream_writer_pace(struct stream_writer *writer, uint64_t rate)
{
	writer->pace.rate = rate;
}

int
stream_writer_new(int fd, uint64_t required, const struct uuid *stream,
    struct stream_writer **result, struct err *err)
{
	const struct stream_header header = {
		.required = required, .stream = *stream
	};
	struct stream_writer *writer = calloc(1, sizeof(*writer));
	uint8_t bytes[STREAM_HEADER_SIZE];
	int ret;

	if (writer == NULL)
		return err_set(err, ERR_FAILED, "out of memory");
	writer->fd = fd;
	writer->seed = frame_seed(stream);
	writer->order.stream = *stream;
	writer->order.required = required;
	writer->hash = hash_stream_new();
	writer->space = record_space_new();
	stream_header_encode(&header, bytes);
	if (writer->hash == NULL || writer->space == NULL)
		ret = err_set(err, ERR_FAILED, "out of memory");
	else if ((required & ~(uint64_t)FEATURES_SUPPORTED) != 0)
		ret = err_set(err, ERR_FAILED,
		    "a stream with features that no reader has is not written");
	else
		ret = write_bytes(writer, bytes, sizeof(bytes), err);
	if (ret < 0) {
		stream_writer_free(writer);
		return ret;
	}
	*result = writer;
	return 0;
}

/* Encode a record, with its data, behind the place of the frame header. */
static int
encode(struct stream_writer *writer, const struct record *record,
    size_t *length, struct err *err)
{
	uint8_t *payload = writer->frame + FRAME_HEADER_SIZE;

	if (record_encode(record, payload, RECORD_PAYLOAD_MAX, length,
	    err) < 0)
		return -ERR_FAILED;
	if (record->type == RECORD_DATA) {
		const uint32_t encoded = record->u.data.encoded_length;

		if (encoded > RECORD_PAYLOAD_MAX - *length)
			return err_set(err, ERR_FAILED,
			    "DATA holds more than fits into a record");
		memcpy(payload + *length, record->u.data.data, encoded);
		*length += encoded;
	}
	return 0;
}

/* Read the payload as a reader will. */
static int
check(struct stream_writer *writer, enum record_type type, size_t length,
    struct err *err)
{
	struct err why = ERR_INIT;
	struct record record;

	if (record_decode(type, writer->frame + FRAME_HEADER_SIZE, length,
	    writer->space, &record, &why) < 0 ||
	    order_next(&writer->order, &record, &why) < 0)
		return err_set(err, ERR_FAILED,
		    "a record is not written since no reader would take it: "
		    "%s", why.text);
	return 0;
}

/* Write the frame whose payload is in place. */
static int
write_frame(struct stream_writer *writer, enum record_type type,
    size_t length, struct err *err)
{
	struct frame_header header = {
		.type = (uint16_t)type,
		.sequence = writer->frames,
		.length = (uint32_t)length,
	};
	const uint64_t start = writer->bytes;
	const size_t size = FRAME_HEADER_SIZE + length;
	int rc;

	frame_header_encode(&header, writer->seed,
	    writer->frame + FRAME_HEADER_SIZE, writer->frame);
	rc = write_bytes(writer, writer->frame, size, err);
	if (rc < 0)
		return rc;
	writer->frames++;
	if (type == RECORD_BEGIN)
		hash_stream_reset(writer->hash);
	if (type == RECORD_BEGIN || type == RECORD_CHECKPOINT)
		writer->checkpoint = start;
	hash_stream_update(writer->hash, writer->frame, size);
	return 0;
}

/* Write a record that is complete. */
static int
put(struct stream_writer *writer, const struct record *record,
    struct err *err)
{
	size_t length;

	if (encode(writer, record, &length, err) < 0 ||
	    check(writer, record->type, length, err) < 0)
		return -ERR_FAILED;
	return write_frame(writer, record->type, length, err);
}

static int
put_checkpoint(struct stream_writer *writer, struct err *err)
{
	const struct record record = {
		.type = RECORD_CHECKPOINT,
		.u.checkpoint = {
			.offset = writer->order.position,
			.wire = writer->bytes,
		},
	};

	return put(writer, &record, err);
}

/* Would a frame of the largest length exceed the distance? */
static bool
checkpoint_due(const struct stream_writer *writer)
{
	return writer->order.state == ORDER_BODY &&
	    writer->bytes - writer->checkpoint + FRAME_HEADER_SIZE +
	    RECORD_PAYLOAD_MAX > CHECKPOINT_EVERY;
}

int
stream_writer_put(struct stream_writer *writer, struct record *record,
    struct err *err)
{
	const int rc = checkpoint_due(writer) ? put_checkpoint(writer, err) : 0;

	if (rc < 0)
		return rc;
	if (record->type == RECORD_BEGIN)
		record->u.begin.stream = writer->order.stream;
	if (record->type == RECORD_CHECKPOINT)
		record->u.checkpoint.wire = writer->bytes;
	if (record->type == RECORD_END) {
		struct record_end *end = &record->u.end;

		end->records = writer->order.records;
		end->data = writer->order.data;
		end->zeros = writer->order.zeros;
		end->holes = writer->order.holes;
		end->hash = hash_stream_value(writer->hash);
	}
	return put(writer, record, err);
}

uint64_t
stream_writer_bytes(const struct stream_writer *writer)
{
	return writer->bytes;
}

void
stream_writer_free(struct stream_writer *writer)
{
	if (writer != NULL) {
		hash_stream_free(writer->hash);
		record_space_free(writer->space);
		free(writer);
	}
}
