/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record_decode.c - check the payload of a record to the byte and give it
 * meaning; DATA, ZERO, HOLE and META are decoded in files of their own.
 */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "common/bytes.h"
#include "stream-format/record_space.h"

static struct uuid
get_uuid(struct buf_reader *r)
{
	const uint8_t *bytes = buf_get(r, UUID_SIZE);
	struct uuid uuid = { { 0 } };

	if (bytes != NULL)
		memcpy(uuid.bytes, bytes, sizeof(uuid.bytes));
	return uuid;
}

/* A digest; false if it breaks the rules of an algorithm that is known. */
static bool
get_digest(struct buf_reader *r, struct record_digest *digest)
{
	const uint8_t *value;
	uint16_t reserved;

	memset(digest, 0, sizeof(*digest));
	digest->algorithm = buf_get16(r);
	reserved = buf_get16(r);
	digest->block_size = buf_get32(r);
	value = buf_get(r, DIGEST_VALUE_SIZE);
	if (value != NULL)
		memcpy(digest->value, value, DIGEST_VALUE_SIZE);
	if (reserved != 0)
		return false;
	switch (digest->algorithm) {
	case DIGEST_NONE:
		return digest->block_size == 0 &&
		    bytes_are_zero(digest->value, DIGEST_VALUE_SIZE);
	case DIGEST_XXH3_128:
		return digest->block_size == DIGEST_BLOCK_SIZE &&
		    bytes_are_zero(digest->value + HASH128_SIZE,
		    DIGEST_VALUE_SIZE - HASH128_SIZE);
	default:
		return true;
	}
}

static bool
safe(const char *name)
{
	return record_name_safe((const uint8_t *)name, strlen(name));
}

/* May a file get this name?  The folder of all snapshots has its name alone. */
static bool
publishable(const char *name)
{
	return safe(name) && strcmp(name, ".snapshot") != 0;
}

/* The rules of the three names. */
static int
check_names(const struct record_begin *begin, struct err *err)
{
	const bool plain = (begin->flags & RECORD_BEGIN_PLAIN) != 0;
	const bool based = !uuid_is_nil(&begin->base);

	if (!publishable(begin->name))
		return err_set(err, ERR_STREAM,
		    "BEGIN: the name of the snapshot is not safe");
	if (plain != (begin->origin[0] == '\0'))
		return err_set(err, ERR_STREAM, plain ?
		    "BEGIN: a plain snapshot has an origin" :
		    "BEGIN: the origin is missing");
	if (!plain && !publishable(begin->origin))
		return err_set(err, ERR_STREAM,
		    "BEGIN: the name of the origin is not safe");
	if (!plain && strlen(begin->origin) + 1 + strlen(begin->name) >
	    RECORD_NAME_MAX)
		return err_set(err, ERR_STREAM,
		    "BEGIN: origin and name together are longer than %d bytes",
		    RECORD_NAME_MAX);
	if (based != (begin->base_name[0] != '\0'))
		return err_set(err, ERR_STREAM, based ?
		    "BEGIN: the name of the base is missing" :
		    "BEGIN: a base is named but has no id");
	if (based && !safe(begin->base_name))
		return err_set(err, ERR_STREAM,
		    "BEGIN: the name of the base is not safe");
	return 0;
}

static int
check_begin(const struct record_begin *begin, struct err *err)
{
	if (uuid_is_nil(&begin->snapshot))
		return err_set(err, ERR_STREAM,
		    "BEGIN: the snapshot has no id");
	if (uuid_equal(&begin->snapshot, &begin->base))
		return err_set(err, ERR_STREAM,
		    "BEGIN: the snapshot is its own base");
	if (begin->size > RECORD_SIZE_MAX || begin->base_size > RECORD_SIZE_MAX)
		return err_set(err, ERR_STREAM,
		    "BEGIN: a size of %" PRIu64 " bytes is impossible",
		    begin->size > RECORD_SIZE_MAX ? begin->size :
		    begin->base_size);
	if (uuid_is_nil(&begin->base) && (begin->base_size != 0 ||
	    begin->base_digest.algorithm != DIGEST_NONE))
		return err_set(err, ERR_STREAM,
		    "BEGIN: size or digest of a base without a base");
	if (begin->files != 1)
		return err_set(err, ERR_STREAM,
		    "BEGIN: the number of files is %" PRIu32 ", not 1",
		    begin->files);
	if ((begin->flags & ~RECORD_BEGIN_PLAIN) != 0)
		return err_set(err, ERR_STREAM,
		    "BEGIN: a reserved flag is set (%#" PRIx32 ")",
		    begin->flags);
	return check_names(begin, err);
}

static int
decode_begin(struct buf_reader *r, struct record_begin *begin, struct err *err)
{
	bool digests, names, times;

	begin->stream = get_uuid(r);
	begin->snapshot = get_uuid(r);
	begin->base = get_uuid(r);
	begin->lineage = get_uuid(r);
	begin->generation = buf_get64(r);
	begin->cut = buf_get64(r);
	begin->size = buf_get64(r);
	begin->base_size = buf_get64(r);
	times = record_get_time(r, &begin->created);
	times = record_get_time(r, &begin->mtime) && times;
	begin->block_size = buf_get32(r);
	begin->source_type = buf_get32(r);
	begin->files = buf_get32(r);
	begin->flags = buf_get32(r);
	digests = get_digest(r, &begin->base_digest);
	digests = get_digest(r, &begin->result_digest) && digests;
	names = record_get_text(r, begin->origin);
	names = record_get_text(r, begin->name) && names;
	names = record_get_text(r, begin->base_name) && names;
	if (!buf_complete(r))
		return 0;
	if (!times)
		return err_set(err, ERR_STREAM, "BEGIN: a time is impossible");
	if (!digests)
		return err_set(err, ERR_STREAM, "BEGIN: a digest is malformed");
	if (!names)
		return err_set(err, ERR_STREAM,
		    "BEGIN: a name is longer than %d bytes or holds a NUL",
		    RECORD_NAME_MAX);
	return check_begin(begin, err);
}

