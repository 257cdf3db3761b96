/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream_reader.c - read frames, check them, and hand out their records.
 */
#include "config.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/hash.h"
#include "common/io.h"
#include "stream-format/order.h"
#include "stream-format/stream_reader.h"

struct stream_reader {
	int fd;
	struct stream_header header;
	uint64_t seed;			/* of frame checksums */
	uint64_t frames;		/* read so far */
	bool broke_off;			/* no more input, though more was due */
	struct stream_position position;
	struct order order;
	struct hash_stream *hash;	/* of the frames since BEGIN */
	struct record_space *space;
	struct record record;
	uint8_t bytes[FRAME_HEADER_SIZE];
	uint8_t payload[RECORD_PAYLOAD_MAX];
};

static int
read_header(struct stream_reader *reader, struct err *err)
{
	uint8_t bytes[STREAM_HEADER_SIZE];
	const ssize_t n = io_read(reader->fd, bytes, sizeof(bytes));

	if (n < 0)
		return err_sys(err, ERR_FAILED, "cannot read the stream");
	if (n == 0)
		return err_set(err, ERR_STREAM,
		    "no stream: the input is empty");
	if ((size_t)n < sizeof(bytes))
		return err_set(err, ERR_STREAM, "the stream is truncated at "
		    "byte %zd (within its header)", n);
	return stream_header_decode(bytes, &reader->header, err);
}

int
stream_reader_new(int fd, struct stream_reader **result, struct err *err)
{
	struct stream_reader *reader = calloc(1, sizeof(*reader));
	int ret;

	if (reader == NULL)
		return err_set(err, ERR_FAILED, "out of memory");
	reader->fd = fd;
	reader->hash = hash_stream_new();
	reader->space = record_space_new();
	if (reader->hash == NULL || reader->space == NULL)
		ret = err_set(err, ERR_FAILED, "out of memory");
	else
		ret = read_header(reader, err);
	if (ret < 0) {
		stream_reader_free(reader);
		return ret;
	}
	reader->seed = frame_seed(&reader->header.stream);
	reader->position.next = STREAM_HEADER_SIZE;
	reader->order.stream = reader->header.stream;
	reader->order.required = reader->header.required;
	*result = reader;
	return 0;
}

const struct stream_header *
stream_reader_header(const struct stream_reader *reader)
{
	return &reader->header;
}

struct stream_position
stream_reader_position(const struct stream_reader *reader)
{
	return reader->position;
}

/* Refuse the current record for a reason that tells no position. */
static int
refuse(const struct stream_reader *reader, const struct err *why,
    struct err *err)
{
	return err_set(err, why->code, "record %" PRIu64 " at byte %" PRIu64
	    ": %s", reader->position.sequence, reader->position.offset,
	    why->text);
}

/* Read size bytes that must be there; done bytes of the frame came before. */
static int
read_whole(struct stream_reader *reader, uint8_t *data, size_t size,
    size_t done, struct err *err)
{
	const ssize_t n = io_read(reader->fd, data, size);

	reader->broke_off = n < 0 || (size_t)n < size;
	if (n < 0)
		return err_sys(err, ERR_FAILED, "cannot read the stream");
	if ((size_t)n < size)
		return err_set(err, ERR_STREAM, "the stream is truncated at "
		    "byte %" PRIu64 " (record %" PRIu64 ")",
		    reader->position.offset + done + (size_t)n,
		    reader->position.sequence);
	return 0;
}

/* Read the next frame and check all that does not depend on its type. */
static int
read_frame(struct stream_reader *reader, struct frame_header *frame,
    struct err *err)
{
	struct err why = ERR_INIT;
	int ret;

	reader->position.sequence = reader->frames;
	reader->position.offset = reader->position.next;
	reader->position.payload = 0;
	ret = read_whole(reader, reader->bytes, sizeof(reader->bytes), 0, err);
	if (ret < 0)
		return ret;
	if (frame_header_decode(reader->bytes, reader->frames, frame,
	    &why) < 0)
		return refuse(reader, &why, err);
	ret = read_whole(reader, reader->payload, frame->length,
	    sizeof(reader->bytes), err);
	if (ret < 0)
		return ret;
	if (frame_check(reader->bytes, reader->seed, frame, reader->payload,
	    &why) < 0)
		return refuse(reader, &why, err);
	reader->frames++;
	reader->position.payload = frame->length;
	reader->position.next += sizeof(reader->bytes) + frame->length;
	return 0;
}

