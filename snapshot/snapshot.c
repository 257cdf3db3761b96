/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * snapshot.c - open a snapshot and know that it is one.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fsioctl.h"
#include "common/io.h"
#include "snapshot/snapshot.h"

/* The seal that a plain copy would have. */
static void
make_up_seal(const char *name, const struct identity *identity,
    struct seal *seal)
{
	uint8_t bytes[IDENTITY_ENCODED_SIZE];
	struct buf_writer w = { .data = bytes, .size = sizeof(bytes) };
	struct identity constant = *identity;
	const char *slash = strrchr(name, '/');
	const char *base = slash != NULL ? slash + 1 : name;

	memset(seal, 0, sizeof(*seal));
	/* What nobody can write to is the same in each mounting. */
	if ((identity->mode & 0222) == 0)
		memset(&constant.mounting, 0, sizeof(constant.mounting));
	identity_put(&w, &constant);
	seal->id = uuid_derive(bytes, w.used);
	seal->created = identity->birth.tv_sec != 0 ? identity->birth :
	    identity->mtime;
	seal->mode = identity->mode;
	memcpy(seal->name, base, strnlen(base, SEAL_NAME_MAX));
	seal->identity = *identity;
}

/* Read the seal and compare it with the file, or make one up. */
static int
check_seal(const char *name, const struct notify *notify,
    struct snapshot *snapshot, struct err *err)
{
	char text[128];
	int rc;

	rc = seal_read(snapshot->fd, snapshot->path, &snapshot->seal, err);
	if (rc < 0)
		return rc;
	if (rc > 0) {
		if (io_sync_mapped(snapshot->fd) != 0)
			return err_sys(err, ERR_FAILED, "cannot sync %s",
			    snapshot->path);
		make_up_seal(name, &snapshot->identity, &snapshot->seal);
		return 0;
	}
	snapshot->sealed = true;
	switch (seal_check(&snapshot->seal, &snapshot->identity, text,
	    sizeof(text))) {
	case SEAL_VALID:
		return 0;
	case SEAL_TOUCHED:
		notify_line(notify, NOTIFY_VERBOSE, "%s: %s; it is read-only, "
		    "so it was renamed or linked: accepted", snapshot->path,
		    text);
		return 0;
	default:
		return err_set(err, ERR_IDENTITY, "%s is not the snapshot "
		    "that its seal says: %s%s", snapshot->path, text,
		    snapshot->identity.mode & 0222 ? "; if it is a live file, "
		    "take a snapshot of it (refsnap create); if it is a "
		    "copy that nobody wrote to, remove its attribute "
		    SEAL_XATTR ", chmod a-w it, and send it whole" : "");
	}
}

