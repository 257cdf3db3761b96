/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * modes.c - what refsync can be asked to do, and what it prints of it.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/json.h"
#include "common/text.h"
#include "sync/fetch.h"
#include "sync/held.h"
#include "sync/mode_verify.h"
#include "sync/modes.h"
#include "sync/outcome.h"

static int
push_one(struct tool *tool, const struct options *options, struct json *json,
    const char *source, const char *where, const struct location *there)
{
	struct job_result result;
	const struct send_result *sent;
	struct err err = ERR_INIT;
	int code;

	job_run(source, there, &options->job, &result, &err);
	sent = &result.push.sent;
	code = outcome_report(tool, options, json, where, &(struct outcome){
		.source = source, .snapshot = result.snapshot,
		.taken = result.taken, .present = result.push.present,
		.full = result.push.full, .base = result.push.base,
		.snapshots = sent->snapshots, .data = sent->data,
		.moved = sent->moved, .wire = sent->wire,
		.changed = sent->data + sent->zeros + sent->holes + sent->moved,
		.ranges = sent->ranges, .estimated = sent->estimated,
		.resumed = result.push.resumed, .deleted = result.deleted,
		.deleted_remote = result.deleted_remote,
	}, &err);
	job_result_free(&result);
	return code;
}

/* Is there an option that only a push has? */
static bool
is_for_push(const struct options *options)
{
	const struct job_options *job = &options->job;

	return job->hooks.pre != NULL || job->hooks.post != NULL ||
	    job->keep != NULL || job->keep_remote != NULL;
}

/* What the options of a push say of a pull. */
static struct fetch_options
fetch_options(const struct options *options)
{
	const struct push_options *push = &options->job.push;

	return (struct fetch_options){
		.transport = options->job.transport,
		.pull = {
			.no_full = push->no_full,
			.newest_only = push->newest_only,
			.live = push->live, .as = push->as,
			.level = push->send.level,
			.rate = push->send.rate, .notify = push->notify,
		},
		.retry = options->job.retry,
		.force = options->force, .notify = push->notify,
	};
}

static int
pull_one(struct tool *tool, const struct options *options, struct json *json,
    const char *source, const char *where, const struct location *from)
{
	struct fetch_options fetch = fetch_options(options);
	struct fetch_result result = { .snapshot = NULL };
	struct err err = ERR_INIT;
	int code;

	fetch.pull.create = true;
	if (options->job.push.dry_run || is_for_push(options))
		err_set(&err, ERR_USAGE, "%s: -n, --pre, --post, --keep and "
		    "--keep-remote are for what is sent from here", source);
	else
		fetch_pull(from, where, &fetch, &result, &err);
	code = outcome_report(tool, options, json, where, &(struct outcome){
		.source = source, .snapshot = result.snapshot,
		.taken = true, .present = result.pull.present,
		.full = result.pull.full, .base = result.pull.base,
		.snapshots = result.pull.snapshots, .wire = result.pull.wire,
		.resumed = result.pull.resumed,
	}, &err);
	fetch_result_free(&result);
	return code;
}

static void
tell_source(struct tool *tool, const char *source, const char *where)
{
	const struct notify_field fields[] = {
		notify_text("source", source), notify_text("to", where),
	};

	notify_event(&tool->notify, "source", fields, 2);
}

static void
tell_done(struct tool *tool, const char *source, int code)
{
	const struct notify_field fields[] = {
		notify_text("source", source),
		notify_number("code", (uint64_t)code),
	};

	notify_event(&tool->notify, "done", fields, 2);
}

