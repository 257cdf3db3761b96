/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * create.c - take a snapshot of a live file.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/fsioctl.h"
#include "common/io.h"
#include "common/metadata.h"
#include "snapshot/create.h"
#include "snapshot/lineage.h"
#include "snapshot/partial_kept.h"
#include "snapshot/snapshot.h"
#include "snapshot/stamp.h"
#include "snapshot/store.h"

#define NAME_TRIES 1000		/* snapshots within one second */
#define SETTLE_TRIES 3		/* waits for a tick of the clock */

/* What is at hand while a snapshot is being taken. */
struct creation {
	const struct create_options *options;
	const char *live;	/* path of the live file */
	int fd;			/* the live file, read-only */
	struct identity identity;	/* of the live file, before the cut */
	struct metadata metadata;	/* likewise */
	bool settled;		/* a change after that shows in its ctime */
	struct place source;	/* where the live file lies */
	struct place target;	/* where the snapshot will lie */
	struct partial partial;
};

static int
open_live(struct creation *c, struct err *err)
{
	struct stat st;

	c->fd = open(c->live, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (c->fd < 0 || fstat(c->fd, &st) != 0)
		return err_sys(err, ERR_FAILED, "%s", c->live);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_FAILED, "%s: not a regular file",
		    c->live);
	return identity_read(c->fd, c->live, &c->identity, err);
}

/*
 * Would a change of the file in this moment show in its ctime? Not within the
 * same tick of the clock (10 ms at HZ=100), nor within the same second where
 * the file system keeps no fractions.  *wait receives how long to wait for it.
 */
static bool
change_would_show(const struct identity *identity, struct timespec *wait)
{
	const bool whole_seconds = identity->ctime.tv_nsec == 0 &&
	    identity->mtime.tv_nsec == 0;
	struct timespec now, settled = identity->ctime;

	wait->tv_sec = whole_seconds ? 1 : 0;
	wait->tv_nsec = 12000000;
	settled.tv_sec += wait->tv_sec;
	settled.tv_nsec += wait->tv_nsec;
	if (settled.tv_nsec >= 1000000000) {
		settled.tv_nsec -= 1000000000;
		settled.tv_sec++;
	}
	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return time_compare(&settled, &now) < 0;
}

/*
 * Read identity and metadata before the cut: what is written between this and
 * the cut makes the live file look changed since, never unchanged.  A file
 * that is written to all the time gets no stamp.
 */
static int
read_live(struct creation *c, struct err *err)
{
	struct timespec wait;
	int rc;

	rc = identity_read(c->fd, c->live, &c->identity, err);
	if (rc != 0)
		return rc;
	c->settled = change_would_show(&c->identity, &wait);
	for (int i = 0; i < SETTLE_TRIES && !c->settled && rc == 0; i++) {
		nanosleep(&wait, NULL);
		rc = identity_read(c->fd, c->live, &c->identity, err);
		c->settled = change_would_show(&c->identity, &wait);
	}
	if (rc == 0)
		rc = metadata_capture(c->fd, c->live, &c->metadata, err);
	return rc;
}