int
snapshot_open(int dirfd, const char *name, const char *path,
    const struct notify *notify, struct snapshot *snapshot, struct err *err)
{
	static const struct snapshot closed = SNAPSHOT_INIT;
	struct stat st;
	int rc;

	*snapshot = closed;
	snapshot->path = strdup(path);
	if (snapshot->path == NULL)
		return err_sys(err, ERR_FAILED, "%s", path);
	/* Non-blocking: a FIFO must be refused, not waited for. */
	snapshot->fd = openat(dirfd, name,
	    O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (snapshot->fd < 0 || fstat(snapshot->fd, &st) != 0) {
		rc = err_sys(err, ERR_FAILED, "%s", path);
		goto fail;
	}
	if (!S_ISREG(st.st_mode)) {
		rc = err_set(err, ERR_FAILED, "%s: not a regular file", path);
		goto fail;
	}
	if (flock(snapshot->fd, LOCK_SH | LOCK_NB) != 0 &&
	    errno == EWOULDBLOCK) {
		rc = err_set(err, ERR_LOCKED, "%s: is being deleted", path);
		goto fail;
	}
	rc = identity_read(snapshot->fd, path, &snapshot->identity, err);
	if (rc == 0)
		rc = check_seal(name, notify, snapshot, err);
	if (rc == 0)
		return 0;
fail:
	snapshot_close(snapshot);
	return rc;
}

int
snapshot_seal_plain(struct snapshot *snapshot, struct err *err)
{
	struct err refused = ERR_INIT;
	struct identity now;
	int rc;

	if (snapshot->identity.mode & 0222 && !fs_keeps_times(snapshot->fd))
		return err_set(err, ERR_UNABLE, "%s can be written to, and "
		    "this file system forgets when: take a snapshot of it "
		    "(refsnap create), or chmod a-w it", snapshot->path);
	if (snapshot->identity.mode & 0222 &&
	    uuid_is_nil(&snapshot->identity.mounting))
		return err_set(err, ERR_UNABLE, "%s can be written to, and "
		    "/proc and /sys do not tell since when its file system is "
		    "mounted: chmod a-w it", snapshot->path);
	if (snapshot->sealed)
		return 0;
	if (snapshot_lease(snapshot->fd) != 0)
		return err_set(err, ERR_FAILED, "%s is open for writing: take "
		    "a snapshot of it first (refsnap create)", snapshot->path);
	snapshot_unlease(snapshot->fd);
	rc = seal_write(snapshot->fd, snapshot->path, &snapshot->seal,
	    snapshot->identity.mode, &refused);
	if (identity_read(snapshot->fd, snapshot->path, &now, err) != 0)
		return -(int)err->code;
	/* A failure that left its mark moved the ctime, hence the id. */
	if (rc != 0 && !identity_same(&snapshot->identity, &now)) {
		*err = refused;
		return rc;
	}
	snapshot->sealed = rc == 0;
	snapshot->identity = now;
	if (rc != 0 && now.mode & 0222)
		seal_settle(&now.ctime);
	return 0;
}

int
snapshot_recheck(const struct snapshot *snapshot, struct err *err)
{
	struct identity now;
	char text[128];
	int rc;

	rc = identity_read(snapshot->fd, snapshot->path, &now, err);
	if (rc != 0)
		return rc;
	if (identity_differs(&snapshot->identity, &now, text, sizeof(text)))
		return err_set(err, ERR_FAILED, "%s was changed while it was "
		    "in use: %s", snapshot->path, text);
	/* A read-only file may be renamed or held meanwhile. */
	if (now.mode & 0222 && !identity_same(&snapshot->identity, &now))
		return err_set(err, ERR_FAILED, "%s was changed while it was "
		    "in use: its ctime differs", snapshot->path);
	return 0;
}

void
snapshot_close(struct snapshot *snapshot)
{
	if (snapshot->fd >= 0)
		close(snapshot->fd);
	snapshot->fd = -1;
	free(snapshot->path);
	snapshot->path = NULL;
}

int
snapshot_lease(int fd)
{
	if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0)
		return 0;
	return errno == EAGAIN ? 1 : 0;
}

void
snapshot_unlease(int fd)
{
	fcntl(fd, F_SETLEASE, F_UNLCK);
}

int
snapshot_guard(int fd, const char *path, struct snapshot_guard *guard,
    struct err *err)
{
	struct stat st;

	guard->fd = fd;
	if (fstat(fd, &st) != 0)
		return err_sys(err, ERR_FAILED, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_IDENTITY, "%s: not a regular file", path);
	/* The lease first: what the identity tells holds from then on. */
	if (snapshot_lease(fd) != 0)
		return err_set(err, ERR_FAILED, "%s is open for writing: stop "
		    "what uses it first", path);
	guard->leased = fcntl(fd, F_GETLEASE) == F_RDLCK;
	return identity_read(fd, path, &guard->identity, err);
}

int
snapshot_guard_check(const struct snapshot_guard *guard, const char *path,
    bool with_ctime, struct err *err)
{
	struct identity now;
	char text[128];
	int rc;

	rc = identity_read(guard->fd, path, &now, err);
	if (rc != 0)
		return rc;
	if ((guard->leased && fcntl(guard->fd, F_GETLEASE) != F_RDLCK) ||
	    identity_differs(&guard->identity, &now, text, sizeof(text)) ||
	    (with_ctime && !identity_same(&guard->identity, &now)))
		return err_set(err, ERR_FAILED, "%s was opened for writing or "
		    "changed meanwhile: it was not replaced", path);
	return 0;
}

void
snapshot_guard_release(struct snapshot_guard *guard)
{
	if (guard->fd >= 0)
		close(guard->fd);
	guard->fd = -1;
}
