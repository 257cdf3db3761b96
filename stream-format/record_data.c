/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record_data.c - decode the records that say what lies where: DATA, ZERO and
 * HOLE.
 */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "common/le.h"
#include "stream-format/compress.h"
#include "stream-format/record_space.h"

#define PIECE_SIZE 12		/* u64 offset, u32 length */
#define RANGE_SIZE 16		/* u64 offset, u64 length */

/* One more range, which must be valid and not begin before end. */
static int
add_range(struct record_range *range, uint64_t offset, uint64_t length,
    uint64_t end, const char *name, struct err *err)
{
	if (!record_range_valid(offset, length))
		return err_set(err, ERR_STREAM, "%s: a range of %" PRIu64
		    " bytes at %" PRIu64 " is empty or too far", name, length,
		    offset);
	if (offset < end)
		return err_set(err, ERR_STREAM, "%s: the range at %" PRIu64
		    " begins before the end %" PRIu64 " of the one before it",
		    name, offset, end);
	range->offset = offset;
	range->length = length;
	return 0;
}

/* The rules of encoding and prefix. */
static int
check_encoding(const struct record_data *data, struct err *err)
{
	if (data->encoding > RECORD_ZSTD)
		return err_set(err, ERR_STREAM,
		    "DATA: the encoding %u is not known", data->encoding);
	if (data->prefix > RECORD_PREFIX_BOTH)
		return err_set(err, ERR_STREAM,
		    "DATA: the kind of prefix %u is not known", data->prefix);
	if (data->source != 0)
		return err_set(err, ERR_STREAM,
		    "DATA: the prefix comes from source %u, not from the base",
		    data->source);
	if (data->encoding == RECORD_RAW && data->prefix != RECORD_PREFIX_NONE)
		return err_set(err, ERR_STREAM,
		    "DATA: raw bytes do not take a prefix");
	return 0;
}

/* The rules of how long a prefix is, the bytes at the pieces counted. */
static int
check_prefix(const struct record_data *data, uint32_t reserved,
    struct err *err)
{
	const bool same = (data->prefix & RECORD_PREFIX_SAME) != 0;
	const uint32_t most = RECORD_RAW_MAX - (same ? data->raw_length : 0);

	if (reserved != 0)
		return err_set(err, ERR_STREAM,
		    "DATA: a reserved field is not zero");
	if ((data->prefix & RECORD_PREFIX_RANGES) == 0) {
		if (data->prefix_count != 0 || data->prefix_length != 0)
			return err_set(err, ERR_STREAM,
			    "DATA: a prefix range is given but not used");
		return 0;
	}
	if (data->prefix_count == 0 ||
	    data->prefix_count > RECORD_PREFIX_RANGES_MAX)
		return err_set(err, ERR_STREAM, "DATA: the number of prefix "
		    "ranges %" PRIu32 " is not within 1 to %u",
		    data->prefix_count, RECORD_PREFIX_RANGES_MAX);
	if (data->prefix_length > most)
		return err_set(err, ERR_STREAM, "DATA: a prefix of %" PRIu32
		    " bytes is longer than %" PRIu32, data->prefix_length,
		    most);
	return 0;
}

/* The rules of the two lengths. */
static int
check_lengths(const struct record_data *data, struct err *err)
{
	if (data->raw_length == 0 || data->raw_length > RECORD_RAW_MAX)
		return err_set(err, ERR_STREAM,
		    "DATA: the raw length %" PRIu32 " is not within 1 to %u",
		    data->raw_length, RECORD_RAW_MAX);
	if (data->encoding == RECORD_RAW) {
		if (data->encoded_length != data->raw_length)
			return err_set(err, ERR_STREAM, "DATA: the encoded "
			    "length %" PRIu32 " of raw bytes is not their "
			    "length %" PRIu32, data->encoded_length,
			    data->raw_length);
	} else if (data->encoded_length == 0 ||
	    data->encoded_length > compress_bound(data->raw_length)) {
		return err_set(err, ERR_STREAM, "DATA: the encoded length %"
		    PRIu32 " is impossible for %" PRIu32 " raw bytes",
		    data->encoded_length, data->raw_length);
	}
	return 0;
}

static int
get_pieces(struct buf_reader *r, struct record_space *space,
    struct record_data *data, struct err *err)
{
	const uint8_t *p;
	uint64_t end = 0;
	uint64_t sum = 0;