static double
seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) +
	    (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

/* A size that the live file had before, after, or in between. */
static int
check_size(struct creation *c, struct err *err)
{
	struct stat live, cut;
	uint64_t low, high;

	if (fstat(c->fd, &live) != 0 || fstat(c->partial.fd, &cut) != 0)
		return err_sys(err, ERR_FAILED, "%s", c->live);
	low = high = (uint64_t)live.st_size;
	if (c->identity.size < low)
		low = c->identity.size;
	if (c->identity.size > high)
		high = c->identity.size;
	if ((uint64_t)cut.st_size < low || (uint64_t)cut.st_size > high)
		return err_set(err, ERR_FAILED, "%s: its size changed while it "
		    "was reflinked: try again", c->live);
	return 0;
}

/* A copy takes time: nobody may write meanwhile. */
static int
check_copy(struct creation *c, struct err *err)
{
	struct identity now;
	int rc;

	rc = identity_read(c->fd, c->live, &now, err);
	if (rc == 0 && !identity_same(&c->identity, &now))
		rc = err_set(err, ERR_FAILED, "%s was changed while it was "
		    "copied", c->live);
	return rc;
}

/* The cut: the contents of the live file at one instant, in the partial. */
static int
cut(struct creation *c, struct create_result *result, struct err *err)
{
	enum reflink_mode mode = c->options->reflink;
	struct timespec start;
	int rc;

	clock_gettime(CLOCK_MONOTONIC, &start);
	result->cloned = false;
	if (mode != REFLINK_NEVER) {
		if (fs_clone(c->fd, c->partial.fd) == 0)
			result->cloned = true;
		else if (!fs_clone_unsupported(errno))
			return err_sys(err, ERR_FAILED, "cannot reflink %s",
			    c->live);
		else if (mode == REFLINK_ALWAYS)
			return err_set(err, ERR_UNABLE, "%s: cannot reflink "
			    "here (%s); with --reflink=auto it is copied, "
			    "which needs that nobody writes to it", c->live,
			    strerror(errno));
	}
	result->stall = seconds_since(&start);
	if (result->cloned)
		return check_size(c, err);
	if (snapshot_lease(c->fd) != 0)
		return err_set(err, ERR_FAILED, "%s is open for writing: it "
		    "can be reflinked but not copied now", c->live);
	if (mode == REFLINK_AUTO)
		notify_line(c->options->notify, NOTIFY_WARNING,
		    "%s: copied whole: no reflink on this file system",
		    c->live);
	if (io_sync_mapped(c->fd) != 0)
		return err_sys(err, ERR_FAILED, "cannot sync %s", c->live);
	rc = content_duplicate(c->fd, c->partial.fd, REFLINK_NEVER, c->live,
	    &result->cloned, err);
	snapshot_unlease(c->fd);
	return rc != 0 ? rc : check_copy(c, err);
}

/* The name of try number n: the given one, or the time in UTC. */
static int
choose_name(const struct creation *c, int n, struct seal *seal,
    struct err *err)
{
	if (c->options->name != NULL)
		snprintf(seal->name, sizeof(seal->name), "%s",
		    c->options->name);
	else
		lineage_name(seal, n);
	if (strlen(seal->origin) + 1 + strlen(seal->name) > SEAL_NAME_MAX)
		return err_set(err, ERR_FAILED, "%s: the name of the snapshot "
		    "would be longer than %d bytes", c->live, SEAL_NAME_MAX);
	return 0;
}

/* Everything the live file has beside its contents, but for mode and times. */
static int
apply_metadata(struct creation *c, struct err *err)
{
	mode_t unused;

	return metadata_apply(c->partial.fd, c->live, &c->metadata, true,
	    c->options->notify, &unused, err);
}

/* Seal, make read-only, sync.  May be repeated under another name. */
static int
seal_partial(struct creation *c, struct seal *seal, struct err *err)
{
	const mode_t mode = c->metadata.mode & 0444;
	int rc;

	/* The owner may set attributes only of a file that may be written. */
	if (fchmod(c->partial.fd, 0600) != 0)
		return err_sys(err, ERR_FAILED, "%s", c->live);
	rc = metadata_apply_times(c->partial.fd, c->live, &c->metadata, err);
	if (rc == 0)
		rc = seal_write(c->partial.fd, c->live, seal, mode, err);
	if (rc != 0)
		return rc;
	if (fchmod(c->partial.fd, mode) != 0 || fsync(c->partial.fd) != 0)
		return err_sys(err, ERR_FAILED, "cannot sync the snapshot of "
		    "%s", c->live);
	return 0;
}

/* The path of the snapshot, and its last component *file. */
static int
choose_path(const struct creation *c, struct create_result *result,
    const char **file, struct err *err)
{
	char *name;

	free(result->path);
	result->path = NULL;
	if (c->options->output != NULL)
		result->path = strdup(c->options->output);
	else if (asprintf(&name, "%s.%s", result->seal.origin,
	    result->seal.name) >= 0) {
		result->path = store_file_path(&c->target.store, true, name);
		free(name);
	}
	if (result->path == NULL)
		return err_sys(err, ERR_FAILED, "%s", c->live);
	*file = c->options->output != NULL ? c->target.name :
	    strrchr(result->path, '/') + 1;
	return 0;
}

/* Publish under its name; without a given one, the first that is free. */
static int
publish(struct creation *c, struct create_result *result, struct err *err)
{
	const bool free_choice = c->options->name == NULL &&
	    c->options->output == NULL;
	struct err taken = ERR_INIT;
	const char *file = NULL;
	int rc, n = 0;

	do {
		err_clear(&taken);
		rc = choose_name(c, n, &result->seal, err);
		if (rc == 0)
			rc = choose_path(c, result, &file, err);
		if (rc == 0)
			rc = seal_partial(c, &result->seal, err);
		if (rc != 0)
			return rc;
		rc = partial_publish(&c->partial, place_directory(&c->target),
		    file, result->path, &taken);
	} while (rc == -ERR_IDENTITY && free_choice && ++n < NAME_TRIES);
	if (rc != 0)
		*err = taken;
	return rc;
}

static int
set_immutable(const char *path, struct err *err)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int rc = 0;

	if (fd < 0 || fs_set_immutable(fd, true) != 0)
		rc = err_sys(err, errno == EPERM || errno == EACCES ?
		    ERR_FAILED : ERR_UNABLE, "%s was taken, but cannot be made "
		    "immutable", path);
	if (fd >= 0)
		close(fd);
	return rc;
}