/* One source, from here to there or from there to here. */
static int
bring_one(struct tool *tool, const struct options *options, struct json *json,
    const char *source, const char *where, const struct location *there)
{
	struct location from = LOCATION_INIT;
	struct err err = ERR_INIT;
	int code;

	tell_source(tool, source, where);
	if (location_parse(source, &from, &err) == 0 && from.host != NULL &&
	    there->host != NULL)
		err_set(&err, ERR_USAGE, "%s and %s: one of the two is on this "
		    "machine", source, where);
	if (err.code != ERR_NONE)
		code = outcome_report(tool, options, json, where,
		    &(struct outcome){ .source = source }, &err);
	else if (from.host != NULL)
		code = pull_one(tool, options, json, source, there->path,
		    &from);
	else
		code = push_one(tool, options, json, source, where, there);
	tell_done(tool, source, code);
	location_free(&from);
	return code;
}

/* SRC... and where to: one source after the other. */
static int
do_bring(struct tool *tool, const struct options *options, char *const *args,
    size_t count)
{
	struct location there = LOCATION_INIT;
	struct json json = { .out = stdout };
	struct err err = ERR_INIT;
	int code = 0;

	if (location_parse(args[count - 1], &there, &err) != 0)
		return tool_finish(tool, &err);
	if (options->json) {
		json_object(&json, NULL);
		json_array(&json, "sources");
	}
	for (size_t i = 0; i + 1 < count; i++) {
		const int failed = bring_one(tool, options, &json, args[i],
		    args[count - 1], &there);

		code = code != 0 ? code : failed;
	}
	if (options->json) {
		json_array_end(&json);
		json_bool(&json, "dry_run", options->job.push.dry_run);
		json_seconds(&json, "seconds", tool_seconds(tool));
		json_object_end(&json);
		fputc('\n', stdout);
	}
	location_free(&there);
	return code;
}

static void
report_restore(struct tool *tool, const struct options *options,
    const struct fetch_result *result)
{
	struct json json = { .out = stdout };
	char id[UUID_TEXT_SIZE];
	const struct notify_field fields[] = {
		notify_text("target", result->target),
		notify_text("snapshot", result->snapshot),
		notify_text("saved", result->saved),
	};

	notify_event(&tool->notify, "restored", fields, 3);
	uuid_format(&result->pull.id, id);
	if (options->json) {
		json_object(&json, NULL);
		json_string(&json, "target", result->target);
		json_string(&json, "snapshot", result->snapshot);
		json_string(&json, "id", id);
		if (result->saved != NULL)
			json_string(&json, "saved", result->saved);
		json_bool(&json, "full", result->pull.full);
		json_number(&json, "stream_bytes", result->pull.wire);
		json_seconds(&json, "seconds", tool_seconds(tool));
		json_object_end(&json);
		fputc('\n', stdout);
		return;
	}
	if (result->saved != NULL) {
		fputs("saved what was there as ", stdout);
		tool_print_name(result->saved);
		fputc('\n', stdout);
	}
	fputs("restored ", stdout);
	tool_print_name(result->target);
	fputs(" from ", stdout);
	tool_print_name(result->snapshot);
	printf(" (snapshot %s)\n", id);
}

static int
do_restore(struct tool *tool, const struct options *options,
    char *const *args)
{
	struct fetch_options fetch = fetch_options(options);
	struct fetch_result result = { .snapshot = NULL };
	struct location from = LOCATION_INIT;
	char *path = NULL, *name = NULL;
	struct err err = ERR_INIT;
	int rc;

	rc = location_parse(args[0], &from, &err);
	if (rc == 0)
		rc = location_split_snapshot(from.path, &path, &name, &err);
	if (rc == 0) {
		const struct location file = { from.user, from.host, path };

		fetch.pull.name = name;
		rc = fetch_restore(&file, args[1], &fetch, &result, &err);
	}
	if (rc == 0)
		report_restore(tool, options, &result);
	fetch_result_free(&result);
	free(path);
	free(name);
	location_free(&from);
	return tool_finish(tool, &err);
}

