/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prepare.c - make the file that a snapshot is received into: a new one that
 * holds its base, or the one that an interrupted run left.
 */
#include "config.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fsioctl.h"
#include "receive/receiver.h"
#include "snapshot/partial_kept.h"

#define RESERVE_EVERY ((uint64_t)64 << 20)	/* bytes written between checks */

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

static int
make_checkpoint(void *cookie, uint64_t offset, struct err *err)
{
	const struct receiver *r = cookie;

	return checkpoint_make(r->checkpoint, offset, err);
}

/* What the partial will be. */
static struct partial_state
describe(const struct receiver *r)
{
	struct partial_state state = {
		.snapshot = r->begin.snapshot,
		.base = r->begin.base,
		.lineage = r->begin.lineage,
		.stream = r->begin.stream,
		.generation = r->begin.generation,
		.cut = r->begin.cut,
		.created = r->begin.created,
		.size = r->begin.size,
	};

	memcpy(state.origin, r->target.origin, sizeof(state.origin));
	memcpy(state.name, r->target.snapshot_name, sizeof(state.name));
	return state;
}

/* Records may come: those of the rest if a state is noted in the partial. */
static int
start(struct receiver *r, const struct partial_state *noted, struct err *err)
{
	const struct apply_calls calls = { check_room, make_checkpoint, r };
	const struct partial_state state = describe(r);
	const bool keeping = r->partial.fd >= 0 &&
	    (r->options->resumable || r->resumed);
	int rc = 0;

	if (keeping && r->checkpoint == NULL)
		rc = checkpoint_new(r->options->threads, r->options->durable,
		    r->options->cookie, &r->checkpoint, err);
	if (rc != 0)
		return rc;
	r->keeping = keeping;
	if (keeping)
		checkpoint_start(r->checkpoint, &r->partial, &state, noted,
		    r->target.path);
	apply_start(r->apply, r->partial.fd, r->begin.size,
	    r->target.based ? r->target.base.fd : -1, r->options->reflink,
	    r->digest, r->target.path, &calls);
	r->started = true;
	return 0;
}

