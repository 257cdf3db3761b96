/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * outcome.c - tell what became of one source.
 */
#include "config.h"

#include <inttypes.h>

#include "common/text.h"
#include "sync/outcome.h"

static void
report_dry(struct tool *tool, const char *where, const struct outcome *outcome)
{
	const bool taken = outcome->snapshot != NULL;
	char changed[TEXT_SIZE_SIZE], wire[TEXT_SIZE_SIZE];

	notify_line(&tool->notify, NOTIFY_VERBOSE, "would bring %s%s to %s%s: "
	    "%" PRIu64 " snapshot%s, %s%s in %" PRIu64 " range%s, in a stream "
	    "of %s%s", taken ? "" : "a snapshot of ",
	    taken ? outcome->snapshot : outcome->source, where,
	    outcome->full ? ", whole" : "", outcome->snapshots,
	    outcome->snapshots == 1 ? "" : "s",
	    text_size(outcome->changed, changed),
	    outcome->full ? "" : " changed", outcome->ranges,
	    outcome->ranges == 1 ? "" : "s", outcome->estimated ? "about " :
	    "", text_size(outcome->wire, wire));
}

static void
report_line(struct tool *tool, const struct options *options,
    const char *where, const struct outcome *outcome)
{
	char wire[TEXT_SIZE_SIZE];

	if (options->job.push.dry_run && !outcome->present)
		report_dry(tool, where, outcome);
	else if (outcome->present)
		notify_line(&tool->notify, NOTIFY_VERBOSE, "%s is there "
		    "already", outcome->snapshot);
	else
		notify_line(&tool->notify, NOTIFY_VERBOSE, "brought %s to %s%s: "
		    "%" PRIu64 " snapshot%s in a stream of %s",
		    outcome->snapshot, where, outcome->full ? ", whole" : "",
		    outcome->snapshots, outcome->snapshots == 1 ? "" : "s",
		    text_size(outcome->wire, wire));
}

static void
report_deleted(struct tool *tool, const struct options *options,
    const struct thinned *deleted, const char *where)
{
	const char *word = options->job.push.dry_run ? "would delete" :
	    "deleted";

	for (size_t i = 0; i < deleted->count; i++)
		notify_line(&tool->notify, NOTIFY_VERBOSE, "%s %s%s%s", word,
		    where, *where != '\0' ? ": " : "", deleted->names[i]);
}

static void
json_deleted(struct json *json, const char *name,
    const struct thinned *deleted)
{
	json_array(json, name);
	for (size_t i = 0; i < deleted->count; i++)
		json_string(json, NULL, deleted->names[i]);
	json_array_end(json);
}

static void
report_json(struct json *json, const struct options *options,
    const struct outcome *outcome, const struct err *err)
{
	char id[UUID_TEXT_SIZE];

	json_object(json, NULL);
	json_string(json, "source", outcome->source);
	if (outcome->snapshot != NULL)
		json_string(json, "snapshot", outcome->snapshot);
	json_bool(json, "taken", outcome->taken);
	json_number(json, "code", (uint64_t)err->code);
	if (err->code != ERR_NONE)
		json_string(json, "error", err->text);
	json_bool(json, "present", outcome->present);
	json_bool(json, "full", outcome->full);
	if (!uuid_is_nil(&outcome->base))
		json_string(json, "base", uuid_format(&outcome->base, id));
	json_number(json, "snapshots", outcome->snapshots);
	json_number(json, "data_bytes", outcome->data);
	json_number(json, "moved_bytes", outcome->moved);
	json_number(json, "stream_bytes", outcome->wire);
	json_number(json, "resumed_at", outcome->resumed);
	if (options->job.push.dry_run) {
		json_number(json, "changed_bytes", outcome->changed);
		json_number(json, "ranges", outcome->ranges);
		json_bool(json, "estimated", outcome->estimated);
	}
	json_deleted(json, "deleted", &outcome->deleted);
	json_deleted(json, "deleted_remote", &outcome->deleted_remote);
	json_object_end(json);
}

int
outcome_report(struct tool *tool, const struct options *options, struct json *json,
    const char *where, const struct outcome *outcome, const struct err *err)
{
	int code = 0;

	if (err->code != ERR_NONE)
		code = tool_finish(tool, err);
	else if (!options->json)
		report_line(tool, options, where, outcome);
	if (options->json) {
		report_json(json, options, outcome, err);
	} else {
		report_deleted(tool, options, &outcome->deleted, "");
		report_deleted(tool, options, &outcome->deleted_remote,
		    where);
	}
	return code;
}