	if (data->piece_count == 0 || data->piece_count > RECORD_PIECES_MAX)
		return err_set(err, ERR_STREAM,
		    "DATA: the number of pieces %" PRIu32
		    " is not within 1 to %u", data->piece_count,
		    RECORD_PIECES_MAX);
	p = buf_get(r, (size_t)data->piece_count * PIECE_SIZE);
	if (p == NULL)
		return err_set(err, ERR_STREAM,
		    "DATA: the payload is shorter than its fields say");
	for (uint32_t i = 0; i < data->piece_count; i++, p += PIECE_SIZE) {
		struct record_range *range = &space->ranges[i];

		if (add_range(range, le64_get(p), le32_get(p + 8), end, "DATA",
		    err) < 0)
			return -ERR_STREAM;
		end = range->offset + range->length;
		sum += range->length;
	}
	if (sum != data->raw_length)
		return err_set(err, ERR_STREAM, "DATA: the pieces have %" PRIu64
		    " bytes, the raw length is %" PRIu32, sum,
		    data->raw_length);
	data->pieces = space->ranges;
	return 0;
}

/* They may lie in any order, and twice. */
static int
get_prefixes(struct buf_reader *r, struct record_space *space,
    struct record_data *data, struct err *err)
{
	const uint8_t *p = buf_get(r, (size_t)data->prefix_count * PIECE_SIZE);
	uint64_t sum = 0;

	if (p == NULL)
		return err_set(err, ERR_STREAM,
		    "DATA: the payload is shorter than its fields say");
	for (uint32_t i = 0; i < data->prefix_count; i++, p += PIECE_SIZE) {
		struct record_range *range = &space->prefixes[i];

		if (add_range(range, le64_get(p), le32_get(p + 8), 0,
		    "DATA: prefix", err) < 0)
			return -ERR_STREAM;
		sum += range->length;
	}
	if (sum != data->prefix_length)
		return err_set(err, ERR_STREAM, "DATA: the prefix ranges have "
		    "%" PRIu64 " bytes, the prefix length is %" PRIu32, sum,
		    data->prefix_length);
	data->prefix_ranges = space->prefixes;
	return 0;
}

int
record_decode_data(struct buf_reader *r, struct record_space *space,
    struct record_data *data, struct err *err)
{
	const uint8_t *hash;
	uint32_t reserved;

	data->file = buf_get32(r);
	data->encoding = buf_get8(r);
	data->prefix = buf_get8(r);
	data->source = buf_get16(r);
	data->piece_count = buf_get32(r);
	data->raw_length = buf_get32(r);
	data->encoded_length = buf_get32(r);
	hash = buf_get(r, sizeof(data->hash.bytes));
	if (hash != NULL)
		memcpy(data->hash.bytes, hash, sizeof(data->hash.bytes));
	data->prefix_count = buf_get32(r);
	reserved = buf_get32(r);
	data->prefix_length = buf_get32(r);
	if (r->underrun)
		return err_set(err, ERR_STREAM,
		    "DATA: the payload is shorter than its fields say");
	if (data->file != 0)
		return err_set(err, ERR_STREAM, "DATA: the file number is %"
		    PRIu32 ", not 0", data->file);
	if (check_encoding(data, err) < 0 || check_lengths(data, err) < 0 ||
	    check_prefix(data, reserved, err) < 0 ||
	    get_pieces(r, space, data, err) < 0 ||
	    get_prefixes(r, space, data, err) < 0)
		return -ERR_STREAM;
	data->data = buf_get(r, data->encoded_length);
	return 0;
}

int
record_decode_ranges(struct buf_reader *r, const char *name,
    struct record_space *space, struct record_ranges *ranges,
    struct err *err)
{
	const uint8_t *p;
	uint64_t end = 0;

	ranges->file = buf_get32(r);
	ranges->count = buf_get32(r);
	if (ranges->file != 0)
		return err_set(err, ERR_STREAM, "%s: the file number is %"
		    PRIu32 ", not 0", name, ranges->file);
	if (ranges->count == 0 || ranges->count > RECORD_PIECES_MAX)
		return err_set(err, ERR_STREAM, "%s: the number of ranges %"
		    PRIu32 " is not within 1 to %u", name, ranges->count,
		    RECORD_PIECES_MAX);
	p = buf_get(r, (size_t)ranges->count * RANGE_SIZE);
	if (p == NULL)
		return err_set(err, ERR_STREAM,
		    "%s: the payload is shorter than its fields say", name);
	for (uint32_t i = 0; i < ranges->count; i++, p += RANGE_SIZE) {
		struct record_range *range = &space->ranges[i];

		if (add_range(range, le64_get(p), le64_get(p + 8), end, name,
		    err) < 0)
			return -ERR_STREAM;
		end = range->offset + range->length;
	}
	ranges->ranges = space->ranges;
	return 0;
}
