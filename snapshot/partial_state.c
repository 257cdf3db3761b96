/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * partial_state.c - write and read the state of a partial.
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "common/buf.h"
#include "common/hash.h"
#include "snapshot/interval.h"
#include "snapshot/partial_state.h"

#define STATE_VERSION 2
#define STATE_SIZE_MAX 1024
#define CHECKSUM_SIZE 8u
#define DAY 86400

/* What binds a state to its file. */
struct binding {
	bool closed;
	struct identity identity;
	struct interval interval;	/* of the closing */
};

static size_t
encode(const struct partial_state *state, const struct binding *binding,
    uint8_t *bytes)
{
	struct buf_writer w = { .data = bytes, .size = STATE_SIZE_MAX };

	buf_put16(&w, STATE_VERSION);
	buf_put(&w, state->snapshot.bytes, UUID_SIZE);
	buf_put(&w, state->base.bytes, UUID_SIZE);
	buf_put(&w, state->lineage.bytes, UUID_SIZE);
	buf_put(&w, state->stream.bytes, UUID_SIZE);
	buf_put64(&w, state->generation);
	buf_put64(&w, state->cut);
	time_put(&w, &state->created);
	buf_put64(&w, state->size);
	buf_put64(&w, state->offset);
	time_put(&w, &state->written);
	buf_put_string(&w, state->origin, strlen(state->origin));
	buf_put_string(&w, state->name, strlen(state->name));
	buf_put16(&w, binding->closed);
	identity_put(&w, &binding->identity);
	time_put(&w, &binding->interval.after);
	time_put(&w, &binding->interval.before);
	buf_put64(&w, hash64(0, bytes, w.used, NULL, 0));
	return w.used;
}

static bool
decode(const uint8_t *bytes, size_t size, struct partial_state *state,
    struct binding *binding)
{
	struct buf_reader r = { .data = bytes, .size = size };

	memset(state, 0, sizeof(*state));
	if (buf_get16(&r) != STATE_VERSION)
		return false;
	buf_get_copy(&r, state->snapshot.bytes, UUID_SIZE);
	buf_get_copy(&r, state->base.bytes, UUID_SIZE);
	buf_get_copy(&r, state->lineage.bytes, UUID_SIZE);
	buf_get_copy(&r, state->stream.bytes, UUID_SIZE);
	state->generation = buf_get64(&r);
	state->cut = buf_get64(&r);
	time_get(&r, &state->created);
	state->size = buf_get64(&r);
	state->offset = buf_get64(&r);
	time_get(&r, &state->written);
	buf_get_text(&r, state->origin, sizeof(state->origin));
	buf_get_text(&r, state->name, sizeof(state->name));
	binding->closed = buf_get16(&r) != 0;
	identity_get(&r, &binding->identity);
	time_get(&r, &binding->interval.after);
	time_get(&r, &binding->interval.before);
	return buf_get64(&r) == hash64(0, bytes, size - CHECKSUM_SIZE, NULL,
	    0) && buf_complete(&r) && state->offset <= state->size;
}

static int
set_attribute(int fd, const char *path, const struct partial_state *state,
    const struct binding *binding, struct err *err)
{
	uint8_t bytes[STATE_SIZE_MAX];

	if (fsetxattr(fd, PARTIAL_STATE_XATTR, bytes,
	    encode(state, binding, bytes), 0) == 0)
		return 0;
	if (errno == EOPNOTSUPP)
		return err_set(err, ERR_UNABLE, "%s: the file system has no "
		    "user extended attributes", path);
	return err_sys(err, ERR_FAILED, "cannot note how much of %s is there",
	    path);
}

int
partial_state_write(int fd, const char *path,
    const struct partial_state *state, struct err *err)
{
	struct binding binding = { .closed = false };
	const int rc = identity_read(fd, path, &binding.identity, err);

	return rc != 0 ? rc : set_attribute(fd, path, state, &binding, err);
}

struct closing {
	int fd;
	const char *path;
	const struct partial_state *state;
	struct binding binding;
};

static int
set_closed(void *cookie, const struct interval *interval, struct err *err)
{
	struct closing *closing = cookie;

	closing->binding.interval = *interval;
	return set_attribute(closing->fd, closing->path, closing->state,
	    &closing->binding, err);
}

int
partial_state_close(int fd, const char *path,
    const struct partial_state *state, struct err *err)
{
	struct closing closing = {
		.fd = fd, .path = path, .state = state,
		.binding.closed = true,
	};
	const int rc = identity_read(fd, path, &closing.binding.identity, err);

	return rc != 0 ? rc : interval_write(fd, path, PARTIAL_STATE_XATTR,
	    set_closed, &closing, err);
}

/* Is this the file, and as it was when the state was closed? */
static bool
is_bound(const struct binding *binding, const struct identity *is)
{
	char text[128];

	if (!binding->closed)
		return identity_same_file(&binding->identity, is);
	return !identity_differs(&binding->identity, is, text,
	    sizeof(text)) && interval_holds(&binding->interval, &is->ctime);
}

int
partial_state_read(int fd, const char *path, struct partial_state *state,
    struct err *err)
{
	uint8_t bytes[STATE_SIZE_MAX];
	const ssize_t size = fgetxattr(fd, PARTIAL_STATE_XATTR, bytes,
	    sizeof(bytes));
	struct identity identity;
	struct binding binding;
	struct stat st;

	if (size < 0 && (errno == ENODATA || errno == EOPNOTSUPP ||
	    errno == ERANGE))
		return 1;
	if (size < 0 || fstat(fd, &st) != 0)
		return err_sys(err, ERR_FAILED, "cannot see how much of %s is "
		    "there", path);
	if (size <= (ssize_t)CHECKSUM_SIZE ||
	    !decode(bytes, (size_t)size, state, &binding) ||
	    !S_ISREG(st.st_mode) || (uint64_t)st.st_size < state->offset)
		return 1;
	if (identity_read(fd, path, &identity, err) != 0)
		return -(int)err->code;
	return is_bound(&binding, &identity) ? 0 : 1;
}

int
partial_state_remove(int fd, const char *path, struct err *err)
{
	if (fremovexattr(fd, PARTIAL_STATE_XATTR) == 0 || errno == ENODATA)
		return 0;
	return err_sys(err, ERR_FAILED, "cannot take the state of a partial "
	    "out of %s", path);
}

bool
partial_state_expired(const struct partial_state *state)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec - state->written.tv_sec >
	    (time_t)PARTIAL_STATE_DAYS * DAY;
}
