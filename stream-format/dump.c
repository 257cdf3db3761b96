/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dump.c - print a stream as text, one line for each record.
 *
 * Names come from the stream and may hold anything: they are escaped.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "stream-format/compress.h"
#include "stream-format/dump.h"
#include "stream-format/stream_reader.h"

#define RANGES_SHOWN 8		/* of one record */

struct dump {
	FILE *out;
	struct stream_reader *reader;
	struct decompressor *decompressor;
	uint64_t frames;	/* seen so far, skipped ones too */
	uint8_t raw[RECORD_RAW_MAX];
};

static void
print_uuid(FILE *out, const char *label, const struct uuid *uuid)
{
	char text[UUID_TEXT_SIZE];

	fprintf(out, " %s=%s", label,
	    uuid_is_nil(uuid) ? "none" : uuid_format(uuid, text));
}

static void
print_time(FILE *out, const char *label, const struct timespec *time)
{
	fprintf(out, " %s=%" PRId64 ".%09ld", label, (int64_t)time->tv_sec,
	    time->tv_nsec);
}

static void
print_name(FILE *out, const char *label, const char *name)
{
	char text[4 * RECORD_NAME_MAX + 1];	/* a byte becomes \xNN */

	text_escape(text, sizeof(text), name, strlen(name));
	fprintf(out, " %s=\"%s\"", label, text);
}

static void
print_hex(FILE *out, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		fprintf(out, "%02x", bytes[i]);
}

static void
print_digest(FILE *out, const char *label, const struct record_digest *digest)
{
	if (digest->algorithm == DIGEST_NONE) {
		fprintf(out, " %s=none", label);
		return;
	}
	fprintf(out, " %s=%u/%" PRIu32 ":", label, digest->algorithm,
	    digest->block_size);
	print_hex(out, digest->value, digest->algorithm == DIGEST_XXH3_128 ?
	    HASH128_SIZE : DIGEST_VALUE_SIZE);
}

static void
print_ranges(FILE *out, const struct record_range *ranges, uint32_t count)
{
	fprintf(out, " ranges=%" PRIu32, count);
	for (uint32_t i = 0; i < count && i < RANGES_SHOWN; i++)
		fprintf(out, " %" PRIu64 "+%" PRIu64, ranges[i].offset,
		    ranges[i].length);
	if (count > RANGES_SHOWN)
		fprintf(out, " ...");
}

static void
print_begin(FILE *out, const struct record_begin *begin)
{
	print_uuid(out, "snapshot", &begin->snapshot);
	print_uuid(out, "base", &begin->base);
	print_uuid(out, "lineage", &begin->lineage);
	fprintf(out, " generation=%" PRIu64 " cut=%" PRIu64 " size=%" PRIu64
	    " base-size=%" PRIu64, begin->generation, begin->cut, begin->size,
	    begin->base_size);
	print_time(out, "created", &begin->created);
	print_time(out, "mtime", &begin->mtime);
	fprintf(out, " block-size=%" PRIu32 " source-type=%#" PRIx32
	    " plain=%s", begin->block_size, begin->source_type,
	    (begin->flags & RECORD_BEGIN_PLAIN) != 0 ? "yes" : "no");
	print_digest(out, "base-digest", &begin->base_digest);
	print_digest(out, "result-digest", &begin->result_digest);
	print_name(out, "origin", begin->origin);
	print_name(out, "name", begin->name);
	print_name(out, "base-name", begin->base_name);
}

static void
print_meta(FILE *out, const struct metadata *metadata)
{
	fprintf(out, " mode=%04o uid=%lu gid=%lu", (unsigned)metadata->mode,
	    (unsigned long)metadata->uid, (unsigned long)metadata->gid);
	print_name(out, "user", metadata->user);
	print_name(out, "group", metadata->group);
	print_time(out, "atime", &metadata->atime);
	print_time(out, "mtime", &metadata->mtime);
	print_time(out, "btime", &metadata->btime);
	fprintf(out, " attributes=%zu", metadata->xattr_count);
	for (size_t i = 0; i < metadata->xattr_count; i++) {
		const struct metadata_xattr *xattr = &metadata->xattrs[i];

		print_name(out, "attribute", xattr->name);
		fprintf(out, ":%" PRIu32, xattr->length);
	}
}

/* Decode the bytes and check their hash, as far as that needs no base. */
static int
check_data(struct dump *dump, const struct record_data *data, struct err *err)
{
	const struct stream_position position =
	    stream_reader_position(dump->reader);
	const uint8_t *raw = data->data;
	struct err why = ERR_INIT;
	struct hash128 hash;

	if (data->prefix != RECORD_PREFIX_NONE)
		return 0;
	if (data->encoding == RECORD_ZSTD) {
		if (decompress(dump->decompressor, data->data,
		    data->encoded_length, NULL, 0, dump->raw,
		    data->raw_length, &why) < 0)
			return err_set(err, why.code, "record %" PRIu64
			    " at byte %" PRIu64 ": DATA: %s",
			    position.sequence, position.offset, why.text);
		raw = dump->raw;
	}
	hash = hash128(raw, data->raw_length);
	if (!hash_matches(&data->hash, &hash, sizeof(hash)))
		return err_set(err, ERR_STREAM, "record %" PRIu64 " at byte %"
		    PRIu64 ": DATA: the bytes have another hash than the "
		    "record says", position.sequence, position.offset);
	return 0;
}

