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
#include "sync/retry.h"
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

static int
create(const char *source, const struct create_options *options,
    struct job_result *result, struct err *err)
{
	struct create_result created;
	const int rc = create_snapshot(source, options, &created, err);

	if (created.taken) {
		result->snapshot = created.path;
		result->taken = true;
	} else {
		free(created.path);
	}
	return rc;
}

/* The hook before it, the snapshot, the hook after it. */
static int
take_snapshot(const char *source, const struct job_options *options,
    struct job_result *result, struct err *err)
{
	const struct hooks *hooks = &options->hooks;
	struct hook_facts facts = { .source = source };
	int rc = 0;

	hook_begin();
	if (hooks->pre != NULL)
		rc = hook_run("pre", hooks->pre, hooks->timeout, &facts, err);
	if (rc == 0)
		rc = create(source, &options->create, result, err);
	facts.snapshot = result->snapshot;
	facts.code = -rc;
	if (hooks->post != NULL)
		hook_run("post", hooks->post, hooks->timeout, &facts,
		    &result->post);
	hook_end();
	return rc;
}

/* The snapshot that is to be sent. */
static int
have_snapshot(const char *source, const struct job_options *options,
    struct job_result *result, struct err *err)
{
	bool snapshot;
	int rc = is_snapshot(source, &snapshot, err);

	if (rc != 0)
		return rc;
	if (snapshot && options->keep != NULL)
		return err_set(err, ERR_USAGE, "%s is a snapshot: --keep is "
		    "for those of a file", source);
	if (snapshot) {
		result->snapshot = strdup(source);
		return result->snapshot != NULL ? 0 :
		    err_sys(err, ERR_FAILED, "%s", source);
	}
	if (options->push.dry_run)
		return err_set(err, ERR_USAGE, "%s: -n takes no snapshot: name "
		    "one that is there", source);
	return take_snapshot(source, options, result, err);
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

/* Bring it, and thin out what is there. */
static int
bring_once(const struct location *there, const struct job_options *options,
    const struct push_options *push_options, struct job_result *result,
    struct attempt *attempt, struct err *err)
{
	const struct push_result *pushed = &result->push;
	struct peer peer = PEER_INIT;
	int rc;

	memset(&result->push, 0, sizeof(result->push));
	thinned_free(&result->deleted_remote);
	rc = peer_open(there, "refrecv", !push_options->dry_run,
	    &options->transport, &peer, err);
	if (rc == 0)
		rc = push(&peer, result->snapshot, push_options,
		    &result->push, err);
	if (rc == 0 && options->keep_remote != NULL)
		rc = thin_there(&peer, pushed->origin, options->keep_remote,
		    &pushed->id, push_options->dry_run,
		    &result->deleted_remote, err);
	rc = peer_close(&peer, rc, err);
	*attempt = (struct attempt){
		.connected = peer.answered, .lost = peer.lost,
		.durable = pushed->durable,
	};
	return rc;
}

static int
bring(const struct location *there, const struct job_options *options,
    struct job_result *result, struct err *err)
{
	struct push_options push_options = options->push;
	struct retry retry = { .limit = options->retry };
	char tag[HOLD_TAG_MAX + 1];
	struct attempt attempt;
	int rc = tag_of(result->snapshot, there, tag, err);

	if (rc != 0)
		return rc;
	push_options.tag = tag;
	do
		rc = bring_once(there, options, &push_options, result,
		    &attempt, err);
	while (retry_again(&retry, &attempt, rc, options->notify, err));
	return -(int)err->code;
}

int
job_run(const char *source, const struct location *there,
    const struct job_options *options, struct job_result *result,
    struct err *err)
{
	struct err thinned = ERR_INIT;
	int rc;

	memset(result, 0, sizeof(*result));
	rc = have_snapshot(source, options, result, err);
	if (result->snapshot == NULL || rc != 0)
		return rc;
	rc = bring(there, options, result, err);
	if (options->keep != NULL)
		thin_here(source, options->keep, &result->push.id,
		    options->push.dry_run, options->notify, &result->deleted,
		    &thinned);
	if (rc == 0 && thinned.code != ERR_NONE)
		*err = thinned;
	else if (rc == 0 && result->post.code != ERR_NONE)
		*err = result->post;
	return -(int)err->code;
}

void
job_result_free(struct job_result *result)
{
	free(result->snapshot);
	thinned_free(&result->deleted);
	thinned_free(&result->deleted_remote);
	memset(result, 0, sizeof(*result));
}
