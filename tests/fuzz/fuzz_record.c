/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_record.c - fuzz target: the first byte of the input tells the type of a
 * record, the rest is its payload.  What can be decoded must keep the rules and
 * encode to the same bytes, and can be dumped.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "stream-format/dump.h"
#include "stream-format/frame.h"
#include "stream-format/record.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/sound.h"

#define ROOM (RECORD_PAYLOAD_MAX + 4096u)

/* A stream being put together, of at most ROOM bytes. */
struct put {
	uint8_t *bytes;
	size_t length;
	uint64_t sequence;
};

static void
put_frame(struct put *put, enum record_type type, const uint8_t *payload,
    size_t length)
{
	struct frame_header header = {
		.type = (uint16_t)type,
		.sequence = put->sequence++,
		.length = (uint32_t)length,
	};

	frame_header_encode(&header, 0, payload, put->bytes + put->length);
	put->length += FRAME_HEADER_SIZE;
	if (length > 0)
		memcpy(put->bytes + put->length, payload, length);
	put->length += length;
}

static void
put_record(struct put *put, const struct record *record)
{
	struct err err = ERR_INIT;
	uint8_t payload[1024];
	size_t length;

	fuzz_demand(record_encode(record, payload, sizeof(payload), &length,
	    &err) == 0, "%s", err.text);
	put_frame(put, record->type, payload, length);
}

/* What must come before a record: BEGIN, with this mtime, and META. */
static void
put_start(struct put *put, enum record_type type, const struct timespec *mtime)
{
	struct record begin = {
		.type = RECORD_BEGIN,
		.u.begin = {
			.snapshot = { { 2 } }, .base = { { 3 } },
			.stream = { { 1 } }, .size = INT64_MAX,
			.mtime = *mtime, .files = 1, .origin = "origin",
			.name = "name", .base_name = "base",
		},
	};
	struct record meta = { .type = RECORD_META };

	meta.u.meta.metadata.mtime = *mtime;
	if (type != RECORD_BEGIN)
		put_record(put, &begin);
	if (type != RECORD_BEGIN && type != RECORD_META)
		put_record(put, &meta);
}

/* Dump a stream that ends behind the record: END may be one that fits. */
static void
dump(const struct record *record, const uint8_t *payload, size_t length)
{
	const struct timespec epoch = { 0, 0 };
	const struct timespec *mtime = record->type == RECORD_META ?
	    &record->u.meta.metadata.mtime : &epoch;
	struct stream_header header = {
		.required = FEATURE_ZSTD | FEATURE_PREFIX,
		.stream = { { 1 } },
	};
	struct put put = { .bytes = malloc(ROOM) };
	struct err err = ERR_INIT;
	int rc;

	fuzz_demand(put.bytes != NULL, "out of memory");
	if (record->type == RECORD_BEGIN)
		header.stream = record->u.begin.stream;
	stream_header_encode(&header, put.bytes);
	put.length = STREAM_HEADER_SIZE;
	put_start(&put, record->type, mtime);
	put_frame(&put, record->type, payload, length);
	rc = dump_stream(fuzz_input(put.bytes, put.length), fuzz_output(),
	    &err);
	fuzz_demand((rc == 0 && record->type == RECORD_END) ||
	    (rc == -ERR_STREAM && err.code == ERR_STREAM), "dump: %d %s", rc,
	    err.text);
	free(put.bytes);
}

/* Encoding gives the payload back, and keeps within its buffer. */
static void
encode(const struct record *record, const uint8_t *payload, size_t length,
    uint8_t *buffer)
{
	struct err err = ERR_INIT;
	size_t encoded;
	int rc;

	if (record->type == RECORD_DATA)
		length -= record->u.data.encoded_length;
	rc = record_encode(record, buffer, RECORD_PAYLOAD_MAX, &encoded, &err);
	fuzz_demand(rc == 0, "it cannot be encoded: %s", err.text);
	fuzz_demand(encoded == length && memcmp(buffer, payload, length) == 0,
	    "it encodes to %zu other bytes", encoded);
	buffer[length - 1]++;
	rc = record_encode(record, buffer, length - 1, &encoded, &err);
	fuzz_demand(rc == -ERR_FAILED &&
	    buffer[length - 1] != payload[length - 1],
	    "it encodes beyond the end of the buffer");
}

static void
try(enum record_type type, const uint8_t *payload, size_t length)
{
	struct record_space *space = record_space_new();
	uint8_t *buffer = malloc(RECORD_PAYLOAD_MAX);
	struct err err = ERR_INIT;
	struct record record;
	int rc;

	fuzz_demand(space != NULL && buffer != NULL, "out of memory");
	rc = record_decode(type, payload, length, space, &record, &err);
	fuzz_demand(rc == -(int)err.code &&
	    (rc == 0 || (rc == -ERR_STREAM && err.text[0] != '\0')),
	    "decoder: %d %s", rc, err.text);
	if (rc == 0 && type != RECORD_DIGEST) {
		sound_record(&record);
		encode(&record, payload, length, buffer);
		dump(&record, payload, length);
	}
	free(buffer);
	record_space_free(space);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0)
		try((enum record_type)(data[0] % RECORD_END + 1), data + 1,
		    size - 1);
	return 0;
}
