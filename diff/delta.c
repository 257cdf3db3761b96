/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * delta.c - choose the maps that prove most, and drive the comparison.
 */
#include "config.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/fsioctl.h"
#include "diff/ahead.h"
#include "diff/compare.h"
#include "diff/delta.h"
#include "diff/map_diff.h"
#include "diff/moved.h"
#include "diff/pin.h"

/* Everything that a run has open. */
struct run {
	const struct snapshot *base;	/* NULL: a whole send */
	const struct snapshot *snapshot;
	const struct delta_options *options;
	delta_sink *sink;
	void *cookie;
	struct delta_stats *stats;
	struct compare *compare;
	struct ahead *ahead;	/* what is to be compared */
	int base_pin, snapshot_pin;	/* private clones, or -1 */
	struct map_source *base_map, *snapshot_map;	/* or NULL */
	struct map_source *index_map;	/* of the base, for moved; or NULL */
	struct moved *moved;
};

static double
now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Within a long range events tell how far it is. */
static int
on_event(void *cookie, const struct delta_event *event, struct err *err)
{
	struct run *run = cookie;

	notify_progress(run->options->notify, event->offset,
	    run->snapshot->identity.size);
	return run->sink(run->cookie, event, err);
}

static int
compare_next(void *cookie, const struct range *range, struct err *err)
{
	struct run *run = cookie;
	const struct delta_event event = {
		.kind = DELTA_MOVED, .offset = range->offset,
		.length = range->length, .source = range->source,
	};

	notify_progress(run->options->notify, range->offset,
	    run->snapshot->identity.size);
	if (range->source != RANGE_READ) {
		run->stats->moved += range->length;
		return run->sink(run->cookie, &event, err);
	}
	return compare_range(run->compare, range->offset, range->length, err);
}

/* What is left of a range from start on. */
static struct range
cut_range(struct range range, uint64_t start)
{
	const uint64_t below = range.offset < start ?
	    bytes_min(start - range.offset, range.length) : 0;

	range.offset += below;
	range.length -= below;
	if (range.source != RANGE_READ)
		range.source += below;
	return range;
}

/* A range that the maps did not prove equal. */
static int
on_candidate(void *cookie, const struct range *whole, struct err *err)
{
	struct run *run = cookie;
	const struct range range = cut_range(*whole, run->options->start);
	const struct delta_event event = {
		.kind = DELTA_CANDIDATE, .offset = range.offset,
		.length = range.length,
	};

	if (range.length == 0)
		return 0;
	run->stats->candidates += range.length;
	if (run->options->map_only)
		return run->sink(run->cookie, &event, err);
	return ahead_put(run->ahead, &range, err);
}

/*
 * File systems whose addresses are known to mean what the rule needs.  Others
 * may pass on the maps of what lies below them (overlayfs, whose files can lie
 * on two devices) or leave out the device (bcachefs).
 */
static bool
known_file_system(uint32_t type)
{
	return type == FS_TYPE_XFS || type == FS_TYPE_BTRFS ||
	    type == FS_TYPE_OCFS2;
}

/*
 * Do addresses in both files mean the same device? Two mounts may carry one
 * file system uuid (XFS with nouuid), so the device number must agree too;
 * each subvolume of a btrfs has its own, but btrfs mounts no uuid twice.
 */
static bool
one_device(const struct snapshot *a, const struct snapshot *b,
    const struct fs_info *info)
{
	struct stat st_a, st_b;

	if (!uuid_equal(&a->identity.filesystem, &b->identity.filesystem))
		return false;
	if (fs_is_realtime(a->fd) || fs_is_realtime(b->fd))
		return false;
	return info->type == FS_TYPE_BTRFS ||
	    (fstat(a->fd, &st_a) == 0 && fstat(b->fd, &st_b) == 0 &&
	    st_a.st_dev == st_b.st_dev);
}

/*
 * On btrfs blocks may be relocated at any time: map private clones. Returns 1
 * if there can be none.
 */
static int
pin(struct run *run, struct err *err)
{
	const double start = now_seconds();
	int rc;

	rc = pin_snapshot(run->base, run->snapshot, &run->base_pin, err);
	if (rc == 0)
		rc = pin_snapshot(run->snapshot, run->base,
		    &run->snapshot_pin, err);
	run->stats->pin_seconds = now_seconds() - start;
	return rc;
}

/* Open maps of both with one kind of source; 1 if it is not to be had. */
static int
open_maps(struct run *run, int (*open_map)(int, const char *,
    struct map_source **, struct err *), struct err *err)
{
	const int base_fd = run->base_pin >= 0 ? run->base_pin : run->base->fd;
	const int snapshot_fd = run->snapshot_pin >= 0 ? run->snapshot_pin :
	    run->snapshot->fd;
	int rc;

	rc = open_map(base_fd, run->base->path, &run->base_map, err);
	if (rc == 0)
		rc = open_map(snapshot_fd, run->snapshot->path,
		    &run->snapshot_map, err);
	if (rc == 0 && run->options->moved)
		rc = open_map(base_fd, run->base->path, &run->index_map, err);
	return rc;
}

