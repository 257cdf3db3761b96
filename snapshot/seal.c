/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * seal.c - write, read and check the seal of a snapshot.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/le.h"
#include "snapshot/interval.h"
#include "snapshot/seal.h"

#define SEAL_VERSION 2
#define SEAL_VERSION_MAX 255	/* more is no seal */
#define SEAL_SIZE_MAX 1024

/*
 * How far the interval reaches past the sealing of a file that becomes
 * read-only: time for its publication, which is not worth a remark.
 */
#define NS_PER_S INT64_C(1000000000)
#define INTERVAL_READ_ONLY_NS (2 * NS_PER_S)

static size_t
encode(const struct seal *seal, uint8_t *bytes)
{
	struct buf_writer w = { .data = bytes, .size = SEAL_SIZE_MAX };

	buf_put16(&w, SEAL_VERSION);
	buf_put(&w, seal->id.bytes, UUID_SIZE);
	buf_put(&w, seal->lineage.bytes, UUID_SIZE);
	buf_put64(&w, seal->generation);
	buf_put64(&w, seal->cut);
	time_put(&w, &seal->created);
	buf_put32(&w, (uint32_t)seal->mode);
	digest_put(&w, &seal->digest);
	buf_put_string(&w, seal->origin, strlen(seal->origin));
	buf_put_string(&w, seal->name, strlen(seal->name));
	identity_put(&w, &seal->identity);
	time_put(&w, &seal->after);
	time_put(&w, &seal->before);
	return w.used;
}

static bool
decode(const uint8_t *bytes, size_t size, struct seal *seal)
{
	struct buf_reader r = { .data = bytes, .size = size };

	memset(seal, 0, sizeof(*seal));
	if (buf_get16(&r) != SEAL_VERSION)
		return false;
	buf_get_copy(&r, seal->id.bytes, UUID_SIZE);
	buf_get_copy(&r, seal->lineage.bytes, UUID_SIZE);
	seal->generation = buf_get64(&r);
	seal->cut = buf_get64(&r);
	time_get(&r, &seal->created);
	seal->mode = (mode_t)buf_get32(&r);
	digest_get(&r, &seal->digest);
	buf_get_text(&r, seal->origin, sizeof(seal->origin));
	buf_get_text(&r, seal->name, sizeof(seal->name));
	identity_get(&r, &seal->identity);
	time_get(&r, &seal->after);
	time_get(&r, &seal->before);
	return buf_complete(&r) && !uuid_is_nil(&seal->id);
}

static int
set_attribute(int fd, const char *path, const struct seal *seal,
    struct err *err)
{
	uint8_t bytes[SEAL_SIZE_MAX];

	if (fsetxattr(fd, SEAL_XATTR, bytes, encode(seal, bytes), 0) == 0)
		return 0;
	if (errno == EOPNOTSUPP)
		return err_set(err, ERR_UNABLE, "%s: the file system "
		    "has no user extended attributes", path);
	return err_sys(err, ERR_FAILED, "cannot seal %s", path);
}

/* Of a file that is, or at once becomes, read-only. */
static int
try_write(int fd, const char *path, struct seal *seal, struct err *err)
{
	const struct interval interval =
	    interval_from_now(INTERVAL_READ_ONLY_NS);

	seal->after = interval.after;
	seal->before = interval.before;
	return set_attribute(fd, path, seal, err);
}

struct sealing {
	int fd;
	const char *path;
	struct seal *seal;
};

static int
set_with(void *cookie, const struct interval *interval, struct err *err)
{
	const struct sealing *sealing = cookie;

	sealing->seal->after = interval->after;
	sealing->seal->before = interval->before;
	return set_attribute(sealing->fd, sealing->path, sealing->seal, err);
}

int
seal_write(int fd, const char *path, struct seal *seal, mode_t mode,
    struct err *err)
{
	const int rc = identity_read(fd, path, &seal->identity, err);
	struct sealing sealing = { fd, path, seal };

