/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frame.c - encode and check the header of a stream and of a frame.
 */
#include "config.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "common/hash.h"
#include "common/le.h"
#include "stream-format/frame.h"
#include "stream-format/record.h"

/* Like that of PNG: finds transfers that strip a bit or turn line ends. */
static const uint8_t stream_magic[8] = {
	0x89, 'R', 'F', 'S', '\r', '\n', 0x1a, '\n'
};
static const uint8_t frame_magic[4] = { 'R', 'F', 'f', 'r' };

/* Where the checksums are, which cover all before them. */
#define STREAM_CHECKSUM 56
#define FRAME_CHECKSUM 24

static bool
checksum_matches(uint64_t carried, uint64_t computed)
{
	return hash_matches(&carried, &computed, sizeof(carried));
}

void
stream_header_encode(const struct stream_header *header,
    uint8_t bytes[STREAM_HEADER_SIZE])
{
	memset(bytes, 0, STREAM_HEADER_SIZE);
	memcpy(bytes, stream_magic, sizeof(stream_magic));
	le16_put(bytes + 8, STREAM_VERSION);
	le16_put(bytes + 10, STREAM_HEADER_SIZE);
	le64_put(bytes + 16, header->required);
	le64_put(bytes + 24, header->optional);
	memcpy(bytes + 32, header->stream.bytes, UUID_SIZE);
	le64_put(bytes + STREAM_CHECKSUM,
	    hash64(0, bytes, STREAM_CHECKSUM, NULL, 0));
}

int
stream_header_decode(const uint8_t bytes[STREAM_HEADER_SIZE],
    struct stream_header *header, struct err *err)
{
	uint64_t unknown;

	if (memcmp(bytes, stream_magic, sizeof(stream_magic)) != 0)
		return err_set(err, ERR_STREAM,
		    "the input is not a stream of refsend");
	if (le16_get(bytes + 8) != STREAM_VERSION)
		return err_set(err, ERR_STREAM,
		    "the stream has version %u, this program reads version %d",
		    le16_get(bytes + 8), STREAM_VERSION);
	if (!checksum_matches(le64_get(bytes + STREAM_CHECKSUM),
	    hash64(0, bytes, STREAM_CHECKSUM, NULL, 0)))
		return err_set(err, ERR_STREAM,
		    "the stream header is damaged: its checksum is wrong");
	if (le16_get(bytes + 10) != STREAM_HEADER_SIZE ||
	    le32_get(bytes + 12) != 0 || le64_get(bytes + 48) != 0)
		return err_set(err, ERR_STREAM, "the stream header has a "
		    "wrong length or a reserved field that is not zero");
	header->required = le64_get(bytes + 16);
	header->optional = le64_get(bytes + 24);
	memcpy(header->stream.bytes, bytes + 32, UUID_SIZE);
	unknown = header->required & ~(uint64_t)FEATURES_SUPPORTED;
	if (unknown != 0)
		return err_set(err, ERR_STREAM, "the stream requires features "
		    "that this program does not have (bits %#" PRIx64 ")",
		    unknown);
	if (uuid_is_nil(&header->stream))
		return err_set(err, ERR_STREAM, "the stream has no id");
	return 0;
}

uint64_t
frame_seed(const struct uuid *stream)
{
	return le64_get(stream->bytes) ^ le64_get(stream->bytes + 8);
}

void
frame_header_encode(struct frame_header *header, uint64_t seed,
    const uint8_t *payload, uint8_t bytes[FRAME_HEADER_SIZE])
{
	memset(bytes, 0, FRAME_HEADER_SIZE);
	memcpy(bytes, frame_magic, sizeof(frame_magic));
	le16_put(bytes + 4, header->type);
	le16_put(bytes + 6, header->flags);
	le64_put(bytes + 8, header->sequence);
	le32_put(bytes + 16, header->length);
	header->checksum = hash64(seed, bytes, FRAME_CHECKSUM, payload,
	    header->length);
	le64_put(bytes + FRAME_CHECKSUM, header->checksum);
}

int
frame_header_decode(const uint8_t bytes[FRAME_HEADER_SIZE],
    uint64_t sequence, struct frame_header *header, struct err *err)
{
	if (memcmp(bytes, frame_magic, sizeof(frame_magic)) != 0)
		return err_set(err, ERR_STREAM, "no frame begins here");
	header->type = le16_get(bytes + 4);
	header->flags = le16_get(bytes + 6);
	header->sequence = le64_get(bytes + 8);
	header->length = le32_get(bytes + 16);
	header->checksum = le64_get(bytes + FRAME_CHECKSUM);
	if (header->sequence != sequence)
		return err_set(err, ERR_STREAM, "the frame has the sequence "
		    "number %" PRIu64 " instead of %" PRIu64,
		    header->sequence, sequence);
	if (le32_get(bytes + 20) != 0)
		return err_set(err, ERR_STREAM,
		    "a reserved field of the frame is not zero");
	if (header->length > RECORD_PAYLOAD_MAX)
		return err_set(err, ERR_STREAM, "the frame claims a payload "
		    "of %" PRIu32 " bytes, more than %u", header->length,
		    RECORD_PAYLOAD_MAX);
	return 0;
}

int
frame_check(const uint8_t bytes[FRAME_HEADER_SIZE], uint64_t seed,
    const struct frame_header *header, const uint8_t *payload,
    struct err *err)
{
	if (!checksum_matches(header->checksum,
	    hash64(seed, bytes, FRAME_CHECKSUM, payload, header->length)))
		return err_set(err, ERR_STREAM,
		    "the frame is damaged: its checksum is wrong");
	if ((header->flags & ~FRAME_OPTIONAL) != 0)
		return err_set(err, ERR_STREAM,
		    "the frame has unknown flags (%#x)", header->flags);
	return 0;
}
