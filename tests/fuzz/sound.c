/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sound.c - rules of refstream(5) for what is accepted, told a second time.
 *
 * All numbers are those of the specification, not names of the product.
 */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/sound.h"

#define FARTHEST 0x7fffffffffffffffu	/* where a file may end */

static void
demand_name(const char *name)
{
	fuzz_demand(name[0] != '\0' && strchr(name, '/') == NULL &&
	    strcmp(name, ".") != 0 && strcmp(name, "..") != 0,
	    "a file would be named '%s'", name);
}

static void
demand_time(const struct timespec *time)
{
	fuzz_demand(time->tv_nsec >= 0 && time->tv_nsec <= 999999999,
	    "a time has %ld nanoseconds", time->tv_nsec);
}

/* No room between them is demanded; returns their sum. */
static uint64_t
demand_ranges(const struct record_range *ranges, uint32_t count)
{
	uint64_t end = 0, sum = 0;

	fuzz_demand(count > 0 && count <= 65536, "%u ranges", count);
	for (uint32_t i = 0; i < count; i++) {
		const struct record_range *range = &ranges[i];

		fuzz_demand(range->offset >= end && range->length > 0 &&
		    range->offset <= FARTHEST &&
		    range->length <= FARTHEST - range->offset,
		    "a range of %llu bytes lies at %llu, behind %llu",
		    (unsigned long long)range->length,
		    (unsigned long long)range->offset,
		    (unsigned long long)end);
		end = range->offset + range->length;
		sum += range->length;
	}
	return sum;
}

static void
sound_begin(const struct record_begin *begin)
{
	const bool plain = begin->flags == 1;
	const bool based = !uuid_is_nil(&begin->base);

	fuzz_demand(begin->flags <= 1 && begin->files == 1,
	    "BEGIN has flags %#x, %u files", begin->flags, begin->files);
	fuzz_demand(!uuid_is_nil(&begin->snapshot) &&
	    !uuid_equal(&begin->snapshot, &begin->base),
	    "the snapshot has no id of its own");
	fuzz_demand(begin->size <= FARTHEST && begin->base_size <= FARTHEST &&
	    (based || begin->base_size == 0), "BEGIN has sizes %llu, %llu",
	    (unsigned long long)begin->size,
	    (unsigned long long)begin->base_size);
	demand_name(begin->name);
	fuzz_demand(strcmp(begin->name, ".snapshot") != 0 &&
	    strcmp(begin->origin, ".snapshot") != 0,
	    "the folder of snapshots would be a file");
	fuzz_demand(plain == (begin->origin[0] == '\0') &&
	    strlen(begin->origin) + strlen(begin->name) <
	    (plain ? 256 : 255), "BEGIN has the origin '%s'", begin->origin);
	if (!plain)
		demand_name(begin->origin);
	fuzz_demand(based == (begin->base_name[0] != '\0'),
	    "BEGIN has the base '%s'", begin->base_name);
	if (based)
		demand_name(begin->base_name);
	demand_time(&begin->created);
	demand_time(&begin->mtime);
}

static void
sound_meta(const struct metadata *metadata)
{
	fuzz_demand((metadata->mode & ~(mode_t)07777) == 0 &&
	    metadata->xattr_count <= 1024, "META has the mode %o, %zu "
	    "attributes", (unsigned)metadata->mode, metadata->xattr_count);
	demand_time(&metadata->atime);
	demand_time(&metadata->mtime);
	demand_time(&metadata->btime);
	for (size_t i = 0; i < metadata->xattr_count; i++) {
		const struct metadata_xattr *one = &metadata->xattrs[i];

		fuzz_demand(one->name[0] != '\0' && strlen(one->name) <= 255 &&
		    strncmp(one->name, "user.refsend.", 13) != 0 &&
		    one->length <= 65536, "META has the attribute '%s'",
		    one->name);
		for (size_t j = 0; j < i; j++)
			fuzz_demand(strcmp(one->name,
			    metadata->xattrs[j].name) != 0,
			    "META has '%s' twice", one->name);
	}
}

static void
sound_data(const struct record_data *data)
{
	const bool raw = data->encoding == 0;
	uint64_t prefix = 0;

	fuzz_demand(data->file == 0 && data->source == 0 &&
	    data->encoding <= 1 && data->prefix <= 3 &&
	    (data->prefix == 0 || !raw), "DATA has encoding %u, prefix %u",
	    data->encoding, data->prefix);
	fuzz_demand(demand_ranges(data->pieces, data->piece_count) ==
	    data->raw_length && data->raw_length <= 1048576,
	    "DATA has %u bytes", data->raw_length);
	fuzz_demand(raw ? data->encoded_length == data->raw_length :
	    data->encoded_length > 0, "DATA is encoded in %u bytes",
	    data->encoded_length);
	fuzz_demand((data->prefix >= 2) == (data->prefix_count > 0) &&
	    data->prefix_count <= 1024 &&
	    data->prefix_length <= 1048576 -
	    (data->prefix == 3 ? data->raw_length : 0),
	    "DATA has a prefix of %u bytes", data->prefix_length);
	for (uint32_t i = 0; i < data->prefix_count; i++) {
		const struct record_range *range = &data->prefix_ranges[i];

		fuzz_demand(range->length > 0 && range->length <= FARTHEST &&
		    range->offset <= FARTHEST - range->length,
		    "DATA has a prefix of %" PRIu64 " bytes at %" PRIu64,
		    range->length, range->offset);
		prefix += range->length;
	}
	fuzz_demand(prefix == data->prefix_length,
	    "DATA has a prefix of %u bytes", data->prefix_length);
}

