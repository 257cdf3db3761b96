/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * send.c - write snapshots as a stream.
 */
#include "config.h"

#include <string.h>

#include "common/fsioctl.h"
#include "common/hash.h"
#include "common/metadata.h"
#include "diff/delta.h"
#include "send/alike.h"
#include "send/gather.h"
#include "send/resume.h"
#include "send/sample.h"
#include "send/send.h"
#include "stream-format/stream_writer.h"

static void
begin_digest(const struct snapshot *base, struct record_begin *begin)
{
	const struct digest *known = base != NULL ? &base->seal.digest : NULL;

	if (known != NULL && known->algorithm != DIGEST_ALGORITHM_NONE) {
		begin->base_digest.algorithm = known->algorithm;
		begin->base_digest.block_size = known->block_size;
		memcpy(begin->base_digest.value, known->value,
		    sizeof(begin->base_digest.value));
	}
	/* Its value is known only at the end. */
	if (base == NULL) {
		begin->result_digest.algorithm = DIGEST_XXH3_128;
		begin->result_digest.block_size = DIGEST_BLOCK_SIZE;
	}
}

static int
put_begin(struct stream_writer *writer, const struct snapshot *base,
    const struct snapshot *snapshot, struct err *err)
{
	struct record record = { .type = RECORD_BEGIN };
	struct record_begin *begin = &record.u.begin;
	const struct seal *seal = &snapshot->seal;
	struct fs_info info;

	if (fs_info(snapshot->fd, &info) != 0)
		return err_sys(err, ERR_FAILED, "%s", snapshot->path);
	begin->snapshot = seal->id;
	begin->lineage = seal->lineage;
	begin->generation = seal->generation;
	begin->cut = seal->cut;
	begin->size = snapshot->identity.size;
	begin->created = seal->created;
	begin->mtime = snapshot->identity.mtime;
	begin->block_size = info.block_size;
	begin->source_type = info.type;
	begin->files = 1;
	begin->flags = seal_is_plain(seal) ? RECORD_BEGIN_PLAIN : 0;
	memcpy(begin->origin, seal->origin, sizeof(begin->origin));
	memcpy(begin->name, seal->name, sizeof(begin->name));
	if (base != NULL) {
		begin->base = base->seal.id;
		begin->base_size = base->identity.size;
		memcpy(begin->base_name, base->seal.name,
		    sizeof(begin->base_name));
	}
	begin_digest(base, begin);
	return stream_writer_put(writer, &record, err);
}

/*
 * All was read: is it what the seal records?  If not it was damaged where it
 * lies, and must not become a snapshot with a digest that is right.
 */
static int
check_digest(const struct snapshot *snapshot, const struct digest *computed,
    struct err *err)
{
	const struct digest *sealed = &snapshot->seal.digest;

	if (!digest_is_known(sealed) ||
	    hash_matches(sealed->value, computed->value, DIGEST_BYTES))
		return 0;
	return err_set(err, ERR_IDENTITY, "%s is damaged: it does not have the "
	    "contents that its seal records", snapshot->path);
}

static int
put_meta(struct stream_writer *writer, const struct snapshot *snapshot,
    struct err *err)
{
	struct record record = { .type = RECORD_META };
	struct metadata *metadata = &record.u.meta.metadata;
	int rc;

	rc = metadata_capture(snapshot->fd, snapshot->path, metadata, err);
	if (rc != 0)
		return rc;
	metadata->mode = snapshot->seal.mode;
	metadata->mtime = snapshot->identity.mtime;
	rc = stream_writer_put(writer, &record, err);
	metadata_free(metadata);
	return rc;
}

static int
put_end(struct stream_writer *writer, const struct digest *digest, bool last,
    struct send_result *result, struct err *err)
{
	struct record record = { .type = RECORD_END };
	struct record_end *end = &record.u.end;
	int rc;

	end->last = last;
	end->result_digest.algorithm = digest->algorithm;
	end->result_digest.block_size = digest->block_size;
	memcpy(end->result_digest.value, digest->value,
	    sizeof(end->result_digest.value));
	rc = stream_writer_put(writer, &record, err);
	result->data += end->data;
	result->zeros += end->zeros;
	result->holes += end->holes;
	return rc;
}

/* What was not passed on counts all the same. */
static void
add_sample(const struct sample *sample, struct send_result *result)
{
	result->data += sample->skipped;
	result->wire += (uint64_t)sample->extra;
	result->ranges += sample->ranges;
	result->estimated = result->estimated || sample->skipped > 0;
}

