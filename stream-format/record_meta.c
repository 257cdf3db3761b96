/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record_meta.c - decode META: owner, mode, times and attributes.
 */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "stream-format/record_space.h"

_Static_assert(METADATA_NAME_MAX == RECORD_NAME_MAX + 1,
    "a user name is decoded as a text");

/* The name of an attribute: legal, not ours, not there already. */
static int
check_name(const struct metadata *metadata, const uint8_t *name, size_t length,
    struct err *err)
{
	const size_t own = strlen(METADATA_PREFIX_OWN);

	if (length == 0 || length > METADATA_XATTR_NAME_MAX ||
	    memchr(name, '\0', length) != NULL)
		return err_set(err, ERR_STREAM,
		    "META: attribute %zu has no legal name",
		    metadata->xattr_count);
	if (length >= own && memcmp(name, METADATA_PREFIX_OWN, own) == 0)
		return err_set(err, ERR_STREAM, "META: attribute %zu has a "
		    "name in %s*, which a stream must not carry",
		    metadata->xattr_count, METADATA_PREFIX_OWN);
	for (size_t i = 0; i < metadata->xattr_count; i++) {
		const char *other = metadata->xattrs[i].name;

		if (strlen(other) == length &&
		    memcmp(other, name, length) == 0)
			return err_set(err, ERR_STREAM, "META: attribute %zu "
			    "has the name of attribute %zu",
			    metadata->xattr_count, i);
	}
	return 0;
}

/* One attribute; *used bytes of the space are taken. */
static int
get_attribute(struct buf_reader *r, struct record_space *space, size_t *used,
    struct metadata *metadata, struct err *err)
{
	struct metadata_xattr *xattr = &space->xattrs[metadata->xattr_count];
	size_t name_length;
	const uint8_t *name = buf_get_string(r, &name_length);
	const uint32_t length = buf_get32(r);
	const uint8_t *value;

	if (length > METADATA_XATTR_VALUE_MAX)
		return err_set(err, ERR_STREAM,
		    "META: attribute %zu has %" PRIu32
		    " bytes, more than %d", metadata->xattr_count, length,
		    METADATA_XATTR_VALUE_MAX);
	value = buf_get(r, length);
	if (value == NULL)
		return err_set(err, ERR_STREAM,
		    "META: the payload is shorter than its fields say");
	if (check_name(metadata, name, name_length, err) < 0)
		return -ERR_STREAM;
	xattr->name = (char *)(space->bytes + *used);
	memcpy(xattr->name, name, name_length);
	xattr->name[name_length] = '\0';
	*used += name_length + 1;
	xattr->length = length;
	xattr->value = NULL;
	if (length > 0) {
		xattr->value = space->bytes + *used;
		memcpy(xattr->value, value, length);
		*used += length;
	}
	metadata->xattr_count++;
	return 0;
}

static int
check_fields(uint32_t file, uint32_t mode, uint32_t reserved,
    uint32_t attributes, struct err *err)
{
	if (file != 0)
		return err_set(err, ERR_STREAM,
		    "META: the file number is %" PRIu32 ", not 0", file);
	if ((mode & ~(uint32_t)07777) != 0)
		return err_set(err, ERR_STREAM, "META: the mode %" PRIo32
		    " has bits that are not permissions", mode);
	if (reserved != 0)
		return err_set(err, ERR_STREAM,
		    "META: a reserved field is not zero");
	if (attributes > METADATA_XATTRS_MAX)
		return err_set(err, ERR_STREAM, "META: %" PRIu32
		    " attributes are more than %d", attributes,
		    METADATA_XATTRS_MAX);
	return 0;
}

int
record_decode_meta(struct buf_reader *r, struct record_space *space,
    struct record_meta *meta, struct err *err)
{
	struct metadata *metadata = &meta->metadata;
	size_t used = 0;
	uint32_t attributes, mode, reserved;
	bool times;

	meta->file = buf_get32(r);
	mode = buf_get32(r);
	metadata->mode = (mode_t)mode;
	metadata->uid = (uid_t)buf_get32(r);
	metadata->gid = (gid_t)buf_get32(r);
	times = record_get_time(r, &metadata->atime);
	times = record_get_time(r, &metadata->mtime) && times;
	times = record_get_time(r, &metadata->btime) && times;
	reserved = buf_get32(r);
	attributes = buf_get32(r);
	if (check_fields(meta->file, mode, reserved, attributes, err) < 0)
		return -ERR_STREAM;
	if (!times)
		return err_set(err, ERR_STREAM, "META: a time is impossible");
	if (!record_get_text(r, metadata->user) ||
	    !record_get_text(r, metadata->group))
		return err_set(err, ERR_STREAM,
		    "META: the name of the owner or group is too long or "
		    "holds a NUL");
	metadata->xattr_count = 0;
	metadata->xattrs = space->xattrs;
	for (uint32_t i = 0; i < attributes; i++) {
		if (get_attribute(r, space, &used, metadata, err) < 0)
			return -ERR_STREAM;
	}
	return 0;
}