static void
sound_clone(const struct record_clone *clone)
{
	fuzz_demand(clone->file == 0 && clone->source == 0 &&
	    clone->length > 0 && clone->offset <= FARTHEST &&
	    clone->length <= FARTHEST - clone->offset &&
	    clone->source_offset <= FARTHEST - clone->length,
	    "CLONE of %llu bytes at %llu from %llu",
	    (unsigned long long)clone->length,
	    (unsigned long long)clone->offset,
	    (unsigned long long)clone->source_offset);
}

void
sound_record(const struct record *record)
{
	switch (record->type) {
	case RECORD_BEGIN:
		sound_begin(&record->u.begin);
		break;
	case RECORD_META:
		sound_meta(&record->u.meta.metadata);
		break;
	case RECORD_DATA:
		sound_data(&record->u.data);
		break;
	case RECORD_ZERO:
		demand_ranges(record->u.zero.ranges, record->u.zero.count);
		break;
	case RECORD_HOLE:
		demand_ranges(record->u.hole.ranges, record->u.hole.count);
		break;
	case RECORD_CLONE:
		sound_clone(&record->u.clone);
		break;
	case RECORD_RESUME:
		fuzz_demand(record->u.resume.file == 0 &&
		    !uuid_is_nil(&record->u.resume.stream) &&
		    record->u.resume.offset <= FARTHEST,
		    "RESUME of no stream, or of nowhere");
		break;
	default:
		break;
	}
}

/* Ranges that are sound; *sum grows by their lengths. */
static void
advance(struct sound *sound, const struct record_range *ranges,
    uint32_t count, uint64_t *sum)
{
	const struct record_range *last = &ranges[count - 1];

	fuzz_demand(ranges[0].offset >= sound->position &&
	    last->offset + last->length <= sound->size,
	    "ranges from %llu on were accepted behind %llu, of %llu bytes",
	    (unsigned long long)ranges[0].offset,
	    (unsigned long long)sound->position,
	    (unsigned long long)sound->size);
	sound->position = last->offset + last->length;
	for (uint32_t i = 0; i < count; i++)
		*sum += ranges[i].length;
}

static void
start(struct sound *sound, const struct record_begin *begin)
{
	const struct sound fresh = {
		.started = true, .based = !uuid_is_nil(&begin->base),
		.snapshot = begin->snapshot, .size = begin->size,
		.base_size = begin->base_size,
		.later = sound->later,
	};

	fuzz_demand(!sound->started && !sound->done, "BEGIN comes early");
	*sound = fresh;
}

static void
finish(struct sound *sound, const struct record_end *end)
{
	fuzz_demand(end->data == sound->data && end->zeros == sound->zeros &&
	    end->holes == sound->holes, "END counts something else");
	fuzz_demand(sound->based || end->result_digest.algorithm != 0,
	    "a whole snapshot has no digest");
	sound->started = sound->described = sound->begun = false;
	sound->later = true;
	sound->done = end->last;
}

static void
clone(struct sound *sound, const struct record_clone *clone)
{
	const struct record_range range = { clone->offset, clone->length };
	uint64_t sum = 0;

	fuzz_demand(sound->based && clone->source_offset + clone->length <=
	    sound->base_size, "CLONE of no base, or beyond its end");
	advance(sound, &range, 1, &sum);
}

static void
resume(struct sound *sound, const struct record_resume *record)
{
	fuzz_demand(!sound->begun && !sound->later, "RESUME is out of place");
	fuzz_demand(uuid_equal(&record->snapshot, &sound->snapshot),
	    "RESUME of another snapshot");
	fuzz_demand(record->offset <= sound->size,
	    "RESUME beyond the end was accepted");
	sound->position = record->offset;
}

void
sound_next(struct sound *sound, const struct record *record)
{
	const struct record_data *data = &record->u.data;

	sound_record(record);
	if (record->type == RECORD_BEGIN) {
		start(sound, &record->u.begin);
		return;
	}
	fuzz_demand(sound->started && sound->described !=
	    (record->type == RECORD_META), "record %d is out of place",
	    (int)record->type);
	if (record->type == RECORD_META) {
		sound->described = true;
		return;
	}
	if (record->type == RECORD_RESUME) {
		resume(sound, &record->u.resume);
	} else if (record->type == RECORD_DATA) {
		fuzz_demand(data->prefix == 0 || sound->based,
		    "a prefix of no base");
		advance(sound, data->pieces, data->piece_count, &sound->data);
	} else if (record->type == RECORD_ZERO) {
		advance(sound, record->u.zero.ranges, record->u.zero.count,
		    &sound->zeros);
	} else if (record->type == RECORD_HOLE) {
		advance(sound, record->u.hole.ranges, record->u.hole.count,
		    &sound->holes);
	} else if (record->type == RECORD_CLONE) {
		clone(sound, &record->u.clone);
	} else if (record->type == RECORD_CHECKPOINT) {
		fuzz_demand(record->u.checkpoint.offset >= sound->position &&
		    record->u.checkpoint.offset <= sound->size,
		    "CHECKPOINT is out of place");
		sound->position = record->u.checkpoint.offset;
	} else {
		fuzz_demand(record->type == RECORD_END,
		    "record %d was accepted", (int)record->type);
		finish(sound, &record->u.end);
		return;
	}
	sound->begun = true;
}
