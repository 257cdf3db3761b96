/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * compare_files.c - compare by reading everything.
 */
#include "config.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "diff/delta.h"
#include "snapshot/snapshot.h"
#include "tests/torture/compare_files.h"

struct bytes {
	uint8_t *data;
	uint64_t size;
};

/* Read a whole file; room is what to have of memory at least. */
static int
load(const char *path, uint64_t room, struct bytes *content,
    struct err *err)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	int rc = 0;

	content->data = NULL;
	if (fd < 0)
		return err_sys(err, ERR_FAILED, "%s", path);
	if (fstat(fd, &st) != 0)
		rc = err_sys(err, ERR_FAILED, "%s", path);
	content->size = (uint64_t)st.st_size;
	if (room < content->size)
		room = content->size;
	if (rc == 0 && (content->data = calloc(1, room + 1)) == NULL)
		rc = err_sys(err, ERR_FAILED, "%s", path);
	if (rc == 0 && io_pread(fd, content->data, content->size, 0) !=
	    (ssize_t)content->size)
		rc = err_sys(err, ERR_FAILED, "cannot read %s", path);
	close(fd);
	return rc;
}

static int
compare(const struct bytes *a, const struct bytes *b, const char *what,
    const char *of, struct err *err)
{
	uint64_t at = 0;

	if (a->size != b->size)
		return err_set(err, ERR_DIFFERENT, "%s of %s: %" PRIu64
		    " bytes and %" PRIu64, what, of, a->size, b->size);
	if (memcmp(a->data, b->data, a->size) == 0)
		return 0;
	while (a->data[at] == b->data[at])
		at++;
	return err_set(err, ERR_DIFFERENT, "%s of %s: byte %" PRIu64 " of %"
	    PRIu64 " is %02x and %02x", what, of, at, a->size, a->data[at],
	    b->data[at]);
}

int
compare_files(const char *a_path, const char *b_path, struct err *err)
{
	struct bytes a = { NULL, 0 }, b = { NULL, 0 };
	int rc;

	rc = load(a_path, 0, &a, err);
	if (rc == 0)
		rc = load(b_path, 0, &b, err);
	if (rc == 0)
		rc = compare(&a, &b, b_path, a_path, err);
	free(a.data);
	free(b.data);
	return rc;
}

/* Lays events over the bytes of the base. */
struct overlay {
	struct bytes result;
	struct bytes base;
	const struct bytes *wanted;	/* of candidates, to copy from */
};

static int
lay(void *cookie, const struct delta_event *event, struct err *err)
{
	struct overlay *overlay = cookie;
	uint8_t *at = overlay->result.data + event->offset;

	if (event->offset > overlay->result.size ||
	    event->length > overlay->result.size - event->offset)
		return err_set(err, ERR_DIFFERENT, "a delta of %" PRIu64
		    " bytes at %" PRIu64 " leaves the file", event->length,
		    event->offset);
	switch (event->kind) {
	case DELTA_DATA:
		memcpy(at, event->data, event->length);
		break;
	case DELTA_CANDIDATE:
		memcpy(at, overlay->wanted->data + event->offset,
		    event->length);
		break;
	case DELTA_MOVED:
		if (event->source > overlay->base.size ||
		    event->length > overlay->base.size - event->source)
			return err_set(err, ERR_DIFFERENT, "%" PRIu64
			    " bytes moved from %" PRIu64 ", beyond the base",
			    event->length, event->source);
		memcpy(at, overlay->base.data + event->source, event->length);
		break;
	case DELTA_ZERO:
	case DELTA_HOLE:
		memset(at, 0, event->length);
		break;
	}
	return 0;
}

/* One way to ask for the delta. */
static int
check_delta(const struct snapshot *base, const struct snapshot *snapshot,
    const struct bytes *wanted, const struct delta_options *options,
    struct err *err)
{
	struct overlay overlay = { .wanted = wanted };
	struct delta_stats stats;
	int rc;

	rc = load(base->path, wanted->size, &overlay.result, err);
	if (rc == 0)
		rc = load(base->path, 0, &overlay.base, err);
	if (rc == 0) {
		/* What lies past the end of the base counts as hole. */
		overlay.result.size = wanted->size;
		rc = delta_run(base, snapshot, options, lay, &overlay,
		    &stats, err);
	}
	if (rc == 0)
		rc = compare(wanted, &overlay.result, options->map_only ?
		    "unchanged by the maps" : "delta", snapshot->path, err);
	free(overlay.result.data);
	free(overlay.base.data);
	return rc;
}

int
compare_delta(const char *base_path, const char *path, struct err *err)
{
	static const struct delta_options ways[] = {
		{ .map_only = true }, { .exact = true }, { .moved = true },
	};
	struct snapshot base = SNAPSHOT_INIT, snapshot = SNAPSHOT_INIT;
	struct bytes wanted = { NULL, 0 };
	int rc;

	rc = snapshot_open(AT_FDCWD, base_path, base_path, NULL, &base, err);
	if (rc == 0)
		rc = snapshot_open(AT_FDCWD, path, path, NULL, &snapshot, err);
	if (rc == 0)
		rc = load(path, 0, &wanted, err);
	for (size_t i = 0; rc == 0 && i < sizeof(ways) / sizeof(*ways); i++)
		rc = check_delta(&base, &snapshot, &wanted, &ways[i], err);
	snapshot_close(&base);
	snapshot_close(&snapshot);
	free(wanted.data);
	return rc;
}
