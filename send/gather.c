/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gather.c - pack the ranges of a delta into records.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/pipeline.h"
#include "send/draft.h"
#include "send/gather.h"

/*
 * GATHER_AUTO: how often the level is looked at, in records, and where it
 * begins.  Of workers beside the others a load of nearly 1 says that all wait for
 * them; where one thread does all, compressing may take as long as the rest.
 */
#define ADAPT_EVERY 16u
#define ADAPT_FIRST 2
#define ADAPT_MIN 1
#define ADAPT_MAX 9

struct gather {
	struct stream_writer *writer;
	struct digest_state *digest;
	const struct alike *alike;
	int level;
	bool adaptive;		/* level is adapted */
	unsigned since;		/* drafts since it was looked at */
	double low, high;	/* load of the workers below and above which */
	struct pipeline *pipeline;
	size_t count;		/* of drafts */
	struct draft **drafts;
	struct draft *draft;	/* being filled, or NULL */
};

static int
encode_step(void *cookie, void *piece, struct err *err)
{
	(void)cookie;
	return draft_encode(piece, err);
}

static int
write_step(void *cookie, void *piece, struct err *err)
{
	struct gather *gather = cookie;
	struct draft *draft = piece;

	return stream_writer_put(gather->writer, &draft->record, err);
}

int
gather_new(struct stream_writer *writer, int level, unsigned threads,
    struct gather **result, struct err *err)
{
	const size_t count = threads > 1 ? 2 * (size_t)threads + 2 : 1;
	struct gather *gather = calloc(1, sizeof(*gather));
	bool complete;
	int rc;

	if (gather == NULL)
		return err_sys(err, ERR_FAILED, "cannot send");
	gather->writer = writer;
	gather->adaptive = level == GATHER_AUTO;
	gather->level = gather->adaptive ? ADAPT_FIRST : level;
	gather->low = threads > 1 ? 0.6 : 0.3;
	gather->high = threads > 1 ? 0.9 : 0.5;
	gather->drafts = calloc(count, sizeof(struct draft *));
	complete = gather->drafts != NULL;
	while (complete && gather->count < count) {
		gather->drafts[gather->count] = draft_new();
		complete = gather->drafts[gather->count++] != NULL;
	}
	if (complete)
		rc = pipeline_new(threads, (void **)gather->drafts, count,
		    encode_step, write_step, gather, &gather->pipeline, err);
	else
		rc = err_sys(err, ERR_FAILED, "cannot send");
	if (rc == 0)
		*result = gather;
	else
		gather_free(gather);
	return rc;
}

void
gather_free(struct gather *gather)
{
	if (gather == NULL)
		return;
	pipeline_free(gather->pipeline);
	for (size_t i = 0; i < gather->count; i++)
		draft_free(gather->drafts[i]);
	free(gather->drafts);
	free(gather);
}

void
gather_start(struct gather *gather, struct digest_state *digest,
    const struct alike *alike)
{
	gather->digest = digest;
	gather->alike = alike;
}

/* Send the current draft on its way. */
static void
put_draft(struct gather *gather)
{
	if (gather->draft != NULL)
		pipeline_put(gather->pipeline);
	gather->draft = NULL;
}

int
gather_finish(struct gather *gather, struct err *err)
{
	put_draft(gather);
	return pipeline_drain(gather->pipeline, err);
}

static void
adapt(struct gather *gather)
{
	double load;

	if (!gather->adaptive || ++gather->since < ADAPT_EVERY)
		return;
	gather->since = 0;
	load = pipeline_load(gather->pipeline);
	if (load > gather->high && gather->level > ADAPT_MIN)
		gather->level--;
	else if (load < gather->low && gather->level < ADAPT_MAX)
		gather->level++;
}

/*
 * Have a draft of this kind with room for one more range.  One kind at a time:
 * the ranges of all records must ascend.
 */
static int
have_draft(struct gather *gather, enum draft_kind kind, uint32_t limit,
    struct err *err)
{
	struct draft *draft = gather->draft;
	void *piece;
	int rc;

	if (draft != NULL && draft->kind == kind &&
	    draft->raw_length < limit && draft->count < DRAFT_RANGES_MAX)
		return 0;
	put_draft(gather);
	rc = pipeline_next(gather->pipeline, &piece, err);
	if (rc != 0)
		return rc;
	adapt(gather);
	gather->draft = piece;
	draft_clear(gather->draft, kind, gather->level, gather->alike);
	return 0;
}

static int
add_data(struct gather *gather, const struct delta_event *event,
    struct err *err)
{
	const bool prefix = event->base != NULL && gather->level > 0;
	const enum draft_kind kind = prefix ? DRAFT_PREFIX : DRAFT_PLAIN;
	const uint32_t limit = prefix || gather->alike != NULL ?
	    DRAFT_PREFIX_BYTES : DRAFT_PLAIN_BYTES;
	uint64_t done = 0;

	while (done < event->length) {
		const int rc = have_draft(gather, kind, limit, err);
		struct draft *const draft = gather->draft;
		size_t n;

		if (rc != 0)
			return rc;
		n = (size_t)bytes_min(event->length - done,
		    limit - draft->raw_length);
		memcpy(draft->raw + draft->raw_length, event->data + done, n);
		if (prefix)
			memcpy(draft->base + draft->raw_length,
			    event->base + done, n);
		draft_add(draft, event->offset + done, n);
		draft->raw_length += (uint32_t)n;
		done += n;
	}
	if (gather->digest != NULL)
		digest_update(gather->digest, event->offset, event->data,
		    (size_t)event->length);
	return 0;
}

/* A record of its own for each. */
static int
add_moved(struct gather *gather, const struct delta_event *event,
    struct err *err)
{
	int rc;

	put_draft(gather);
	rc = have_draft(gather, DRAFT_MOVED, 1, err);
	if (rc != 0)
		return rc;
	draft_add(gather->draft, event->offset, event->length);
	gather->draft->source = event->source;
	return 0;
}

int
gather_event(void *cookie, const struct delta_event *event, struct err *err)
{
	struct gather *gather = cookie;
	int rc;

	if (event->kind == DELTA_DATA)
		return add_data(gather, event, err);
	if (event->kind == DELTA_MOVED)
		return add_moved(gather, event, err);
	rc = have_draft(gather, event->kind == DELTA_ZERO ? DRAFT_ZERO :
	    DRAFT_HOLE, 1, err);
	if (rc == 0)
		draft_add(gather->draft, event->offset, event->length);
	return rc;
}
