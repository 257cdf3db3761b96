/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * history.c - the life of one file.
 *
 * Operations draw from one source of chance, snapshots and sending from
 * another: a history that is cut short begins as the whole one did.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fsioctl.h"
#include "tests/torture/carry.h"
#include "tests/torture/compare_files.h"
#include "tests/torture/cut_list.h"
#include "tests/torture/shake.h"
#include "tests/torture/workshop.h"

#define LENGTH_MIN 100u
#define LENGTH_SPREAD 500u
#define INTERVAL_MIN 25u	/* operations between snapshots, on average */
#define INTERVAL_SPREAD 60u
#define CUTS_KEPT 7u
#define TRIES 3			/* for a failure that blocks moving made */

struct history {
	const struct place *place;
	struct tally *tally;
	struct workshop shop;
	struct cut_list cuts;
	struct chance plan;	/* when to cut, what to send and how */
	uint64_t length;
	uint64_t interval;
	uint64_t made;		/* snapshots, also those deleted since */
	pid_t shaker;		/* 0: none */
};

static bool
by_tools(struct history *h)
{
	return chance_percent(&h->plan, h->place->tools);
}

static uint64_t
choose_limit(struct chance *plan)
{
	const uint64_t draw = chance_below(plan, 100);

	if (draw < 20)
		return 64u << 10;
	if (draw < 60)
		return 1u << 20;
	if (draw < 92)
		return 8u << 20;
	return 64u << 20;
}

/* Compare replicas of the cuts after base, up to target, that just arrived. */
static int
compare_arrived(struct history *h, const struct carry *carry, size_t base,
    size_t target, size_t replica, struct err *err)
{
	int rc = 0;

	for (size_t i = carry->between ? base + 1 : target;
	    rc == 0 && i <= target; i++) {
		struct cut *cut = &h->cuts.cuts[i];
		const char *name = strrchr(cut->path, '/') + 1;

		if ((cut->plain && i != target) || cut->held[replica] != NULL)
			continue;
		cut->held[replica] = path_format("%s/%s", cut->plain ?
		    h->shop.replicas[replica] : h->shop.stores[replica],
		    name);
		if (cut->held[replica] == NULL)
			return err_sys(err, ERR_FAILED, "%s", name);
		rc = compare_files(cut->path, cut->held[replica], err);
		if (carry->base == NULL)
			h->tally->wholes++;
		else
			h->tally->pairs++;
		if (carry->base != NULL && carry->tools)
			h->tally->tool_pairs++;
	}
	return rc;
}

/* Send a cut to a replica, as difference to one that the replica holds. */
static int
send_cut(struct history *h, size_t target, size_t replica, struct err *err)
{
	static const int levels[] = { 0, 1, 1, 2, 4 };
	const struct cut *cuts = h->cuts.cuts;
	size_t base = cut_list_newest_held(&h->cuts, target, replica);
	struct carry carry = {
		.snapshot = cuts[target].path,
		.directory = h->shop.replicas[replica],
		.tools = by_tools(h),
		.level = levels[chance_below(&h->plan, 5)],
		.threads = 1 + (unsigned)(target % 3),
	};
	int rc;

	if (cuts[target].held[replica] != NULL)
		return 0;
	/* An older one; whichever, if the replica does not hold it. */
	if (base < target && chance_percent(&h->plan, 30))
		base = cut_list_newest_held(&h->cuts,
		    1 + chance_below(&h->plan, base + 1), replica);
	if (base < target && chance_percent(&h->plan, 96)) {
		carry.base = cuts[base].path;
		carry.between = !cuts[base].plain && !cuts[target].plain &&
		    chance_percent(&h->plan, 40);
	}
	rc = carry_run(&carry, err);
	if (rc == 0)
		rc = compare_arrived(h, &carry, base, target, replica, err);
	return rc;
}

/* A reflink as cp(1) makes it; read-only where refsend wants that. */
static int
reflink(struct history *h, const char *path, struct err *err)
{
	const mode_t mode = fs_keeps_times(h->shop.work.fd) ? 0644 : 0444;
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
	    mode);
	int rc = 0;

	if (fd < 0 || fs_clone(h->shop.work.fd, fd) != 0)
		rc = err_sys(err, ERR_FAILED, "cannot reflink to %s", path);
	if (fd >= 0)
		close(fd);
	return rc;
}

static int
take_snapshot(struct history *h, struct err *err)
{
	const bool plain = chance_percent(&h->plan, 8);
	char name[32], *path;
	int rc;

	snprintf(name, sizeof(name), "c%06u", (unsigned)++h->made);
	if (plain)
		path = path_format("%s/plain.%s", h->shop.directory, name);
	else
		path = path_format("%s/file.%s", h->shop.snapshots, name);
	if (path == NULL)
		return err_sys(err, ERR_FAILED, "%s", name);
	rc = plain ? reflink(h, path, err) :
	    carry_create(h->shop.live, name, by_tools(h), err);
	if (rc == 0 && chance_percent(&h->plan, 12))
		rc = compare_files(h->shop.live, path, err);
	if (rc != 0) {
		free(path);
		return rc;
	}
	h->tally->snapshots++;
	return cut_list_add(&h->cuts, path, plain, err);
}