static void
print_held(const struct held *held)
{
	for (size_t i = 0; i < held->count; i++) {
		const struct dialogue_held *item = &held->items[i];
		char created[TEXT_TIME_SIZE], size[TEXT_SIZE_SIZE];

		printf("%s  %10s  %s%s", text_time(item->created.tv_sec, created),
		    text_size(item->size, size),
		    item->valid ? "" : "BROKEN  ", item->held ? "held  " : "");
		if (item->origin[0] != '\0') {
			tool_print_name(item->origin);
			fputc('@', stdout);
		}
		tool_print_name(item->name);
		fputc('\n', stdout);
	}
}

static void
print_held_json(const struct held *held)
{
	struct json json = { .out = stdout };
	char id[UUID_TEXT_SIZE], created[TEXT_TIME_SIZE];

	json_object(&json, NULL);
	json_array(&json, "snapshots");
	for (size_t i = 0; i < held->count; i++) {
		const struct dialogue_held *item = &held->items[i];

		json_object(&json, NULL);
		json_string(&json, "id", uuid_format(&item->id, id));
		json_string(&json, "lineage", uuid_format(&item->lineage, id));
		json_string(&json, "origin", item->origin);
		json_string(&json, "name", item->name);
		json_string(&json, "created", text_time(item->created.tv_sec,
		    created));
		json_number(&json, "size", item->size);
		json_bool(&json, "valid", item->valid);
		json_bool(&json, "held", item->held);
		json_object_end(&json);
	}
	json_array_end(&json);
	json_object_end(&json);
	fputc('\n', stdout);
}

static int
do_list(struct tool *tool, const struct options *options, char *const *args)
{
	const struct uuid all = { { 0 } };
	struct location there = LOCATION_INIT;
	struct held held = { NULL, 0 };
	struct peer peer = PEER_INIT;
	struct err err = ERR_INIT;
	int rc;

	rc = location_parse(args[0], &there, &err);
	if (rc == 0)
		rc = peer_open(&there, "refrecv", false,
		    &options->job.transport, &peer, &err);
	if (rc == 0)
		rc = held_fetch(&peer, &all, &held, &err);
	rc = peer_close(&peer, rc, &err);
	if (rc == 0 && options->json)
		print_held_json(&held);
	else if (rc == 0)
		print_held(&held);
	held_free(&held);
	location_free(&there);
	return tool_finish(tool, &err);
}

/* Options that are for another mode. Returns -1 after a message. */
static int
check_options(struct tool *tool, const struct options *options)
{
	const struct push_options *push = &options->job.push;
	const char *wrong = NULL;

	if (options->restore + options->list + options->verify > 1)
		wrong = "one of --restore, --list and --verify";
	else if (options->force && !options->restore)
		wrong = "--force goes with --restore";
	else if (options->repair && !options->verify)
		wrong = "--repair goes with --verify";
	else if ((options->restore || options->list || options->verify) &&
	    (is_for_push(options) || push->live ||
	    push->as != NULL || push->newest_only || push->dry_run))
		wrong = "--pre, --post, --keep, --keep-remote, --live, --as, "
		    "--newest-only and -n do not go with --restore, --list "
		    "and --verify";
	if (wrong == NULL)
		return 0;
	tool_usage(tool, "%s", wrong);
	return -1;
}

int
run_mode(struct tool *tool, const struct options *options, char *const *args,
    size_t count)
{
	if (check_options(tool, options) != 0)
		return ERR_USAGE;
	if (options->list)
		return count == 1 ? do_list(tool, options, args) :
		    tool_usage(tool, "--list takes one directory");
	if (options->verify)
		return count == 2 ? mode_verify(tool, options, args) :
		    tool_usage(tool, "--verify takes a file, and where its "
		    "replica is");
	if (options->restore)
		return count == 2 ? do_restore(tool, options, args) :
		    tool_usage(tool, "--restore takes what to restore, and "
		    "where to");
	return count >= 2 ? do_bring(tool, options, args, count) :
	    tool_usage(tool, "name a file and where to bring it");
}
