/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * receive.c - turn a stream into replicas.
 *
 * For each snapshot: BEGIN chooses name and base; what follows META makes a
 * private clone of the base, or takes over what an interrupted run left; DATA,
 * ZERO, HOLE and CLONE patch it; END checks, seals and publishes it.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "receive/live.h"
#include "receive/receiver.h"
#include "snapshot/partial_kept.h"

/* Forget the current snapshot, and remove what was made of it if not kept. */
static void
drop_current(struct receiver *r)
{
	if (r->kept)
		partial_leave(&r->partial);
	else
		partial_discard(&r->partial);
	metadata_free(&r->metadata);
	target_close(&r->target);
	digest_free(r->digest);
	r->digest = NULL;
	free(r->received.path);
	memset(&r->received, 0, sizeof(r->received));
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
	r->started = r->resumed = r->keeping = false;
	r->received.id = begin->snapshot;
	r->received.present = r->target.present;
	r->received.based = r->target.based || r->blind;
	r->received.path = strdup(r->target.path);
	if (r->received.path == NULL)
		return err_sys(err, ERR_FAILED, "%s", r->target.path);
	if (r->target.present && !options->dry_run)
		partial_kept_remove(&r->store, &begin->snapshot);
	return 0;
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
 * Let the file be synced when it is written up to here; the checkpoint before
 * this one must be durable by now.
 */
static int
on_checkpoint(struct receiver *r, const struct record *record,
    struct err *err)
{
	int rc;

	if (!r->keeping)
		return 0;
	rc = apply_reached(r->apply, err);
	if (rc == 0)
		rc = checkpoint_wait(r->checkpoint, err);
	return rc == 0 ? apply_record(r->apply, record, err) : rc;
}

/* Wait until nothing is on its way, into the file or to the disk. */
static int
settle(struct receiver *r, struct err *err)
{
	int rc = apply_finish(r->apply, err);

	if (rc == 0 && r->keeping)
		rc = checkpoint_wait(r->checkpoint, err);
	return rc;
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

	rc = settle(r, err);
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

/* A record of the body, which begins with RESUME if an interrupted one goes on. */
static int
on_body(struct receiver *r, const struct record *record, struct err *err)
{
	int rc = 0;

	if (r->target.present && record->type != RECORD_END)
		return 0;
	if (record->type == RECORD_RESUME)
		return receiver_resume(r, &record->u.resume, err);
	if (!r->target.present && !r->started)
		rc = receiver_prepare(r, err);
	if (rc != 0)
		return rc;
	if (record->type == RECORD_END)
		return finish_snapshot(r, &record->u.end, err);
	if (record->type == RECORD_CHECKPOINT)
		return on_checkpoint(r, record, err);
	return on_ranges(r, record, err);
}

static int
on_record(struct receiver *r, const struct record *record, struct err *err)
{
	switch (record->type) {
	case RECORD_BEGIN:
		return on_begin(r, &record->u.begin, err);
	case RECORD_META:
		return on_meta(r, &record->u.meta.metadata, err);
	default:
		return on_body(r, record, err);
	}
}

/*
 * The stream broke off: nothing of what came is wrong, so what is durable of the
 * snapshot may stay.  This is the one case in which it does; after any other
 * failure it could hold what caused it.
 */
static int
keep_partial(struct receiver *r, int rc, struct err *err)
{
	const struct err why = *err;
	uint64_t offset;

	if (!r->keeping || r->partial.fd < 0)
		return rc;
	offset = checkpoint_offset(r->checkpoint);
	if (offset == 0 && !r->resumed)
		return rc;
	err_clear(err);
	rc = checkpoint_close(r->checkpoint, err);
	if (rc != 0)
		return rc;
	r->kept = true;
	return err_set(err, ERR_INTERRUPTED, "%s; %s stays, up to byte %"
	    PRIu64 " of %" PRIu64 ": refrecv --token tells how to go on",
	    why.text, r->target.path, offset, r->begin.size);
}

/*
 * The stream is refused with rc.  What is on its way comes from before that: if
 * it fails, that is the error.
 */
static int
finish_after(struct receiver *r, int rc, struct err *err)
{
	struct err failed = ERR_INIT;
	const int finished = settle(r, &failed);

	if (finished != 0) {
		*err = failed;
		return finished;
	}
	return stream_reader_broke_off(r->reader) ? keep_partial(r, rc, err) :
	    rc;
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
	checkpoint_free(r.checkpoint);
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