/* Where the snapshot goes: --output, or .snapshot beside the live file. */
static int
open_places(struct creation *c, struct err *err)
{
	uint64_t unseen = 0;
	int rc;

	rc = place_open(c->live, c->options->output == NULL, &c->source, err);
	if (rc != 0)
		return rc;
	if (c->options->output == NULL) {
		rc = place_open(c->live, true, &c->target, err);
		c->target.kept = true;
	} else {
		rc = place_open(c->options->output, true, &c->target, err);
	}
	if (rc != 0)
		return rc;
	partial_sweep(&c->target.store);
	rc = reserve_check(&c->options->reserve, c->target.store.dir, 0,
	    &unseen, err);
	if (rc == 0)
		rc = partial_create(&c->target.store, &c->partial, err);
	return rc;
}

int
create_snapshot(const char *live, const struct create_options *options,
    struct create_result *result, struct err *err)
{
	struct creation c = { .options = options, .live = live, .fd = -1,
	    .source = PLACE_INIT, .target = PLACE_INIT,
	    .partial = PARTIAL_INIT };
	struct seal *seal = &result->seal;
	int rc;

	memset(result, 0, sizeof(*result));
	rc = open_live(&c, err);
	if (rc == 0)
		rc = open_places(&c, err);
	if (rc == 0)
		rc = uuid_random(&seal->id, err);
	if (rc == 0)
		rc = lineage_next(&c.source.store, c.source.name, &c.identity,
		    seal, err);
	if (rc == 0)
		rc = read_live(&c, err);
	if (rc != 0)
		goto out;
	clock_gettime(CLOCK_REALTIME, &seal->created);
	seal->mode = c.metadata.mode;
	snprintf(seal->origin, sizeof(seal->origin), "%s", c.source.name);
	rc = cut(&c, result, err);
	if (rc == 0)
		rc = apply_metadata(&c, err);
	if (rc == 0)
		rc = publish(&c, result, err);
	result->taken = rc == 0;
	if (rc == 0 && c.settled)
		stamp_write(&c.source.store, c.source.name, &c.identity,
		    &seal->id);
	if (rc == 0 && options->immutable)
		rc = set_immutable(result->path, err);
out:
	partial_discard(&c.partial);
	metadata_free(&c.metadata);
	place_close(&c.target);
	place_close(&c.source);
	if (c.fd >= 0)
		close(c.fd);
	return rc;
}
