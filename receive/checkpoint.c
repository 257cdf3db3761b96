/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * checkpoint.c - make what was received of a snapshot durable.
 */
#include "config.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/io.h"
#include "common/pipeline.h"
#include "receive/checkpoint.h"
#include "snapshot/partial_kept.h"

/* One goes through the pipeline at a time, and has workers to itself. */
#define WORKERS 2u

struct checkpoint {
	struct pipeline *pipeline;
	uint64_t offset;	/* of the one on its way: the only piece */
	receive_durable *durable;
	void *cookie;
	/* The current snapshot. */
	const struct partial *partial;
	const char *path;
	uint64_t begun;		/* offset of the last one that was begun */
	bool named;		/* the names above the partial are durable */
	bool alone;		/* no other of its live file is kept */
	struct partial_state state;	/* what it will be */
	struct partial_state noted;	/* as it is durable */
};

/* How a state is written. */
typedef int write_state(int fd, const char *path,
    const struct partial_state *state, struct err *err);

/* A new partial has a name, and the directories above it may be new too. */
static int
sync_names(struct checkpoint *checkpoint)
{
	const struct store *store = checkpoint->partial->store;

	if (!checkpoint->named && (io_sync_directory(store->state) != 0 ||
	    io_sync_directory(store->snapshots) != 0 ||
	    io_sync_directory(store->dir) != 0))
		return -1;
	checkpoint->named = true;
	return 0;
}

/*
 * The contents first: the state must never tell of more than is there.  What is
 * written meanwhile by others may be synced along.
 */
static int
note(struct checkpoint *checkpoint, const struct partial_state *state,
    write_state *write, struct err *err)
{
	const int fd = checkpoint->partial->fd;
	int rc;

	if (fsync(fd) != 0 || sync_names(checkpoint) != 0)
		return err_sys(err, ERR_FAILED, "cannot sync %s",
		    checkpoint->path);
	rc = write(fd, checkpoint->path, state, err);
	if (rc == 0 && fsync(fd) != 0)
		rc = err_sys(err, ERR_FAILED, "cannot sync %s",
		    checkpoint->path);
	return rc;
}

/* Now that it is kept, nobody comes for the others. */
static void
remove_others(struct checkpoint *checkpoint)
{
	if (!checkpoint->alone)
		partial_kept_remove_others(checkpoint->partial,
		    &checkpoint->noted);
	checkpoint->alone = true;
}

static int
make_durable(void *cookie, void *piece, struct err *err)
{
	struct checkpoint *checkpoint = cookie;
	struct partial_state state = checkpoint->state;
	int rc;

	state.offset = *(const uint64_t *)piece;
	clock_gettime(CLOCK_REALTIME, &state.written);
	rc = note(checkpoint, &state, partial_state_write, err);
	if (rc != 0)
		return rc;
	checkpoint->noted = state;
	remove_others(checkpoint);
	if (checkpoint->durable != NULL)
		checkpoint->durable(checkpoint->cookie, &state.snapshot,
		    state.offset);
	return 0;
}

/* Nothing is left to do after that. */
static int
done(void *cookie, void *piece, struct err *err)
{
	(void)cookie;
	(void)piece;
	(void)err;
	return 0;
}

int
checkpoint_new(unsigned threads, receive_durable *durable, void *cookie,
    struct checkpoint **result, struct err *err)
{
	struct checkpoint *checkpoint = calloc(1, sizeof(*checkpoint));
	void *piece;
	int rc;

	if (checkpoint == NULL)
		return err_sys(err, ERR_FAILED, "cannot receive");
	checkpoint->durable = durable;
	checkpoint->cookie = cookie;
	piece = &checkpoint->offset;
	rc = pipeline_new(threads > 1 ? WORKERS : 1, &piece, 1, make_durable,
	    done, checkpoint, &checkpoint->pipeline, err);
	if (rc == 0)
		*result = checkpoint;
	else
		free(checkpoint);
	return rc;
}

void
checkpoint_free(struct checkpoint *checkpoint)
{
	if (checkpoint == NULL)
		return;
	pipeline_free(checkpoint->pipeline);
	free(checkpoint);
}

void
checkpoint_start(struct checkpoint *checkpoint, const struct partial *partial,
    const struct partial_state *state, const struct partial_state *noted,
    const char *path)
{
	static const struct partial_state none;

	checkpoint->partial = partial;
	checkpoint->path = path;
	checkpoint->state = *state;
	checkpoint->noted = noted != NULL ? *noted : none;
	checkpoint->begun = checkpoint->noted.offset;
	checkpoint->named = noted != NULL;
	checkpoint->alone = false;
}

int
checkpoint_make(struct checkpoint *checkpoint, uint64_t offset,
    struct err *err)
{
	void *piece;
	int rc;

	if (offset <= checkpoint->begun)
		return 0;
	rc = pipeline_next(checkpoint->pipeline, &piece, err);
	if (rc != 0)
		return rc;
	checkpoint->begun = offset;
	*(uint64_t *)piece = offset;
	pipeline_put(checkpoint->pipeline);
	return 0;
}

int
checkpoint_wait(struct checkpoint *checkpoint, struct err *err)
{
	return pipeline_drain(checkpoint->pipeline, err);
}

int
checkpoint_close(struct checkpoint *checkpoint, struct err *err)
{
	return note(checkpoint, &checkpoint->noted, partial_state_close, err);
}

uint64_t
checkpoint_offset(const struct checkpoint *checkpoint)
{
	return checkpoint->noted.offset;
}