/*
 * Choose how to find candidates. Returns 0 with maps, 1 without, why then
 * says why.
 */
static int
choose(struct run *run, const char **why, struct err *err)
{
	struct fs_info info;
	int rc;

	if (fs_info(run->snapshot->fd, &info) != 0)
		return err_sys(err, ERR_FAILED, "%s", run->snapshot->path);
	*why = "they do not lie on one file system";
	if (!one_device(run->base, run->snapshot, &info))
		return 1;
	*why = "the file system has no reflink";
	if (!fs_has_reflink(run->snapshot->fd))
		return 1;
	*why = "extent maps of this kind of file system are not trusted";
	if (!known_file_system(info.type))
		return 1;
	if (info.type == FS_TYPE_BTRFS) {
		*why = "their directories cannot be written to, which btrfs "
		    "needs to map them safely";
		rc = pin(run, err);
		if (rc != 0)
			return rc;
		run->stats->method = "btrfs extent items";
		rc = open_maps(run, map_btrfs_new, err);
		if (rc <= 0)
			return rc;
	}
	*why = "the file system has no extent maps";
	run->stats->method = "fiemap";
	return open_maps(run, map_fiemap_new, err);
}

static int
prepare_moved(struct run *run, struct err *err)
{
	struct fs_info info;

	if (run->index_map == NULL)
		return 0;
	if (fs_info(run->base->fd, &info) != 0)
		return err_sys(err, ERR_FAILED, "%s", run->base->path);
	run->moved = moved_new(run->index_map, run->base->identity.size,
	    info.block_size);
	if (run->moved == NULL)
		return err_sys(err, ERR_FAILED, "%s", run->base->path);
	return 0;
}

/* Find candidates by maps. */
static int
run_maps(struct run *run, struct err *err)
{
	struct map_diff diff = {
		.base = run->base_map,
		.snapshot = run->snapshot_map,
		.base_size = run->base->identity.size,
		.snapshot_size = run->snapshot->identity.size,
		.comparable = true,
		.candidate = on_candidate,
		.cookie = run,
	};
	int rc = prepare_moved(run, err);

	diff.moved = run->moved;
	if (rc == 0)
		rc = map_diff_run(&diff, err);
	run->stats->spoiled = diff.spoiled;
	if (rc == 0)
		rc = ahead_finish(run->ahead, err);
	return rc;
}

static int
run_all(struct run *run, struct err *err)
{
	const struct range all = {
		.length = run->snapshot->identity.size, .source = RANGE_READ,
	};
	const char *why = "";
	int rc = 1;

	run->stats->method = "whole file";
	if (run->base != NULL)
		rc = choose(run, &why, err);
	if (rc == 0)
		return run_maps(run, err);
	if (rc < 0)
		return rc;
	run->stats->method = run->base != NULL ? "compare all" : "whole file";
	if (run->base != NULL)
		notify_line(run->options->notify, NOTIFY_WARNING,
		    "%s, %s: %s: %s", run->base->path, run->snapshot->path,
		    run->options->map_only ? "nothing can be proven equal" :
		    "every byte is compared", why);
	rc = all.length > 0 ? on_candidate(run, &all, err) : 0;
	return rc == 0 ? ahead_finish(run->ahead, err) : rc;
}

static void
map_free(struct map_source *map)
{
	if (map != NULL)
		map->free(map);
}

int
delta_run(const struct snapshot *base, const struct snapshot *snapshot,
    const struct delta_options *options, delta_sink *sink, void *cookie,
    struct delta_stats *stats, struct err *err)
{
	struct run run = {
		.base = base, .snapshot = snapshot, .options = options,
		.sink = sink, .cookie = cookie, .stats = stats,
		.base_pin = -1, .snapshot_pin = -1,
	};
	int rc;

	*stats = (struct delta_stats){ .method = "" };
	run.compare = compare_new(base, snapshot, options, on_event, &run,
	    stats);
	run.ahead = ahead_new(base != NULL ? base->fd : -1, snapshot->fd,
	    compare_next, &run);
	if (run.ahead != NULL && base != NULL && options->early != NULL)
		ahead_look_early(run.ahead, options->early,
		    options->early_cookie);
	if (run.compare == NULL || run.ahead == NULL)
		rc = err_sys(err, ERR_FAILED, "%s", snapshot->path);
	else
		rc = run_all(&run, err);
	if (rc == 0)
		rc = snapshot_recheck(snapshot, err);
	if (rc == 0 && base != NULL)
		rc = snapshot_recheck(base, err);
	compare_free(run.compare);
	ahead_free(run.ahead);
	moved_free(run.moved);
	map_free(run.base_map);
	map_free(run.snapshot_map);
	map_free(run.index_map);
	if (run.base_pin >= 0)
		close(run.base_pin);
	if (run.snapshot_pin >= 0)
		close(run.snapshot_pin);
	return rc;
}
