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

/* The three maps of a window. */
struct passes {
	struct extent_window base;
	struct extent_window snapshot;
	struct extent_window again;
};

/* Joins neighbouring candidates, across windows too. */
struct joiner {
	struct map_diff *diff;
	struct err *err;
	uint64_t offset;
	uint64_t length;	/* 0: nothing is pending */
	int rc;
};

static void
joiner_flush(struct joiner *joiner)
{
	if (joiner->length > 0 && joiner->rc == 0)
		joiner->rc = joiner->diff->candidate(joiner->diff->cookie,
		    joiner->offset, joiner->length, joiner->err);
	joiner->length = 0;
}

static void
joiner_add(void *cookie, uint64_t offset, uint64_t length)
{
	struct joiner *joiner = cookie;

	if (joiner->length > 0 && joiner->offset + joiner->length == offset) {
		joiner->length += length;
		return;
	}
	joiner_flush(joiner);
	joiner->offset = offset;
	joiner->length = length;
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
	const uint64_t floor = bytes_min(diff->base_size, diff->snapshot_size);
	const struct verdict_sink sink = { joiner_add, joiner };
	bool agreed = false;

	for (int i = 0; i < TRIES && !agreed; i++) {
		const int rc = map_window(diff, passes, from, to, &agreed,
		    err);

		if (rc != 0)
			return rc;
		if (!agreed)
			diff->moved++;
	}
	if (agreed)
		verdict(&passes->base, &passes->snapshot, from, *to, floor,
		    diff->comparable, &sink);
	else
		joiner_add(joiner, from, *to - from);
	diff->windows++;
	return joiner->rc;
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