static void
print_data(FILE *out, const struct record_data *data)
{
	static const char *const prefixes[] = {
		"none", "same", "ranges", "both"
	};

	fprintf(out, " raw=%" PRIu32 " encoded=%" PRIu32 " encoding=%s",
	    data->raw_length, data->encoded_length,
	    data->encoding == RECORD_ZSTD ? "zstd" : "raw");
	fprintf(out, " prefix=%s", prefixes[data->prefix]);
	for (uint32_t i = 0; i < data->prefix_count; i++)
		fprintf(out, "%c%" PRIu64 "+%" PRIu64, i == 0 ? ':' : ',',
		    data->prefix_ranges[i].offset,
		    data->prefix_ranges[i].length);
	fprintf(out, " hash=");
	print_hex(out, data->hash.bytes, sizeof(data->hash.bytes));
	print_ranges(out, data->pieces, data->piece_count);
}

static void
print_clone(FILE *out, const struct record_clone *clone)
{
	fprintf(out, " %" PRIu64 "+%" PRIu64 " from %" PRIu64, clone->offset,
	    clone->length, clone->source_offset);
}

static void
print_resume(FILE *out, const struct record_resume *resume)
{
	print_uuid(out, "stream", &resume->stream);
	print_uuid(out, "snapshot", &resume->snapshot);
	fprintf(out, " offset=%" PRIu64, resume->offset);
}

static void
print_end(FILE *out, const struct record_end *end)
{
	fprintf(out, " records=%" PRIu64 " data=%" PRIu64 " zeros=%" PRIu64
	    " holes=%" PRIu64 " hash=", end->records, end->data, end->zeros,
	    end->holes);
	print_hex(out, end->hash.bytes, sizeof(end->hash.bytes));
	print_digest(out, "result-digest", &end->result_digest);
	fprintf(out, " last=%s", end->last ? "yes" : "no");
}

static int
dump_record(struct dump *dump, const struct record *record, struct err *err)
{
	const struct stream_position position =
	    stream_reader_position(dump->reader);
	FILE *const out = dump->out;
	int ret = 0;

	if (position.sequence != dump->frames)
		fprintf(out, "(%" PRIu64 " optional frames skipped)\n",
		    position.sequence - dump->frames);
	dump->frames = position.sequence + 1;
	fprintf(out, "%" PRIu64 " @%" PRIu64 " %s", position.sequence,
	    position.offset, record_type_name(record->type));
	switch (record->type) {
	case RECORD_BEGIN:
		print_begin(out, &record->u.begin);
		break;
	case RECORD_META:
		print_meta(out, &record->u.meta.metadata);
		break;
	case RECORD_DATA:
		print_data(out, &record->u.data);
		ret = check_data(dump, &record->u.data, err);
		break;
	case RECORD_ZERO:
		print_ranges(out, record->u.zero.ranges, record->u.zero.count);
		break;
	case RECORD_HOLE:
		print_ranges(out, record->u.hole.ranges, record->u.hole.count);
		break;
	case RECORD_CHECKPOINT:
		fprintf(out, " offset=%" PRIu64 " wire=%" PRIu64,
		    record->u.checkpoint.offset, record->u.checkpoint.wire);
		break;
	case RECORD_END:
		print_end(out, &record->u.end);
		break;
	case RECORD_CLONE:
		print_clone(out, &record->u.clone);
		break;
	case RECORD_RESUME:
		print_resume(out, &record->u.resume);
		break;
	case RECORD_DIGEST:
		break;	/* the reader hands out none */
	}
	fputc('\n', out);
	return ret;
}

static int
dump_records(struct dump *dump, struct err *err)
{
	const struct stream_header *header =
	    stream_reader_header(dump->reader);
	struct record *record;
	int ret;

	fprintf(dump->out, "stream version=%d", STREAM_VERSION);
	print_uuid(dump->out, "id", &header->stream);
	fprintf(dump->out, " required=%#" PRIx64 " optional=%#" PRIx64 "\n",
	    header->required, header->optional);
	while ((ret = stream_reader_next(dump->reader, &record, err)) == 0) {
		ret = dump_record(dump, record, err);
		if (ret < 0)
			return ret;
	}
	return ret < 0 ? ret : 0;
}

int
dump_stream(int fd, FILE *out, struct err *err)
{
	struct dump *dump = calloc(1, sizeof(*dump));
	int ret;

	if (dump == NULL)
		return err_set(err, ERR_FAILED, "out of memory");
	dump->out = out;
	dump->decompressor = decompressor_new();
	if (dump->decompressor == NULL)
		ret = err_set(err, ERR_FAILED, "out of memory");
	else
		ret = stream_reader_new(fd, &dump->reader, err);
	if (ret == 0)
		ret = dump_records(dump, err);
	if (fflush(out) != 0 && ret == 0)
		ret = err_sys(err, ERR_FAILED, "cannot print the stream");
	stream_reader_free(dump->reader);
	decompressor_free(dump->decompressor);
	free(dump);
	return ret;
}
