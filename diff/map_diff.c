/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map_diff.c - compare two extent maps window by window.
 */
#include "config.h"

#include <stdlib.h>

#include "common/bytes.h"
#include "diff/map_diff.h"
#include "diff/verdict.h"

#define TRIES 8		/* of one window, before all of it is read */

/* The three maps of a window, and one more for what moved. */
struct passes {
	struct extent_window base;
	struct extent_window snapshot;
	struct extent_window again;
	struct extent_window later;
};

/* Joins neighbouring candidates, across windows too. */
struct joiner {
	struct map_diff *diff;
	const struct extent_window *snapshot;	/* made after the index */
	struct err *err;
	struct range range;	/* pending, if it has a length */
	int rc;
};

static void
joiner_flush(struct joiner *joiner)
{
	if (joiner->range.length > 0 && joiner->rc == 0)
		joiner->rc = joiner->diff->candidate(joiner->diff->cookie,
		    &joiner->range, joiner->err);
	joiner->range.length = 0;
}

static int
joiner_add(void *cookie, const struct range *range, struct err *err)
{
	struct joiner *joiner = cookie;

	(void)err;
	if (joiner->range.length > 0 &&
	    range_continues(&joiner->range, range)) {
		joiner->range.length += range->length;
	} else {
		joiner_flush(joiner);
		joiner->range = *range;
	}
	return joiner->rc;
}

/* A range that is not equal in place: a verdict_sink. */
static void
on_candidate(void *cookie, uint64_t offset, uint64_t length)
{
	struct joiner *joiner = cookie;
	const struct range range = { offset, length, RANGE_READ };

	if (joiner->rc != 0)
		return;
	if (joiner->diff->moved != NULL)
		joiner->rc = moved_split(joiner->diff->moved, joiner->snapshot,
		    offset, length, joiner_add, joiner, joiner->err);
	else
		joiner_add(joiner, &range, joiner->err);
}

static void
on_any(void *cookie, uint64_t offset, uint64_t length)
{
	bool *any = cookie;

	(void)offset;
	(void)length;
	*any = true;
}

/*
 * Something changed for the first time: make the index of what moved, and map
 * the snapshot after it.
 */
static int
begin_index(struct map_diff *diff, struct passes *passes, uint64_t from,
    uint64_t *to, struct joiner *joiner, struct err *err)
{
	int rc = moved_index(diff->moved, &passes->again, err);

	if (rc == 0)
		rc = diff->snapshot->read(diff->snapshot, from, *to,
		    &passes->later, err);
	if (rc == 0)
		*to = bytes_min(*to, passes->later.to);
	joiner->snapshot = &passes->later;
	return rc;
}

/* Decide a window whose maps agree, or the beginning of it. */
static int
decide(struct map_diff *diff, struct passes *passes, uint64_t from,
    uint64_t *to, struct joiner *joiner, struct err *err)
{
	const uint64_t floor = bytes_min(diff->base_size, diff->snapshot_size);
	const struct verdict_sink look = { on_any, &(bool){ false } };
	const struct verdict_sink sink = { on_candidate, joiner };
	int rc = 0;

	joiner->snapshot = &passes->snapshot;
	if (diff->moved != NULL && !moved_indexed(diff->moved)) {
		verdict(&passes->base, &passes->snapshot, from, *to, floor,
		    diff->comparable, &look);
		if (*(bool *)look.cookie)
			rc = begin_index(diff, passes, from, to, joiner, err);
	}
	if (rc != 0)
		return rc;
	verdict(&passes->base, &passes->snapshot, from, *to, floor,
	    diff->comparable, &sink);
	return joiner->rc;
}

/*
 * Map the window that starts at from. *to receives where it ends, *agreed
 * whether both maps of the base agree.
 */
static int
map_window(struct map_diff *diff, struct passes *passes, uint64_t from,
    uint64_t *to, bool *agreed, struct err *err)
{
	int rc;

	/* No pass need go further than the one before it got. */
	rc = diff->base->read(diff->base, from, diff->snapshot_size,
	    &passes->base, err);
	if (rc == 0)
		rc = diff->snapshot->read(diff->snapshot, from,
		    passes->base.to, &passes->snapshot, err);
	if (rc == 0)
		rc = diff->base->read(diff->base, from, passes->snapshot.to,
		    &passes->again, err);
	if (rc != 0)
		return rc;
	*to = passes->again.to;
	*agreed = verdict_maps_agree(&passes->base, &passes->again, from, *to);
	return 0;
}

static int
diff_window(struct map_diff *diff, struct passes *passes, uint64_t from,
    uint64_t *to, struct joiner *joiner, struct err *err)
{
	bool agreed = false;
	struct range all;

	for (int i = 0; i < TRIES && !agreed; i++) {
		const int rc = map_window(diff, passes, from, to, &agreed,
		    err);

		if (rc != 0)
			return rc;
		if (!agreed)
			diff->spoiled++;
	}
	diff->windows++;
	if (agreed)
		return decide(diff, passes, from, to, joiner, err);
	all = (struct range){ from, *to - from, RANGE_READ };
	return joiner_add(joiner, &all, err);
}

int
map_diff_run(struct map_diff *diff, struct err *err)
{
	struct joiner joiner = { .diff = diff, .err = err };
	struct passes *passes = malloc(sizeof(*passes));
	uint64_t from = 0, to;
	int rc = 0;

	if (passes == NULL)
		return err_sys(err, ERR_FAILED, "extent maps");
	while (rc == 0 && from < diff->snapshot_size) {
		rc = diff_window(diff, passes, from, &to, &joiner, err);
		from = to;
	}
	if (rc == 0) {
		joiner_flush(&joiner);
		rc = joiner.rc;
	}
	free(passes);
	return rc;
}
