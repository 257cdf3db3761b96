/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stamp.c - remember that a live file holds what a snapshot holds.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/beneath.h"
#include "common/hash.h"
#include "common/io.h"
#include "snapshot/stamp.h"

#define STAMP_SIZE (IDENTITY_ENCODED_SIZE + UUID_SIZE)
#define STAMP_NAME_SIZE 64
#define SUFFIX_NEW ".new"	/* being written */
#define SUFFIX_NEXT ".next"	/* announced */
#define ANNOUNCED_SECONDS 60	/* in which the rename has to come */

static void
stamp_name(const char *name, const char *suffix, char out[STAMP_NAME_SIZE])
{
	const struct hash128 hash = hash128(name, strlen(name));
	size_t used;

	used = (size_t)snprintf(out, STAMP_NAME_SIZE, "live.");
	for (size_t i = 0; i < sizeof(hash.bytes); i++)
		used += (size_t)snprintf(out + used, STAMP_NAME_SIZE - used,
		    "%02x", hash.bytes[i]);
	snprintf(out + used, STAMP_NAME_SIZE - used, "%s", suffix);
}

/* Replace the record with the given suffix; -1 with errno if that fails. */
static int
write_record(const struct store *store, const char *name, const char *suffix,
    const struct identity *identity, const struct uuid *snapshot)
{
	char final[STAMP_NAME_SIZE], fresh[STAMP_NAME_SIZE];
	uint8_t bytes[STAMP_SIZE];
	struct buf_writer w = { .data = bytes, .size = sizeof(bytes) };
	bool written;
	int fd, error;

	if (store->state < 0) {
		errno = ENOENT;
		return -1;
	}
	stamp_name(name, suffix, final);
	stamp_name(name, SUFFIX_NEW, fresh);
	identity_put(&w, identity);
	buf_put(&w, snapshot->bytes, UUID_SIZE);
	/* What a killed run left, or anything else, makes way. */
	unlinkat(store->state, fresh, 0);
	fd = beneath_open(store->state, fresh, O_WRONLY | O_CREAT | O_EXCL,
	    0644);
	if (fd < 0)
		return -1;
	written = io_write(fd, bytes, sizeof(bytes)) == 0 && fsync(fd) == 0 &&
	    renameat(store->state, fresh, store->state, final) == 0;
	error = errno;
	close(fd);
	if (written)
		return 0;
	unlinkat(store->state, fresh, 0);
	errno = error;
	return -1;
}

void
stamp_write(const struct store *store, const char *name,
    const struct identity *identity, const struct uuid *snapshot)
{
	char announced[STAMP_NAME_SIZE];

	if (write_record(store, name, "", identity, snapshot) != 0)
		return;
	stamp_name(name, SUFFIX_NEXT, announced);
	unlinkat(store->state, announced, 0);
}

int
stamp_announce(const struct store *store, const char *name,
    const struct identity *identity, const struct uuid *snapshot,
    struct err *err)
{
	struct identity announced = *identity;

	/* The clock that file systems stamp with. */
	clock_gettime(CLOCK_REALTIME_COARSE, &announced.ctime);
	if (write_record(store, name, SUFFIX_NEXT, &announced, snapshot) != 0)
		return err_sys(err, ERR_FAILED, "%s: cannot record in "
		    STORE_SNAPSHOTS "/" STORE_STATE " what %s will hold",
		    store->path, name);
	return 0;
}

static bool
read_record(const struct store *store, const char *name, const char *suffix,
    struct identity *identity, struct uuid *snapshot)
{
	char final[STAMP_NAME_SIZE];
	uint8_t bytes[STAMP_SIZE];
	struct buf_reader r = { .data = bytes, .size = sizeof(bytes) };
	ssize_t n;
	int fd;

	stamp_name(name, suffix, final);
	fd = store->state < 0 ? -1 :
	    beneath_open(store->state, final,
	    O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return false;
	n = io_read(fd, bytes, sizeof(bytes));
	close(fd);
	if (n != (ssize_t)sizeof(bytes))
		return false;
	identity_get(&r, identity);
	memcpy(snapshot->bytes, buf_get(&r, UUID_SIZE), UUID_SIZE);
	return true;
}

/* Is it the file that was announced? */
static bool
announced_matches(const struct identity *announced,
    const struct identity *identity)
{
	struct timespec latest = announced->ctime;
	char text[128];

	if (identity_differs(announced, identity, text, sizeof(text)))
		return false;
	latest.tv_sec += ANNOUNCED_SECONDS;
	/* XFS does not move ctime when it exchanges files: it may be earlier. */
	return time_compare(&identity->ctime, &announced->birth) >= 0 &&
	    time_compare(&identity->ctime, &latest) <= 0;
}

bool
stamp_matches(const struct store *store, const char *name,
    const struct identity *identity, struct uuid *snapshot, bool *uncertain)
{
	struct identity recorded;

	if ((!read_record(store, name, "", &recorded, snapshot) ||
	    !identity_same(&recorded, identity)) &&
	    (!read_record(store, name, SUFFIX_NEXT, &recorded, snapshot) ||
	    !announced_matches(&recorded, identity)))
		return false;
	*uncertain = identity_uncertain(&recorded, identity);
	return true;
}
