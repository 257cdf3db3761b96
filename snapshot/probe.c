/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe.c - what a snapshot of a live file would be, without taking it.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/fsioctl.h"
#include "snapshot/lineage.h"
#include "snapshot/probe.h"
#include "snapshot/store.h"

/* A nameless file where the file lies, or where its snapshots do; or -1. */
static int
nameless(const struct store *store)
{
	const int flags = O_TMPFILE | O_RDWR | O_CLOEXEC;
	int fd = openat(store->dir, ".", flags, 0600);

	if (fd < 0 && store->snapshots >= 0)
		fd = openat(store->snapshots, ".", flags, 0600);
	return fd;
}

/* Clone the live file, and make the clone what a snapshot is: read-only. */
static int
clone(int live, const struct store *store, struct snapshot *snapshot,
    struct err *err)
{
	const char *path = snapshot->path;

	snapshot->fd = nameless(store);
	if (snapshot->fd < 0)
		return err_sys(err, errno == EOPNOTSUPP || errno == EISDIR ?
		    ERR_UNABLE : ERR_FAILED, "%s: cannot make a file without a "
		    "name beside it: take a snapshot (refsnap create) and name "
		    "that", path);
	if (fs_clone(live, snapshot->fd) != 0)
		return fs_clone_unsupported(errno) ?
		    err_set(err, ERR_UNABLE, "%s: cannot reflink here (%s)",
		    path, strerror(errno)) :
		    err_sys(err, ERR_FAILED, "cannot reflink %s", path);
	if (fchmod(snapshot->fd, 0400) != 0 || fsync(snapshot->fd) != 0)
		return err_sys(err, ERR_FAILED, "%s", path);
	return identity_read(snapshot->fd, path, &snapshot->identity, err);
}

/* The seal that it would have. */
static int
make_seal(const struct place *place, const struct identity *live,
    struct seal *seal, struct err *err)
{
	int rc = uuid_random(&seal->id, err);

	if (rc == 0)
		rc = lineage_next(&place->store, place->name, live, seal, err);
	if (rc != 0)
		return rc;
	clock_gettime(CLOCK_REALTIME, &seal->created);
	lineage_name(seal, 0);
	snprintf(seal->origin, sizeof(seal->origin), "%s", place->name);
	seal->mode = live->mode;
	return 0;
}

static int
probe(int live, struct snapshot *snapshot, struct err *err)
{
	const char *path = snapshot->path;
	struct place place = PLACE_INIT;
	struct identity identity;
	struct stat st;
	int rc;

	if (fstat(live, &st) != 0)
		return err_sys(err, ERR_FAILED, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_FAILED, "%s: not a regular file", path);
	rc = identity_read(live, path, &identity, err);
	if (rc == 0)
		rc = place_open(path, false, &place, err);
	if (rc == 0)
		rc = make_seal(&place, &identity, &snapshot->seal, err);
	if (rc == 0)
		rc = clone(live, &place.store, snapshot, err);
	place_close(&place);
	return rc;
}

int
probe_open(const char *live, struct snapshot *snapshot, struct err *err)
{
	static const struct snapshot closed = SNAPSHOT_INIT;
	const int fd = open(live, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int rc;

	*snapshot = closed;
	snapshot->path = strdup(live);
	if (fd < 0 || snapshot->path == NULL)
		rc = err_sys(err, ERR_FAILED, "%s", live);
	else
		rc = probe(fd, snapshot, err);
	snapshot->sealed = rc == 0;
	if (fd >= 0)
		close(fd);
	if (rc != 0)
		snapshot_close(snapshot);
	return rc;
}
