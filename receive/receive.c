/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * receive.c - turn a stream into replicas.
 *
 * For each snapshot: BEGIN chooses name and base and makes a private clone of
 * the base; DATA, ZERO and HOLE patch it; END checks, seals and publishes it.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fsioctl.h"
#include "receive/live.h"
#include "receive/receiver.h"

#define RESERVE_EVERY ((uint64_t)64 << 20)	/* bytes written between checks */

/* Forget the current snapshot, and remove what was made of it. */
static void
drop_current(struct receiver *r)
{
	partial_discard(&r->partial);
	metadata_free(&r->metadata);
	target_close(&r->target);
	digest_free(r->digest);
	r->digest = NULL;
	free(r->received.path);
	memset(&r->received, 0, sizeof(r->received));
}

/* Keep the reserve, looking every 64 MiB. */
static int
check_room(void *cookie, uint64_t bytes, struct err *err)
{
	struct receiver *r = cookie;

	r->unchecked += bytes;
	r->unseen += bytes;
	if (r->unchecked < RESERVE_EVERY)
		return 0;
	r->unchecked = 0;
	return reserve_check(&r->options->reserve, r->store.dir, bytes,
	    &r->unseen, err);
}

/* Make the partial hold what the base holds. */
static int
duplicate_base(struct receiver *r, struct err *err)
{
	const struct snapshot *base = &r->target.base;
	struct stat st;
	int rc;

	rc = content_duplicate(base->fd, r->partial.fd, r->options->reflink,
	    base->path, &r->received.cloned, err);
	if (rc != 0)
		return rc;
	if (fstat(r->partial.fd, &st) != 0 ||
	    (uint64_t)st.st_size != r->begin.base_size)
		return err_set(err, ERR_FAILED, "the clone of %s is not whole",
		    base->path);
	if (r->received.cloned)
		return 0;
	if (r->options->reflink == REFLINK_AUTO)
		notify_line(r->options->notify, NOTIFY_WARNING,
		    "%s: the base was copied, not reflinked", r->target.path);
	r->unseen += r->begin.base_size;
	return reserve_check(&r->options->reserve, r->store.dir, 0,
	    &r->unseen, err);
}

/* Fill the partial with the base, and give it its size. */
static int
prepare_partial(struct receiver *r, struct err *err)
{
	const int fd = r->partial.fd;
	struct fs_info info;
	int rc = 0;

	if (r->target.based)
		rc = duplicate_base(r, err);
	if (rc != 0)
		return rc;
	if (fs_info(fd, &info) != 0 ||
	    fs_set_cow_extent_size(fd, info.block_size) != 0)
		return err_sys(err, ERR_FAILED, "%s", r->target.path);
	if (ftruncate(fd, (off_t)r->begin.size) != 0)
		return err_sys(err, ERR_FAILED, "cannot make %s",
		    r->target.path);
	return 0;
}

/* In a dry run: is the base a snapshot that this stream would have brought? */
static bool
base_would_come(const struct receiver *r)
{
	for (size_t i = 0; r->options->dry_run && i < r->result->count; i++) {
		if (!r->result->snapshots[i].present &&
		    uuid_equal(&r->result->snapshots[i].id, &r->begin.base))
			return true;
	}
	return false;
}

static int
on_begin(struct receiver *r, const struct record_begin *begin,
    struct err *err)
{
	const struct receive_options *options = r->options;
	int rc;

	r->begin = *begin;
	r->blind = base_would_come(r);
	if (r->blind)
		memset(&r->begin.base, 0, sizeof(r->begin.base));
	begin = &r->begin;
	if (options->live && (begin->flags & RECORD_BEGIN_PLAIN) != 0)
		return err_set(err, ERR_USAGE, "--live needs a snapshot made "
		    "by refsnap: %s is a plain copy", begin->name);
	rc = target_choose(&r->store, begin, options->as, options->notify,
	    &r->target, err);
	if (rc == 0 && options->live)
		rc = live_check(&r->store, r->target.origin,
		    &begin->lineage, err);
	if (rc != 0)
		return rc;
	r->received.id = begin->snapshot;
	r->received.present = r->target.present;
	r->received.based = r->target.based || r->blind;
	r->received.path = strdup(r->target.path);
	if (r->received.path == NULL)
		return err_sys(err, ERR_FAILED, "%s", r->target.path);
	if (r->target.present)
		return 0;
	if (!r->target.based &&
	    (r->digest = digest_new(begin->size)) == NULL)
		return err_sys(err, ERR_FAILED, "%s", r->target.path);
	if (!options->dry_run) {
		rc = reserve_check(&options->reserve, r->store.dir, 0,
		    &r->unseen, err);
		if (rc == 0)
			rc = partial_create(&r->store, &r->partial, err);
		if (rc == 0)
			rc = prepare_partial(r, err);
	}
	apply_start(r->apply, r->partial.fd, begin->size,
	    r->target.based ? r->target.base.fd : -1, options->reflink,
	    r->digest, r->target.path, check_room, r);
	return rc;
}

