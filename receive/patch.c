/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * patch.c - a record on its way into a file.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/io.h"
#include "receive/patch.h"
#include "stream-format/compress.h"

struct patch *
patch_new(void)
{
	struct patch *patch = calloc(1, sizeof(*patch));

	if (patch == NULL)
		return NULL;
	patch->ranges = malloc(RECORD_PIECES_MAX * sizeof(*patch->ranges));
	patch->encoded = malloc(compress_bound(RECORD_RAW_MAX));
	patch->raw = malloc(RECORD_RAW_MAX);
	patch->prefix = malloc(RECORD_RAW_MAX);
	patch->decompressor = decompressor_new();
	if (patch->ranges == NULL || patch->encoded == NULL ||
	    patch->raw == NULL || patch->prefix == NULL ||
	    patch->decompressor == NULL) {
		patch_free(patch);
		return NULL;
	}
	return patch;
}

void
patch_free(struct patch *patch)
{
	if (patch == NULL)
		return;
	free(patch->ranges);
	free(patch->encoded);
	free(patch->raw);
	free(patch->prefix);
	decompressor_free(patch->decompressor);
	free(patch);
}

void
patch_take(struct patch *patch, const struct record *record)
{
	const size_t size = sizeof(*patch->ranges);

	patch->record = *record;
	if (record->type == RECORD_DATA) {
		const struct record_data *data = &record->u.data;

		memcpy(patch->ranges, data->pieces, data->piece_count * size);
		memcpy(patch->encoded, data->data, data->encoded_length);
		memcpy(patch->prefix_ranges, data->prefix_ranges,
		    data->prefix_count * size);
		patch->record.u.data.prefix_ranges = patch->prefix_ranges;
		patch->record.u.data.pieces = patch->ranges;
		patch->record.u.data.data = patch->encoded;
	} else if (record->type == RECORD_ZERO) {
		memcpy(patch->ranges, record->u.zero.ranges,
		    record->u.zero.count * size);
		patch->record.u.zero.ranges = patch->ranges;
	} else if (record->type == RECORD_HOLE) {
		memcpy(patch->ranges, record->u.hole.ranges,
		    record->u.hole.count * size);
		patch->record.u.hole.ranges = patch->ranges;
	}
}

/* Read ranges of the base behind what is there of the prefix. */
static int
add_to_prefix(struct patch *patch, int base_fd,
    const struct record_range *ranges, uint32_t count, size_t *done)
{
	int rc = 0;

	for (uint32_t i = 0; i < count && rc == 0; i++) {
		rc = io_pread_zeros(base_fd, patch->prefix + *done,
		    (size_t)ranges[i].length, ranges[i].offset);
		*done += (size_t)ranges[i].length;
	}
	return rc;
}

/* Read what the prefix of a record is made of; *length receives its size. */
static int
read_prefix(struct patch *patch, int base_fd, const char *path,
    size_t *length, struct err *err)
{
	const struct record_data *data = &patch->record.u.data;
	size_t done = 0;
	int rc;

	rc = add_to_prefix(patch, base_fd, data->prefix_ranges,
	    data->prefix_count, &done);
	if (rc == 0 && (data->prefix & RECORD_PREFIX_SAME) != 0)
		rc = add_to_prefix(patch, base_fd, data->pieces,
		    data->piece_count, &done);
	*length = done;
	if (rc != 0)
		return err_sys(err, ERR_FAILED, "cannot read the base of %s",
		    path);
	return 0;
}

int
patch_decode(struct patch *patch, int base_fd, const char *path,
    struct err *err)
{
	const struct record_data *data = &patch->record.u.data;
	struct hash128 hash;
	size_t prefix_length;
	int rc;

	if (patch->record.type != RECORD_DATA)
		return 0;
	patch->bytes = patch->encoded;
	if (data->encoding != RECORD_RAW) {
		rc = read_prefix(patch, base_fd, path, &prefix_length, err);
		if (rc == 0)
			rc = decompress(patch->decompressor, data->data,
			    data->encoded_length,
			    prefix_length > 0 ? patch->prefix : NULL,
			    prefix_length, patch->raw, data->raw_length, err);
		if (rc != 0)
			return rc;
		patch->bytes = patch->raw;
	}
	hash = hash128(patch->bytes, data->raw_length);
	if (!hash_matches(&data->hash, &hash, sizeof(hash)))
		return err_set(err, ERR_STREAM, "%s: data at byte %" PRIu64
		    " does not have its hash: the stream is damaged, or the "
		    "base is not the sender's", path, data->pieces[0].offset);
	return 0;
}