/* Hash what END will tell: the frames from BEGIN on, without END. */
static void
hash_frame(struct stream_reader *reader, const struct frame_header *frame)
{
	if (frame->type == RECORD_END)
		return;
	if (frame->type == RECORD_BEGIN)
		hash_stream_reset(reader->hash);
	hash_stream_update(reader->hash, reader->bytes, sizeof(reader->bytes));
	hash_stream_update(reader->hash, reader->payload, frame->length);
}

/* What a record says of the stream that it is in. */
static int
check_record(const struct stream_reader *reader, struct err *err)
{
	const struct record *record = &reader->record;

	if (record->type == RECORD_CHECKPOINT &&
	    record->u.checkpoint.wire != reader->position.offset)
		return err_set(err, ERR_STREAM, "CHECKPOINT counts %" PRIu64
		    " bytes of stream before it", record->u.checkpoint.wire);
	if (record->type == RECORD_END) {
		const struct hash128 hash = hash_stream_value(reader->hash);

		if (!hash_matches(&record->u.end.hash, &hash, sizeof(hash)))
			return err_set(err, ERR_STREAM,
			    "END has another hash than the stream");
	}
	return 0;
}

/* Give a frame meaning.  Returns 1 if it is skipped. */
static int
take(struct stream_reader *reader, const struct frame_header *frame,
    struct err *err)
{
	const bool known = frame->type >= RECORD_BEGIN &&
	    frame->type <= RECORD_END && frame->type != RECORD_DIGEST;
	const bool optional = (frame->flags & FRAME_OPTIONAL) != 0;
	int ret;

	hash_frame(reader, frame);
	if (known && optional)
		return err_set(err, ERR_STREAM, "%s is marked as optional",
		    record_type_name(frame->type));
	if (!known && !optional)
		return err_set(err, ERR_STREAM, "a record of type %u (%s) "
		    "must be understood, but this program does not",
		    frame->type, record_type_name(frame->type));
	if (!known) {
		ret = order_skip(&reader->order, err);
		return ret < 0 ? ret : 1;
	}
	ret = record_decode((enum record_type)frame->type, reader->payload,
	    frame->length, reader->space, &reader->record, err);
	if (ret == 0)
		ret = order_next(&reader->order, &reader->record, err);
	if (ret == 0)
		ret = check_record(reader, err);
	return ret;
}

/* After the last END: nothing may follow. */
static int
check_end_of_input(struct stream_reader *reader, struct err *err)
{
	uint8_t byte;
	const ssize_t n = io_read(reader->fd, &byte, 1);

	reader->broke_off = n < 0;
	if (n < 0)
		return err_sys(err, ERR_FAILED, "cannot read the stream");
	if (n > 0)
		return err_set(err, ERR_STREAM, "bytes follow the end of the "
		    "stream at byte %" PRIu64, reader->position.next);
	return 1;
}

int
stream_reader_next(struct stream_reader *reader, struct record **record,
    struct err *err)
{
	struct err why = ERR_INIT;
	struct frame_header frame;
	int ret;

	if (reader->order.state == ORDER_DONE)
		return check_end_of_input(reader, err);
	do {
		ret = read_frame(reader, &frame, err);
		if (ret < 0)
			return ret;
		ret = take(reader, &frame, &why);
	} while (ret > 0);
	if (ret < 0)
		return refuse(reader, &why, err);
	*record = &reader->record;
	return 0;
}

bool
stream_reader_broke_off(const struct stream_reader *reader)
{
	return reader->broke_off;
}

void
stream_reader_free(struct stream_reader *reader)
{
	if (reader != NULL) {
		hash_stream_free(reader->hash);
		record_space_free(reader->space);
		free(reader);
	}
}
