/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resume.c - go on with a transfer that was interrupted.
 */
#include "config.h"

#include <inttypes.h>

#include "common/bytes.h"
#include "common/cache.h"
#include "send/resume.h"

#define STEP ((uint64_t)32 << 20)	/* bytes that are read at a time */

static bool
is_meant(const struct chain *chain, size_t index, const struct token *token)
{
	static const struct uuid none;
	const struct uuid *base = index > 0 ?
	    &chain->snapshots[index - 1].seal.id : &none;

	return uuid_equal(&chain->snapshots[index].seal.id,
	    &token->snapshot) && uuid_equal(base, &token->base);
}

int
resume_find(const struct chain *chain, const struct token *token,
    size_t *index, struct err *err)
{
	const struct snapshot *last = &chain->snapshots[chain->count - 1];
	char snapshot[UUID_TEXT_SIZE], base[UUID_TEXT_SIZE];
	const struct snapshot *found;
	size_t i = chain->based ? 1 : 0;

	while (i < chain->count && !is_meant(chain, i, token))
		i++;
	uuid_format(&token->snapshot, snapshot);
	if (i == chain->count && uuid_is_nil(&token->base))
		return err_set(err, ERR_NOBASE, "the token goes on with "
		    "snapshot %s, sent whole: that is not %s%s", snapshot,
		    last->path, chain->based ? " with a base" : "");
	if (i == chain->count)
		return err_set(err, ERR_NOBASE, "the token goes on with "
		    "snapshot %s as the difference to snapshot %s: that is "
		    "not %s%s%s", snapshot, uuid_format(&token->base, base),
		    last->path, chain->based ? " with the base " :
		    " without a base",
		    chain->based ? chain->snapshots[0].path : "");
	found = &chain->snapshots[i];
	if (token->offset > found->identity.size)
		return err_set(err, ERR_NOBASE, "the token goes on at byte %"
		    PRIu64 ", beyond the end of %s", token->offset,
		    found->path);
	*index = i;
	return 0;
}

int
resume_put(struct stream_writer *writer, const struct token *token,
    struct err *err)
{
	struct record record = {
		.type = RECORD_RESUME,
		.u.resume = {
			.stream = token->stream,
			.snapshot = token->snapshot,
			.offset = token->offset,
		},
	};

	return stream_writer_put(writer, &record, err);
}

int
resume_digest(const struct snapshot *snapshot, const struct token *token,
    struct digest_state *digest, const struct notify *notify, struct err *err)
{
	const bool cold = cache_is_cold(snapshot->fd);
	uint64_t from = 0;

	while (from < token->offset) {
		const uint64_t length = bytes_min(STEP, token->offset - from);

		notify_progress(notify, from, snapshot->identity.size);
		if (digest_update_file(digest, snapshot->fd, from,
		    from + length) != 0)
			return err_sys(err, ERR_FAILED, "cannot read %s",
			    snapshot->path);
		if (cold)
			cache_drop(snapshot->fd, from, length);
		from += length;
	}
	return 0;
}