	if (rc != 0)
		return rc;
	seal->identity.mode = mode;
	memset(&seal->identity.ctime, 0, sizeof(seal->identity.ctime));
	if (mode & 0222)
		return interval_write(fd, path, SEAL_XATTR, set_with, &sealing,
		    err);
	return try_write(fd, path, seal, err);
}

int
seal_record_digest(int fd, const char *path, const struct identity *was,
    const struct digest *digest, struct seal *seal, struct err *err)
{
	struct identity now;
	char text[128];
	int rc;

	rc = identity_read(fd, path, &now, err);
	if (rc != 0)
		return rc;
	if (now.mode & 0222)
		return err_set(err, ERR_FAILED, "%s can be written to: no "
		    "digest is recorded for it", path);
	if (!identity_same(was, &now))
		return err_set(err, ERR_FAILED, "%s was changed while it was "
		    "in use: no digest is recorded for it", path);
	seal->digest = *digest;
	if (seal_check(seal, &now, text, sizeof(text)) == SEAL_VALID)
		rc = try_write(fd, path, seal, err);
	else
		rc = set_attribute(fd, path, seal, err);
	if (rc == 0 && fsync(fd) != 0)
		rc = err_sys(err, ERR_FAILED, "cannot sync %s", path);
	return rc;
}

void
seal_settle(const struct timespec *ctime)
{
	struct timespec last = *ctime;

	if (last.tv_nsec == 0)
		last.tv_nsec = (long)NS_PER_S - 1;
	interval_wait(&last, NS_PER_S);
}

int
seal_read(int fd, const char *path, struct seal *seal, struct err *err)
{
	uint8_t bytes[SEAL_SIZE_MAX];
	const ssize_t size = fgetxattr(fd, SEAL_XATTR, bytes, sizeof(bytes));

	if (size < 0 && (errno == ENODATA || errno == EOPNOTSUPP))
		return 1;
	if (size < 0 && errno != ERANGE)
		return err_sys(err, ERR_FAILED, "cannot read the seal of %s",
		    path);
	if (size >= 2 && le16_get(bytes) != SEAL_VERSION &&
	    le16_get(bytes) <= SEAL_VERSION_MAX)
		return err_set(err, ERR_IDENTITY, "%s was sealed by another "
		    "version of refsnap (seal version %u, this one knows %u)",
		    path, le16_get(bytes), SEAL_VERSION);
	if (size < 0 || !decode(bytes, (size_t)size, seal))
		return err_set(err, ERR_IDENTITY, "%s: its seal is malformed; "
		    "if it is no snapshot, remove the attribute %s", path,
		    SEAL_XATTR);
	return 0;
}

enum seal_state
seal_check(const struct seal *seal, const struct identity *identity,
    char *text, size_t size)
{
	const struct interval sealing = { seal->after, seal->before };

	text[0] = '\0';
	if (identity_differs(&seal->identity, identity, text, size))
		return SEAL_BROKEN;
	if (identity->mode & 0222 &&
	    identity_uncertain(&seal->identity, identity)) {
		snprintf(text, size, "it can be written to, and its file "
		    "system may have been mounted anew since it was "
		    "sealed");
		return SEAL_BROKEN;
	}
	if (interval_holds(&sealing, &identity->ctime))
		return SEAL_VALID;
	snprintf(text, size, "it was changed after it was sealed (its ctime "
	    "differs)");
	return identity->mode & 0222 ? SEAL_BROKEN : SEAL_TOUCHED;
}

bool
seal_is_plain(const struct seal *seal)
{
	return seal->origin[0] == '\0';
}

int
seal_compare_age(const struct seal *a, const struct seal *b)
{
	if (a->generation != b->generation)
		return a->generation < b->generation ? -1 : 1;
	if (a->cut != b->cut)
		return a->cut < b->cut ? -1 : 1;
	return time_compare(&a->created, &b->created);
}