/* Keep the metadata: the record is gone with the next one. */
static int
on_meta(struct receiver *r, const struct metadata *metadata, struct err *err)
{
	int rc = 0;

	r->metadata = *metadata;
	r->metadata.xattr_count = 0;
	r->metadata.xattr_bytes = 0;
	r->metadata.xattrs = NULL;
	for (size_t i = 0; i < metadata->xattr_count && rc == 0; i++)
		rc = metadata_add_xattr(&r->metadata,
		    metadata->xattrs[i].name, metadata->xattrs[i].value,
		    metadata->xattrs[i].length, err);
	return rc;
}

static uint64_t
sum_ranges(const struct record_ranges *ranges)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < ranges->count; i++)
		sum += ranges->ranges[i].length;
	return sum;
}

static int
on_ranges(struct receiver *r, const struct record *record, struct err *err)
{
	if (r->target.present)
		return 0;
	if (record->type == RECORD_DATA)
		r->received.data += record->u.data.raw_length;
	else if (record->type == RECORD_ZERO)
		r->received.zeros += sum_ranges(&record->u.zero);
	else if (record->type == RECORD_CLONE)
		r->received.moved += record->u.clone.length;
	else
		r->received.holes += sum_ranges(&record->u.hole);
	return r->blind ? 0 : apply_record(r->apply, record, err);
}

/*
 * END: before the last snapshot of the stream is published, the stream must be
 * seen to end.  Returns 1 when it has.
 */
static int
finish_snapshot(struct receiver *r, const struct record_end *end,
    struct err *err)
{
	const struct record_digest digest = end->result_digest;
	const bool last = end->last;
	struct record *none;
	int rc;

	rc = apply_finish(r->apply, err);
	if (rc != 0)
		return rc;
	if (last && !r->options->embedded) {
		rc = stream_reader_next(r->reader, &none, err);
		if (rc < 0)
			return rc;
	}
	rc = receiver_complete(r, &digest, err);
	if (rc == 0 && last && r->options->live && !r->options->dry_run) {
		rc = live_publish(&r->store, r->target.origin,
		    &r->begin.lineage, &r->begin.snapshot,
		    r->options->reflink, r->options->notify, err);
		if (rc == 0)
			r->result->live = strdup(r->target.origin);
	}
	drop_current(r);
	return rc == 0 && last ? 1 : rc;
}

static int
on_record(struct receiver *r, const struct record *record, struct err *err)
{
	switch (record->type) {
	case RECORD_BEGIN:
		return on_begin(r, &record->u.begin, err);
	case RECORD_META:
		return on_meta(r, &record->u.meta.metadata, err);
	case RECORD_DATA:
	case RECORD_ZERO:
	case RECORD_HOLE:
	case RECORD_CLONE:
		return on_ranges(r, record, err);
	case RECORD_END:
		return finish_snapshot(r, &record->u.end, err);
	default:
		return 0;
	}
}

/*
 * The stream is refused with rc.  What is on its way comes from before that: if
 * it fails, that is the error.
 */
static int
finish_after(struct receiver *r, int rc, struct err *err)
{
	struct err failed = ERR_INIT;
	const int finished = apply_finish(r->apply, &failed);

	if (finished == 0)
		return rc;
	*err = failed;
	return finished;
}

static int
receive_records(struct receiver *r, struct err *err)
{
	struct record *record;
	int rc;

	do {
		rc = stream_reader_next(r->reader, &record, err);
		if (rc == 0)
			rc = on_record(r, record, err);
		r->result->wire = stream_reader_position(r->reader).next;
		notify_progress(r->options->notify, r->result->wire, 0);
	} while (rc == 0);
	return rc < 0 ? finish_after(r, rc, err) : 0;
}

/* Open the directory and make it ours. */
static int
open_store(struct receiver *r, const char *directory, struct err *err)
{
	const bool write = !r->options->dry_run;
	int rc;

	rc = store_open(directory, false, ERR_STREAM, &r->store, err);
	if (rc == 0 && write)
		rc = store_lock(&r->store, r->options->wait, err);
	if (rc == 0 && write)
		rc = store_make(&r->store, err);
	if (rc == 0 && write)
		partial_sweep(&r->store);
	return rc;
}

int
receive_stream(int fd, const char *directory,
    const struct receive_options *options, struct receive_result *result,
    struct err *err)
{
	struct receiver r = {
		.options = options, .result = result, .store = STORE_INIT,
		.target = TARGET_INIT, .partial = PARTIAL_INIT,
	};
	int rc;

	memset(result, 0, sizeof(*result));
	rc = open_store(&r, directory, err);
	if (rc == 0)
		rc = stream_reader_new(fd, &r.reader, err);
	if (rc == 0)
		rc = apply_new(options->threads, &r.apply, err);
	if (rc == 0)
		rc = receive_records(&r, err);
	apply_free(r.apply);
	drop_current(&r);
	stream_reader_free(r.reader);
	store_close(&r.store);
	return rc;
}

void
receive_result_free(struct receive_result *result)
{
	for (size_t i = 0; i < result->count; i++)
		free(result->snapshots[i].path);
	free(result->snapshots);
	free(result->live);
	memset(result, 0, sizeof(*result));
}
