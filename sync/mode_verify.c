/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mode_verify.c - refsync --verify, and --repair.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/json.h"
#include "common/text.h"
#include "sync/mode_verify.h"
#include "sync/repair.h"

/* Where a verification prints what differs. */
struct differences {
	bool json;
	struct json out;
	struct ranges ranges;	/* to be repaired */
	bool lost;		/* there was no memory for one */
	bool repaired;
};

static void
on_difference(void *cookie, uint64_t offset, uint64_t length)
{
	struct differences *differences = cookie;

	if (ranges_add(&differences->ranges, offset, length) != 0)
		differences->lost = true;
	if (!differences->json) {
		printf("%" PRIu64 " %" PRIu64 "\n", offset, length);
		return;
	}
	json_object(&differences->out, NULL);
	json_number(&differences->out, "offset", offset);
	json_number(&differences->out, "length", length);
	json_object_end(&differences->out);
}

static void
tell_verified(struct tool *tool, const struct differences *differences,
    const struct verify_result *result)
{
	const struct notify_field fields[] = {
		notify_text("snapshot", result->snapshot),
		notify_number("bytes", result->bytes),
		notify_number("differing_bytes", result->differing),
		notify_flag("repaired", differences->repaired),
	};

	notify_event(&tool->notify, "verified", fields, 4);
}

static void
report(struct tool *tool, struct differences *differences,
    const struct verify_result *result, struct err *err)
{
	struct json *json = &differences->out;
	char size[TEXT_SIZE_SIZE];

	if (differences->json) {
		json_array_end(json);
		if (result->snapshot != NULL)
			json_string(json, "snapshot", result->snapshot);
		json_number(json, "bytes", result->bytes);
		json_number(json, "differing_bytes", result->differing);
		json_bool(json, "repaired", differences->repaired);
		json_seconds(json, "seconds", tool_seconds(tool));
		json_object_end(json);
		fputc('\n', stdout);
	}
	if (err->code != ERR_NONE)
		return;
	tell_verified(tool, differences, result);
	text_size(result->differing > 0 ? result->differing : result->bytes,
	    size);
	if (differences->repaired)
		notify_line(&tool->notify, NOTIFY_VERBOSE, "%s: the replica "
		    "differed in %s and was repaired", result->snapshot, size);
	else if (result->differing > 0)
		err_set(err, ERR_DIFFERENT, "%s: the replica differs in %s",
		    result->snapshot, size);
	else
		notify_line(&tool->notify, NOTIFY_VERBOSE, "%s: the replica "
		    "holds the same %s", result->snapshot, size);
}

/* Hash both sides, and make the one like the other if that is asked for. */
static int
run(struct tool *tool, const struct options *options, const char *source,
    const struct location *there, struct differences *differences,
    struct verify_result *result, struct err *err)
{
	struct peer peer = PEER_INIT;
	int rc;

	rc = peer_open(there, "refrecv", false, &options->job.transport, &peer,
	    err);
	if (rc == 0)
		rc = verify(&peer, source, &tool->notify, on_difference,
		    differences, result, err);
	if (rc == 0 && options->repair && result->differing > 0) {
		rc = differences->lost ? err_set(err, ERR_FAILED,
		    "%s: no memory for all that differs", source) :
		    repair(&peer, result, &differences->ranges,
		    options->job.push.send.rate, &tool->notify, err);
		differences->repaired = rc == 0;
	}
	return peer_close(&peer, rc, err);
}

int
mode_verify(struct tool *tool, const struct options *options,
    char *const *args)
{
	struct differences differences = {
		.json = options->json, .out = { .out = stdout },
	};
	struct location there = LOCATION_INIT;
	struct verify_result result = { .snapshot = NULL };
	struct err err = ERR_INIT;

	if (options->json) {
		json_object(&differences.out, NULL);
		json_array(&differences.out, "differences");
	}
	if (location_parse(args[1], &there, &err) == 0)
		run(tool, options, args[0], &there, &differences, &result,
		    &err);
	report(tool, &differences, &result, &err);
	free(result.snapshot);
	ranges_free(&differences.ranges);
	location_free(&there);
	return tool_finish(tool, &err);
}