static int
decode_clone(struct buf_reader *r, struct record_clone *clone, struct err *err)
{
	clone->file = buf_get32(r);
	clone->source = buf_get32(r);
	clone->offset = buf_get64(r);
	clone->length = buf_get64(r);
	clone->source_offset = buf_get64(r);
	if (clone->file != 0 || clone->source != 0)
		return err_set(err, ERR_STREAM,
		    "CLONE: a file number is not 0");
	if (!record_range_valid(clone->offset, clone->length) ||
	    !record_range_valid(clone->source_offset, clone->length))
		return err_set(err, ERR_STREAM,
		    "CLONE: a range is empty or too far");
	return 0;
}

static int
decode_checkpoint(struct buf_reader *r, struct record_checkpoint *checkpoint,
    struct err *err)
{
	uint32_t reserved;

	checkpoint->file = buf_get32(r);
	reserved = buf_get32(r);
	checkpoint->offset = buf_get64(r);
	checkpoint->wire = buf_get64(r);
	if (checkpoint->file != 0 || reserved != 0)
		return err_set(err, ERR_STREAM, "CHECKPOINT: the file number "
		    "or a reserved field is not 0");
	return 0;
}

static int
decode_resume(struct buf_reader *r, struct record_resume *resume,
    struct err *err)
{
	uint32_t reserved;

	resume->stream = get_uuid(r);
	resume->snapshot = get_uuid(r);
	resume->file = buf_get32(r);
	reserved = buf_get32(r);
	resume->offset = buf_get64(r);
	if (resume->file != 0 || reserved != 0)
		return err_set(err, ERR_STREAM, "RESUME: the file number or a "
		    "reserved field is not 0");
	if (uuid_is_nil(&resume->stream))
		return err_set(err, ERR_STREAM,
		    "RESUME: the id of the stream is nil");
	if (resume->offset > RECORD_SIZE_MAX)
		return err_set(err, ERR_STREAM,
		    "RESUME: the offset is impossible");
	return 0;
}

static int
decode_end(struct buf_reader *r, struct record_end *end, struct err *err)
{
	const uint8_t *hash;
	uint32_t last, reserved;
	bool digest;

	end->records = buf_get64(r);
	end->data = buf_get64(r);
	end->zeros = buf_get64(r);
	end->holes = buf_get64(r);
	hash = buf_get(r, sizeof(end->hash.bytes));
	if (hash != NULL)
		memcpy(end->hash.bytes, hash, sizeof(end->hash.bytes));
	digest = get_digest(r, &end->result_digest);
	last = buf_get32(r);
	reserved = buf_get32(r);
	if (!digest)
		return err_set(err, ERR_STREAM, "END: the digest is malformed");
	if (last > 1 || reserved != 0)
		return err_set(err, ERR_STREAM,
		    "END: the mark of the last END or a reserved field is "
		    "wrong");
	end->last = last == 1;
	return 0;
}

static int
decode_fields(enum record_type type, struct buf_reader *r,
    struct record_space *space, struct record *record, struct err *err)
{
	switch (type) {
	case RECORD_BEGIN:
		return decode_begin(r, &record->u.begin, err);
	case RECORD_DATA:
		return record_decode_data(r, space, &record->u.data, err);
	case RECORD_ZERO:
		return record_decode_ranges(r, "ZERO", space, &record->u.zero,
		    err);
	case RECORD_HOLE:
		return record_decode_ranges(r, "HOLE", space, &record->u.hole,
		    err);
	case RECORD_CLONE:
		return decode_clone(r, &record->u.clone, err);
	case RECORD_META:
		return record_decode_meta(r, space, &record->u.meta, err);
	case RECORD_CHECKPOINT:
		return decode_checkpoint(r, &record->u.checkpoint, err);
	case RECORD_RESUME:
		return decode_resume(r, &record->u.resume, err);
	case RECORD_DIGEST:
		buf_get(r, r->size);
		return 0;
	case RECORD_END:
		return decode_end(r, &record->u.end, err);
	}
	return err_set(err, ERR_STREAM, "the record type %d is not known",
	    (int)type);
}

int
record_decode(enum record_type type, const uint8_t *payload, size_t length,
    struct record_space *space, struct record *record, struct err *err)
{
	struct buf_reader r = { .data = payload, .size = length };
	int ret;

	memset(record, 0, sizeof(*record));
	record->type = type;
	if (length > RECORD_PAYLOAD_MAX)
		return err_set(err, ERR_STREAM,
		    "%s: a payload of %zu bytes is too long",
		    record_type_name(type), length);
	ret = decode_fields(type, &r, space, record, err);
	if (ret == 0 && !buf_complete(&r))
		ret = err_set(err, ERR_STREAM,
		    "%s: the payload is %s than its fields say",
		    record_type_name(type), r.underrun ? "shorter" : "longer");
	return ret;
}