/* The ranges of one snapshot, and the digest if it is sent whole. */
static int
put_body(struct stream_writer *writer, struct gather *gather,
    const struct snapshot *base, const struct snapshot *snapshot,
    const struct token *resume, const struct send_options *options,
    struct digest *digest, struct send_result *result, struct err *err)
{
	struct delta_options delta_options = {
		.moved = true, .start = resume != NULL ? resume->offset : 0,
		.notify = options->notify,
	};
	struct digest_state *state = NULL;
	struct alike *alike = NULL;
	struct delta_stats stats;
	struct sample sample;
	struct err failed = ERR_INIT;
	int rc = 0, drained;

	memset(digest, 0, sizeof(*digest));
	if (base == NULL && (state = digest_new(
	    snapshot->identity.size)) == NULL)
		return err_sys(err, ERR_FAILED, "%s", snapshot->path);
	if (base != NULL && options->level != 0) {
		rc = alike_new(base, &alike, err);
		if (rc != 0)
			return rc;
		delta_options.early = alike_learn;
		delta_options.early_cookie = alike;
	}
	if (state != NULL && resume != NULL)
		rc = resume_digest(snapshot, resume, state, options->notify,
		    err);
	gather_start(gather, state, alike);
	sample_start(&sample, gather, writer);
	if (rc == 0)
		rc = delta_run(base, snapshot, &delta_options,
		    options->sample ? sample_event : gather_event,
		    options->sample ? (void *)&sample : gather, &stats, err);
	/* What failed to be written comes first. */
	drained = gather_finish(gather, &failed);
	if (drained != 0) {
		*err = failed;
		rc = drained;
	}
	if (rc == 0 && options->sample)
		add_sample(&sample, result);
	if (rc == 0) {
		if (state != NULL) {
			digest_final(state, digest);
			if (!options->sample)
				rc = check_digest(snapshot, digest, err);
		}
		result->moved += stats.moved;
		result->base_read += stats.base_read;
		result->snapshot_read += stats.snapshot_read;
		result->pin_seconds += stats.pin_seconds;
		result->method = stats.method;
	}
	digest_free(state);
	alike_free(alike);
	return rc;
}

/* One snapshot of the stream, from BEGIN to END; resume is NULL, or RESUME. */
static int
send_one(struct stream_writer *writer, struct gather *gather,
    const struct snapshot *base, const struct snapshot *snapshot,
    const struct token *resume, bool last, const struct send_options *options,
    struct send_result *result, struct err *err)
{
	struct digest digest;
	int rc;

	rc = put_begin(writer, base, snapshot, err);
	if (rc == 0)
		rc = put_meta(writer, snapshot, err);
	if (rc == 0 && resume != NULL)
		rc = resume_put(writer, resume, err);
	if (rc == 0)
		rc = put_body(writer, gather, base, snapshot, resume, options,
		    &digest, result, err);
	if (rc == 0)
		rc = put_end(writer, &digest, last, result, err);
	if (rc == 0)
		result->snapshots++;
	return rc;
}

/* The features that a stream of these makes use of. */
static uint64_t
required_features(const struct chain *chain,
    const struct send_options *options)
{
	uint64_t required = options->level != 0 ? FEATURE_ZSTD : 0;

	if (chain->count > 1)
		required |= FEATURE_CLONE;
	if (options->level != 0 && chain->count > 1)
		required |= FEATURE_PREFIX;
	if (options->resume != NULL)
		required |= FEATURE_RESUME;
	return required;
}

int
send_chain(const struct chain *chain, int fd,
    const struct send_options *options, struct send_result *result,
    struct err *err)
{
	const struct token *resume = options->resume;
	size_t first = chain->based ? 1 : 0;
	struct stream_writer *writer;
	struct gather *gather = NULL;
	struct uuid stream;
	int rc;

	memset(result, 0, sizeof(*result));
	result->method = "";
	rc = resume != NULL ? resume_find(chain, resume, &first, err) : 0;
	if (rc == 0)
		rc = uuid_random(&stream, err);
	if (rc == 0)
		rc = stream_writer_new(fd, required_features(chain, options),
		    &stream, &writer, err);
	if (rc != 0)
		return rc;
	stream_writer_pace(writer, options->rate);
	rc = gather_new(writer, options->level, options->threads, &gather,
	    err);
	for (size_t i = first; rc == 0 && i < chain->count; i++)
		rc = send_one(writer, gather,
		    i > 0 ? &chain->snapshots[i - 1] : NULL,
		    &chain->snapshots[i], i == first ? resume : NULL,
		    i == chain->count - 1, options, result, err);
	gather_free(gather);
	result->wire += stream_writer_bytes(writer);
	stream_writer_free(writer);
	return rc;
}
