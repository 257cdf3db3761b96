/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * apply.c - write the ranges of a stream into a file under construction.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/fsioctl.h"
#include "common/io.h"
#include "receive/apply.h"
#include "stream-format/compress.h"

#define LARGEST_BLOCK 65536u	/* of any file system */

struct apply {
	struct decompressor *decompressor;
	int fd;
	uint64_t size;
	int base_fd;
	struct digest_state *digest;
	const char *path;
	apply_room *room;
	void *cookie;
	uint8_t *raw;		/* RECORD_RAW_MAX bytes each */
	uint8_t *prefix;
	uint8_t *zeros;
};

struct apply *
apply_new(void)
{
	struct apply *apply = calloc(1, sizeof(*apply));

	if (apply == NULL)
		return NULL;
	apply->decompressor = decompressor_new();
	apply->raw = malloc(RECORD_RAW_MAX);
	apply->prefix = malloc(RECORD_RAW_MAX);
	apply->zeros = calloc(1, RECORD_RAW_MAX);
	if (apply->decompressor == NULL || apply->raw == NULL ||
	    apply->prefix == NULL || apply->zeros == NULL) {
		apply_free(apply);
		return NULL;
	}
	return apply;
}

void
apply_free(struct apply *apply)
{
	if (apply == NULL)
		return;
	decompressor_free(apply->decompressor);
	free(apply->raw);
	free(apply->prefix);
	free(apply->zeros);
	free(apply);
}

void
apply_start(struct apply *apply, int fd, uint64_t size, int base_fd,
    struct digest_state *digest, const char *path, apply_room *room,
    void *cookie)
{
	apply->room = room;
	apply->cookie = cookie;
	apply->fd = fd;
	apply->size = size;
	apply->base_fd = base_fd;
	apply->digest = digest;
	apply->path = path;
}

/* Read what the prefix of a record is made of; *length receives its size. */
static int
read_prefix(struct apply *apply, const struct record_data *data,
    size_t *length, struct err *err)
{
	size_t done = 0;
	int rc = 0;

	*length = 0;
	if (data->prefix == RECORD_PREFIX_RANGE) {
		rc = io_pread_zeros(apply->base_fd, apply->prefix,
		    data->prefix_length, data->prefix_offset);
		*length = data->prefix_length;
	} else if (data->prefix == RECORD_PREFIX_SAME) {
		for (uint32_t i = 0; i < data->piece_count && rc == 0; i++) {
			rc = io_pread_zeros(apply->base_fd,
			    apply->prefix + done,
			    (size_t)data->pieces[i].length,
			    data->pieces[i].offset);
			done += (size_t)data->pieces[i].length;
		}
		*length = done;
	}
	if (rc != 0)
		return err_sys(err, ERR_FAILED, "cannot read the base of %s",
		    apply->path);
	return 0;
}

/* The raw bytes of a record, checked; *raw points to them. */
static int
decode(struct apply *apply, const struct record_data *data,
    const uint8_t **raw, struct err *err)
{
	struct hash128 hash;
	size_t prefix_length;
	int rc;

	*raw = data->data;
	if (data->encoding != RECORD_RAW) {
		rc = read_prefix(apply, data, &prefix_length, err);
		if (rc == 0)
			rc = decompress(apply->decompressor, data->data,
			    data->encoded_length,
			    prefix_length > 0 ? apply->prefix : NULL,
			    prefix_length, apply->raw, data->raw_length, err);
		if (rc != 0)
			return rc;
		*raw = apply->raw;
	}
	hash = hash128(*raw, data->raw_length);
	if (!hash_matches(&data->hash, &hash, sizeof(hash)))
		return err_set(err, ERR_STREAM, "%s: data at byte %" PRIu64
		    " does not have its hash: the stream is damaged, or the "
		    "base is not the sender's", apply->path,
		    data->pieces[0].offset);
	return 0;
}

static int
write_error(const struct apply *apply, struct err *err)
{
	return err_sys(err, ERR_FAILED, "cannot write %s", apply->path);
}

static int
apply_data(struct apply *apply, const struct record_data *data,
    struct err *err)
{
	const uint8_t *raw;
	int rc;

	rc = decode(apply, data, &raw, err);
	if (rc == 0 && apply->fd >= 0)
		rc = apply->room(apply->cookie, data->raw_length, err);
	if (rc != 0)
		return rc;
	for (uint32_t i = 0; i < data->piece_count; i++) {
		const struct record_range *piece = &data->pieces[i];
		const size_t length = (size_t)piece->length;

		if (apply->digest != NULL)
			digest_update(apply->digest, piece->offset, raw,
			    length);
		if (apply->fd >= 0 && io_pwrite(apply->fd, raw, length,
		    piece->offset) != 0)
			return write_error(apply, err);
		raw += length;
	}
	return 0;
}

static int
write_zeros(struct apply *apply, const struct record_range *range,
    struct err *err)
{
	uint64_t done = 0;

	while (done < range->length) {
		const size_t n = (size_t)bytes_min(range->length - done,
		    RECORD_RAW_MAX);
		const int rc = apply->room(apply->cookie, n, err);

		if (rc != 0)
			return rc;
		if (io_pwrite(apply->fd, apply->zeros, n,
		    range->offset + done) != 0)
			return write_error(apply, err);
		done += n;
	}
	return 0;
}

static int
make_hole(struct apply *apply, const struct record_range *range,
    struct err *err)
{
	uint64_t end = range->offset + range->length;

	/* The last block is freed only if all of it is punched. */
	if (end == apply->size && end < INT64_MAX - LARGEST_BLOCK)
		end += LARGEST_BLOCK - end % LARGEST_BLOCK;
	if (fs_punch(apply->fd, range->offset, end - range->offset) == 0)
		return 0;
	if (errno == EOPNOTSUPP)
		return write_zeros(apply, range, err);
	return write_error(apply, err);
}

static int
apply_ranges(struct apply *apply, const struct record_ranges *ranges,
    bool hole, struct err *err)
{
	int rc = 0;

	for (uint32_t i = 0; i < ranges->count && rc == 0; i++) {
		if (apply->fd >= 0)
			rc = hole ? make_hole(apply, &ranges->ranges[i], err) :
			    write_zeros(apply, &ranges->ranges[i], err);
	}
	return rc;
}

int
apply_record(struct apply *apply, const struct record *record,
    struct err *err)
{
	switch (record->type) {
	case RECORD_DATA:
		return apply_data(apply, &record->u.data, err);
	case RECORD_ZERO:
		return apply_ranges(apply, &record->u.zero, false, err);
	case RECORD_HOLE:
		return apply_ranges(apply, &record->u.hole, true, err);
	default:
		return 0;
	}
}
