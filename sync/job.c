/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * job.c - all that one run does for one source.
 */
#include "config.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snapshot/seal.h"
#include "sync/job.h"
#include "sync/tag.h"

/* Is it a snapshot, or a live file of which one is to be taken? */
static int
is_snapshot(const char *path, bool *snapshot, struct err *err)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct seal seal;
	int rc;

	if (fd < 0)
		return err_sys(err, ERR_FAILED, "%s", path);
	rc = seal_read(fd, path, &seal, err);
	close(fd);
	*snapshot = rc == 0 && !seal_is_plain(&seal);
	return rc < 0 ? rc : 0;
}

/* The snapshot that is to be sent. */
static int
have_snapshot(const char *source, const struct job_options *options,
    struct job_result *result, struct err *err)
{
	struct create_result created;
	bool snapshot;
	int rc = is_snapshot(source, &snapshot, err);

	if (rc != 0)
		return rc;
	if (snapshot) {
		result->snapshot = strdup(source);
		return result->snapshot != NULL ? 0 :
		    err_sys(err, ERR_FAILED, "%s", source);
	}
	if (options->push.dry_run)
		return err_set(err, ERR_USAGE, "%s: -n takes no snapshot: name "
		    "one that is there", source);
	rc = create_snapshot(source, &options->create, &created, err);
	if (!created.taken) {
		free(created.path);
		return rc;
	}
	result->snapshot = created.path;
	result->taken = true;
	return rc;
}

/* The tag belongs to the directory that the snapshot lies in. */
static int
tag_of(const char *snapshot, const struct location *there, char *tag,
    struct err *err)
{
	char *path = strdup(snapshot);
	int rc;

	if (path == NULL)
		return err_sys(err, ERR_FAILED, "%s", snapshot);
	rc = tag_make(there, dirname(path), tag, err);
	free(path);
	return rc;
}

int
job_run(const char *source, const struct location *there,
    const struct job_options *options, struct job_result *result,
    struct err *err)
{
	struct push_options push_options = options->push;
	char tag[HOLD_TAG_MAX + 1];
	struct peer peer = PEER_INIT;
	int rc;

	memset(result, 0, sizeof(*result));
	rc = have_snapshot(source, options, result, err);
	if (rc == 0)
		rc = tag_of(result->snapshot, there, tag, err);
	if (rc != 0)
		return rc;
	push_options.tag = tag;
	rc = peer_open(there, "refrecv", !push_options.dry_run,
	    &options->transport, &peer, err);
	if (rc == 0)
		rc = push(&peer, result->snapshot, &push_options,
		    &result->push, err);
	return peer_close(&peer, rc, err);
}

void
job_result_free(struct job_result *result)
{
	free(result->snapshot);
	memset(result, 0, sizeof(*result));
}
