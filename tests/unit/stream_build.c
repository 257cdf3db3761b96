/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream_build.c - build streams in memory for tests.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/io.h"
#include "stream-format/frame.h"
#include "stream-format/stream_reader.h"
#include "tests/unit/stream_build.h"

static struct uuid
id_of(uint8_t byte)
{
	struct uuid uuid;

	memset(uuid.bytes, byte, sizeof(uuid.bytes));
	uuid.bytes[15] = 7;
	return uuid;
}

struct uuid
build_stream_id(void)
{
	return id_of(0x51);
}

struct uuid
build_snapshot_id(void)
{
	return id_of(0x52);
}

static struct record_digest
some_digest(uint8_t byte)
{
	struct record_digest digest = {
		.algorithm = DIGEST_XXH3_128, .block_size = DIGEST_BLOCK_SIZE
	};

	memset(digest.value, byte, HASH128_SIZE);
	return digest;
}

struct record
build_begin(void)
{
	const struct record record = {
		.type = RECORD_BEGIN,
		.u.begin = {
			.stream = build_stream_id(),
			.snapshot = build_snapshot_id(),
			.lineage = id_of(0x54),
			.cut = 3,
			.size = BUILD_SIZE,
			.created = { 1700000000, 999999999 },
			.mtime = { -5, 1 },
			.block_size = 4096,
			.source_type = 0x58465342,
			.files = 1,
			.result_digest = some_digest(0),
			.origin = "disk.img",
			.name = "monday",
		},
	};

	return record;
}

void
build_based(struct record_begin *begin)
{
	begin->base = id_of(0x53);
	begin->base_size = 1000;
	begin->base_digest = some_digest(0xb0);
	snprintf(begin->base_name, sizeof(begin->base_name), "sunday");
}

struct record
build_meta(void)
{
	const struct record record = {
		.type = RECORD_META,
		.u.meta.metadata = {
			.mode = 04755,
			.uid = 1000,
			.gid = 4294967294u,
			.user = "ann",
			.atime = { 1, 2 },
			.mtime = { -5, 1 },
		},
	};

	return record;
}

struct record
build_end(void)
{
	const struct record record = {
		.type = RECORD_END,
		.u.end = { .result_digest = some_digest(0xee), .last = true },
	};

	return record;
}

struct record
build_data(const struct record_range *piece, const void *data)
{
	const struct record record = {
		.type = RECORD_DATA,
		.u.data = {
			.piece_count = 1,
			.raw_length = (uint32_t)piece->length,
			.encoded_length = (uint32_t)piece->length,
			.hash = hash128(data, piece->length),
			.pieces = piece,
			.data = data,
		},
	};

	return record;
}

void
build_bytes(struct stream_build *build, const void *bytes, size_t length)
{
	build->bytes = realloc(build->bytes, build->length + length + 1);
	assert_non_null(build->bytes);
	if (length > 0)
		memcpy(build->bytes + build->length, bytes, length);
	build->length += length;
}

void
build_start(struct stream_build *build, uint64_t required)
{
	const struct stream_header header = {
		.required = required, .stream = build_stream_id()
	};
	uint8_t bytes[STREAM_HEADER_SIZE];

	memset(build, 0, sizeof(*build));
	stream_header_encode(&header, bytes);
	build_bytes(build, bytes, sizeof(bytes));
}

void
build_free(struct stream_build *build)
{
	free(build->bytes);
	memset(build, 0, sizeof(*build));
}

void
build_frame(struct stream_build *build, unsigned type, unsigned flags,
    const void *payload, size_t length)
{
	const struct uuid stream = build_stream_id();
	struct frame_header header = {
		.type = (uint16_t)type,
		.flags = (uint16_t)flags,
		.sequence = build->sequence,
		.length = (uint32_t)length,
	};
	uint8_t bytes[FRAME_HEADER_SIZE];

	if (type == RECORD_BEGIN) {
		build->first = build->sequence;
		build->begin = build->length;
	}
	frame_header_encode(&header, frame_seed(&stream), payload, bytes);
	build_bytes(build, bytes, sizeof(bytes));
	build_bytes(build, payload, length);
	build->sequence++;
}

void
build_record(struct stream_build *build, const struct record *record)
{
	uint8_t *payload = malloc(RECORD_PAYLOAD_MAX);
	struct record copy = *record;
	struct err err = ERR_INIT;
	size_t length;

	assert_non_null(payload);
	if (record->type == RECORD_END) {
		copy.u.end.records += build->sequence - build->first;
		copy.u.end.hash = hash128(build->bytes + build->begin,
		    build->length - build->begin);
	}
	assert_int_equal(record_encode(&copy, payload, RECORD_PAYLOAD_MAX,
	    &length, &err), 0);
	if (record->type == RECORD_DATA) {
		memcpy(payload + length, record->u.data.data,
		    record->u.data.encoded_length);
		length += record->u.data.encoded_length;
	}
	build_frame(build, record->type, 0, payload, length);
	free(payload);
}

void
build_open(struct stream_build *build)
{
	const struct record begin = build_begin();
	const struct record meta = build_meta();

	build_record(build, &begin);
	build_record(build, &meta);
}

void
build_close(struct stream_build *build)
{
	const struct record end = build_end();

	build_record(build, &end);
}

int
build_fd(const void *bytes, size_t length)
{
	const int fd = memfd_create("stream", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(io_write(fd, bytes, length), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

int
build_read_bytes(const void *bytes, size_t length, struct err *err)
{
	const int fd = build_fd(bytes, length);
	struct stream_reader *reader;
	struct record *record;
	int ret;

	ret = stream_reader_new(fd, &reader, err);
	if (ret == 0) {
		do {
			ret = stream_reader_next(reader, &record, err);
		} while (ret == 0);
		stream_reader_free(reader);
	}
	close(fd);
	return ret;
}

void
build_refused(const struct stream_build *build, const char *word)
{
	struct err err = ERR_INIT;

	assert_int_equal(build_read_bytes(build->bytes, build->length, &err),
	    -ERR_STREAM);
	assert_int_equal(err.code, ERR_STREAM);
	if (strstr(err.text, word) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", word, err.text);
}

void
build_accepted(const struct stream_build *build)
{
	struct err err = ERR_INIT;

	if (build_read_bytes(build->bytes, build->length, &err) != 1)
		fail_msg("refused: %s", err.text);
}