/* Two snapshots, either of them the base. */
static int
check_any_delta(struct history *h, struct err *err)
{
	const struct cut_list *list = &h->cuts;
	const size_t a = chance_below(&h->plan, list->count);
	const size_t b = chance_below(&h->plan, list->count);

	if (a == b)
		return 0;
	h->tally->deltas++;
	return compare_delta(list->cuts[a].path, list->cuts[b].path, err);
}

/* Take a snapshot; then whatever may be done with snapshots. */
static int
cut(struct history *h, struct err *err)
{
	const size_t replica = chance_below(&h->plan, h->shop.replica_count);
	int rc;

	rc = take_snapshot(h, err);
	if (rc == 0 && chance_percent(&h->plan, 75))
		rc = send_cut(h, h->cuts.count - 1, replica, err);
	if (rc == 0 && chance_percent(&h->plan, 15))
		rc = check_any_delta(h, err);
	if (rc == 0 && h->cuts.count > CUTS_KEPT)
		cut_list_drop(&h->cuts, chance_below(&h->plan, CUTS_KEPT - 1));
	h->shop.work.cuts = h->cuts.paths;
	h->shop.work.cut_count = h->cuts.count;
	return rc;
}

static int
live(struct history *h, uint64_t *steps, struct err *err)
{
	int rc = 0;

	for (*steps = 0; rc == 0 && *steps < h->length; ++*steps) {
		rc = operation_do(&h->shop.work, &h->tally->kinds, err);
		if (rc == 0)
			h->tally->operations++;
		if (rc >= 0 && chance_below(&h->plan, h->interval) == 0)
			rc = cut(h, err);
		else if (rc > 0)
			rc = 0;
	}
	if (rc == 0)
		rc = take_snapshot(h, err);
	for (size_t i = 0; rc == 0 && i < h->shop.replica_count; i++)
		rc = send_cut(h, h->cuts.count - 1, i, err);
	if (rc == 0)
		rc = workshop_check_left(&h->shop, err);
	return rc;
}

/* Everything that the seed decides beforehand. */
static uint64_t
draw_plan(struct history *h, uint64_t seed, uint64_t length)
{
	h->plan.state = ~seed;
	h->length = LENGTH_MIN + chance_below(&h->plan, LENGTH_SPREAD);
	h->interval = INTERVAL_MIN + chance_below(&h->plan, INTERVAL_SPREAD);
	if (length > 0 && length < h->length)
		h->length = length;
	return choose_limit(&h->plan);
}

/* Let blocks move beside the history, in all its directories. */
static int
start_shaking(struct history *h, uint64_t seed, struct err *err)
{
	char *directories[2 + REPLICAS_MAX] = { h->shop.directory,
	    h->shop.snapshots };
	size_t count = 2;

	if (!chance_percent(&h->plan, h->place->shaken))
		return 0;
	for (size_t i = 0; i < h->shop.replica_count; i++)
		directories[count++] = h->shop.stores[i];
	return shake_start(directories, count, seed, &h->shaker, err);
}

int
history_run(const struct place *place, uint64_t seed, uint64_t length,
    struct tally *tally, uint64_t *steps, struct err *err)
{
	struct history h = { .place = place, .tally = tally };
	uint64_t limit;
	int rc;

	*steps = 0;
	limit = draw_plan(&h, seed, length);
	rc = workshop_open(place, seed, limit, &h.shop, err);
	if (rc == 0) {
		h.shop.work.chance.state = seed;
		h.shop.work.filler.serial = seed << 32;
		h.shop.work.preallocate = chance_percent(&h.plan, 50);
		rc = start_shaking(&h, seed, err);
	}
	if (rc == 0)
		rc = live(&h, steps, err);
	if (h.shaker > 0)
		shake_stop(h.shaker);
	cut_list_free(&h.cuts);
	workshop_close(&h.shop, rc != 0);
	tally->histories++;
	return rc;
}

/* Does it fail again?  With blocks moving it may need several tries. */
static bool
fails(const struct place *place, uint64_t seed, uint64_t length,
    struct err *err)
{
	struct tally tally;
	uint64_t steps;

	for (int i = 0; i < TRIES; i++) {
		memset(&tally, 0, sizeof(tally));
		err_clear(err);
		if (history_run(place, seed, length, &tally, &steps, err) != 0)
			return true;
	}
	return false;
}

uint64_t
history_shorten(const struct place *place, uint64_t seed, uint64_t steps,
    struct err *err)
{
	uint64_t passes = 0, middle;
	struct err last;

	if (!fails(place, seed, steps, err))
		return 0;
	while (steps - passes > 1) {
		middle = passes + (steps - passes) / 2;
		last = *err;
		if (fails(place, seed, middle, err)) {
			steps = middle;
		} else {
			passes = middle;
			*err = last;
		}
	}
	return steps;
}