/* The base was cloned or, which takes its space, copied: bytes of it. */
static int
account_base(struct receiver *r, uint64_t bytes, struct err *err)
{
	if (r->received.cloned)
		return 0;
	if (r->options->reflink == REFLINK_AUTO)
		notify_line(r->options->notify, NOTIFY_WARNING,
		    "%s: the base was copied, not reflinked", r->target.path);
	r->unseen += bytes;
	return reserve_check(&r->options->reserve, r->store.dir, 0,
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
	return account_base(r, r->begin.base_size, err);
}

/* After reflinks: patches shall not take more space than they need. */
static int
set_cow_extent_size(struct receiver *r, struct err *err)
{
	struct fs_info info;

	if (fs_info(r->partial.fd, &info) != 0 ||
	    fs_set_cow_extent_size(r->partial.fd, info.block_size) != 0)
		return err_sys(err, ERR_FAILED, "%s", r->target.path);
	return 0;
}

/* Fill the partial with the base, and give it its size. */
static int
fill_partial(struct receiver *r, struct err *err)
{
	int rc = 0;

	if (r->target.based)
		rc = duplicate_base(r, err);
	if (rc == 0)
		rc = set_cow_extent_size(r, err);
	if (rc == 0 && ftruncate(r->partial.fd, (off_t)r->begin.size) != 0)
		rc = err_sys(err, ERR_FAILED, "cannot make %s",
		    r->target.path);
	return rc;
}

int
receiver_prepare(struct receiver *r, struct err *err)
{
	int rc = 0;

	if (!r->target.based &&
	    (r->digest = digest_new(r->begin.size)) == NULL)
		return err_sys(err, ERR_FAILED, "%s", r->target.path);
	if (!r->options->dry_run) {
		/* Of this snapshot what an earlier run left is in the way. */
		partial_kept_remove(&r->store, &r->begin.snapshot);
		rc = reserve_check(&r->options->reserve, r->store.dir, 0,
		    &r->unseen, err);
		if (rc == 0)
			rc = partial_create(&r->store, &r->partial, err);
		if (rc == 0)
			rc = fill_partial(r, err);
	}
	return rc == 0 ? start(r, NULL, err) : rc;
}

/* Is what is here what RESUME goes on with?  ERR_NOBASE tells what is here. */
static int
check_state(const struct receiver *r, const struct record_resume *resume,
    const struct partial_state *state, struct err *err)
{
	char here[UUID_TEXT_SIZE], there[UUID_TEXT_SIZE];
	const char *path = r->target.path;

	if (!uuid_equal(&state->stream, &resume->stream))
		return err_set(err, ERR_NOBASE, "%s is here up to byte %"
		    PRIu64 ", from stream %s: not from stream %s, which is to "
		    "be gone on with; refrecv --token tells the token", path,
		    state->offset, uuid_format(&state->stream, here),
		    uuid_format(&resume->stream, there));
	if (!uuid_equal(&state->base, &r->begin.base))
		return err_set(err, ERR_NOBASE, "%s is here up to byte %"
		    PRIu64 ", on base %s: not on base %s", path,
		    state->offset, uuid_is_nil(&state->base) ? "none" :
		    uuid_format(&state->base, here),
		    uuid_is_nil(&r->begin.base) ? "none" :
		    uuid_format(&r->begin.base, there));
	if (state->size != r->begin.size)
		return err_set(err, ERR_NOBASE, "%s is here up to byte %"
		    PRIu64 " of %" PRIu64 ": not of %" PRIu64, path,
		    state->offset, state->size, r->begin.size);
	if (state->offset < resume->offset)
		return err_set(err, ERR_NOBASE, "%s is here up to byte %"
		    PRIu64 ": the stream goes on at byte %" PRIu64, path,
		    state->offset, resume->offset);
	return 0;
}

/* Find and lock what an interrupted run left; what does not fit stays there. */
static int
take_over(struct receiver *r, const struct record_resume *resume,
    struct partial_state *state, struct err *err)
{
	int rc;

	rc = partial_kept_open(&r->store, &r->begin.snapshot, &resume->stream,
	    &r->partial, state, err);
	if (rc > 0)
		return err_set(err, ERR_NOBASE, "nothing of %s is here that "
		    "could be gone on with: send it from its beginning",
		    r->target.path);
	if (rc == 0)
		rc = check_state(r, resume, state, err);
	if (rc == 0)
		rc = reserve_check(&r->options->reserve, r->store.dir, 0,
		    &r->unseen, err);
	if (rc != 0 || r->options->dry_run)
		partial_leave(&r->partial);
	return rc;
}

/*
 * Let the partial hold from offset on what the base holds, as a new one would.
 * What the run before wrote there was of the same snapshot, and would be written
 * again; but what a loss of power made of it nobody knows, and where snapshot
 * and base are equal nothing is written.  The state must not tell of more
 * meanwhile, nor that nothing is written.
 */
static int
renew(struct receiver *r, uint64_t offset, struct partial_state *state,
    struct err *err)
{
	const int fd = r->partial.fd;
	const struct snapshot *base = &r->target.base;
	int rc;

	state->offset = offset;
	rc = partial_state_write(fd, r->target.path, state, err);
	if (rc == 0 && fsync(fd) != 0)
		rc = err_sys(err, ERR_FAILED, "cannot sync %s",
		    r->target.path);
	if (rc == 0)
		rc = content_renew(r->target.based ? base->fd : -1, fd,
		    offset, r->begin.size, r->options->reflink,
		    r->target.path, &r->received.cloned, err);
	if (rc == 0 && r->target.based)
		rc = account_base(r, r->begin.size - offset, err);
	return rc == 0 ? set_cow_extent_size(r, err) : rc;
}

int
receiver_resume(struct receiver *r, const struct record_resume *resume,
    struct err *err)
{
	const uint64_t offset = resume->offset;
	struct partial_state state;
	int rc;

	rc = take_over(r, resume, &state, err);
	if (rc != 0)
		return rc;
	r->resumed = true;
	r->received.resumed = offset;
	if (!r->options->dry_run)
		rc = renew(r, offset, &state, err);
	return rc == 0 ? start(r, &state, err) : rc;
}
