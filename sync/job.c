/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * job.c - all that one run does for one source.
 */
#include "config.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snapshot/probe.h"
#include "snapshot/prune.h"
#include "snapshot/seal.h"
#include "snapshot/store.h"
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

static void
tell_snapshot(const struct job_options *options,
    const struct create_result *created)
{
	char id[UUID_TEXT_SIZE];
	const struct notify_field fields[] = {
		notify_text("snapshot", created->path),
		notify_text("id", uuid_format(&created->seal.id, id)),
	};

	notify_event(options->notify, "snapshot", fields, 2);
}

static void
tell_hook(const struct job_options *options, const char *which, int rc)
{
	const struct notify_field fields[] = {
		notify_text("hook", which), notify_flag("ok", rc == 0),
	};

	notify_event(options->notify, "hook", fields, 2);
}

static int
create(const char *source, const struct job_options *options,
    struct job_result *result, struct err *err)
{
	struct create_result created;
	const int rc = create_snapshot(source, &options->create, &created, err);

	if (created.taken) {
		tell_snapshot(options, &created);
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
	if (hooks->pre != NULL) {
		rc = hook_run("pre", hooks->pre, hooks->timeout, &facts, err);
		tell_hook(options, "pre", rc);
	}
	if (rc == 0)
		rc = create(source, options, result, err);
	facts.snapshot = result->snapshot;
	facts.code = -rc;
	if (hooks->post != NULL)
		tell_hook(options, "post", hook_run("post", hooks->post,
		    hooks->timeout, &facts, &result->post));
	hook_end();
	return rc;
}

/* The snapshot that is to be sent; in a dry run maybe what it would be. */
static int
have_snapshot(const char *source, const struct job_options *options,
    struct snapshot *probe, struct job_result *result, struct err *err)
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
		return probe_open(source, probe, err);
	return take_snapshot(source, options, result, err);
}

/*
 * The tag belongs to the directory that the snapshot lies in, or would.  Where
 * that is still to be made nothing can be held: then it is empty.
 */
static int
tag_of(const char *source, const struct job_result *result,
    const struct location *there, char *tag, struct err *err)
{
	const bool taken = result->snapshot != NULL;
	char *path = strdup(taken ? result->snapshot : source);
	char *directory = NULL;
	int rc = 0;

	*tag = '\0';
	if (path == NULL || asprintf(&directory, "%s%s", dirname(path), taken ?
	    "" : "/" STORE_SNAPSHOTS) < 0)
		rc = err_sys(err, ERR_FAILED, "%s", source);
	else if (taken || access(directory, F_OK) == 0)
		rc = tag_make(there, directory, tag, err);
	free(directory);
	free(path);
	return rc;
}

/* What one source needs beside its options. */
struct job {
	const char *source;
	const struct location *there;
	const struct job_options *options;
	struct snapshot probe;	/* in a dry run: what would be taken */
	char tag[HOLD_TAG_MAX + 1];
	/* In a dry run: what will be there, and here, after it. */
	struct prune_ahead there_ahead, here_ahead;
	int64_t now;		/* when the snapshot would have been taken */
};

/* What a dry run comes to, for retention. */
static void
look_ahead(struct job *job, const struct push_result *pushed)
{
	job->there_ahead = (struct prune_ahead){
		.lineage = pushed->lineage, .times = pushed->times,
		.count = pushed->time_count,
		.tag = pushed->holds && *job->tag != '\0' ? job->tag : NULL,
	};
	job->here_ahead = job->there_ahead;
	job->here_ahead.times = &job->now;
	job->here_ahead.count = job->now != 0 ? 1 : 0;
}

static void
tell_deleted(const struct job_options *options, const struct thinned *deleted,
    bool there)
{
	for (size_t i = 0; i < deleted->count; i++) {
		const struct notify_field fields[] = {
			notify_text("file", deleted->names[i]),
			notify_text("where", there ? "there" : "here"),
			notify_flag("dry_run", options->push.dry_run),
		};

		notify_event(options->notify, "deleted", fields, 3);
	}
}

/* Bring it, and thin out what is there. */
static int
bring_once(struct job *job, const struct push_options *push_options,
    struct job_result *result, struct attempt *attempt, struct err *err)
{
	const struct job_options *options = job->options;
	const bool dry = push_options->dry_run;
	const struct push_result *pushed = &result->push;
	struct peer peer = PEER_INIT;
	int rc;

	free(result->push.times);
	memset(&result->push, 0, sizeof(result->push));
	thinned_free(&result->deleted_remote);
	rc = peer_open(job->there, "refrecv", !dry, &options->transport, &peer,
	    err);
	if (rc == 0)
		rc = push(&peer, result->snapshot != NULL ? result->snapshot :
		    job->source, push_options, &result->push, err);
	look_ahead(job, pushed);
	if (rc == 0 && options->keep_remote != NULL)
		rc = thin_there(&peer, pushed->origin, options->keep_remote,
		    &pushed->id, dry ? &job->there_ahead : NULL,
		    &result->deleted_remote, err);
	tell_deleted(options, &result->deleted_remote, true);
	rc = peer_close(&peer, rc, err);
	*attempt = (struct attempt){
		.connected = peer.answered, .lost = peer.lost,
		.durable = pushed->durable,
	};
	return rc;
}

static int
bring(struct job *job, struct job_result *result, struct err *err)
{
	const struct job_options *options = job->options;
	const bool dry = options->push.dry_run;
	struct push_options push_options = options->push;
	/* A dry run has what it would send for one try only. */
	struct retry retry = { .limit = dry ? 0 : options->retry };
	struct attempt attempt;
	int rc = tag_of(job->source, result, job->there, job->tag, err);

	if (rc != 0)
		return rc;
	push_options.tag = job->tag;
	push_options.send.sample = dry;
	push_options.probe = job->probe.fd >= 0 ? &job->probe : NULL;
	do
		rc = bring_once(job, &push_options, result, &attempt, err);
	while (retry_again(&retry, &attempt, rc, options->notify, err));
	return -(int)err->code;
}

int
job_run(const char *source, const struct location *there,
    const struct job_options *options, struct job_result *result,
    struct err *err)
{
	struct job job = {
		.source = source, .there = there, .options = options,
		.probe = SNAPSHOT_INIT,
	};
	struct err thinned = ERR_INIT;
	int rc;

	memset(result, 0, sizeof(*result));
	rc = have_snapshot(source, options, &job.probe, result, err);
	if (rc != 0 || (result->snapshot == NULL && job.probe.fd < 0))
		return rc;
	if (job.probe.fd >= 0) {
		job.now = job.probe.seal.created.tv_sec;
		result->push.lineage = job.probe.seal.lineage;
	}
	rc = bring(&job, result, err);
	if (options->keep != NULL)
		thin_here(source, options->keep, &result->push.id,
		    options->push.dry_run ? &job.here_ahead : NULL,
		    options->notify, &result->deleted, &thinned);
	tell_deleted(options, &result->deleted, false);
	snapshot_close(&job.probe);
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
	free(result->push.times);
	thinned_free(&result->deleted);
	thinned_free(&result->deleted_remote);
	memset(result, 0, sizeof(*result));
}
