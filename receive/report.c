/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.c - tell what was received, and what was kept.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "receive/report.h"

void
report_lines(const struct receive_options *options,
    const struct receive_result *result)
{
	for (size_t i = 0; i < result->count; i++) {
		const struct received *received = &result->snapshots[i];
		char data[TEXT_SIZE_SIZE];

		if (received->present)
			notify_line(options->notify, NOTIFY_VERBOSE, "%s is "
			    "there already", received->path);
		else
			notify_line(options->notify, NOTIFY_VERBOSE, "%s %s%s: "
			    "%s of data, %" PRIu64 " bytes of zeros, %" PRIu64
			    " of holes, %" PRIu64 " moved",
			    options->dry_run ?
			    "would receive" : "received", received->path,
			    received->based ? " onto its base" : " whole",
			    text_size(received->data, data), received->zeros,
			    received->holes, received->moved);
		if (received->resumed > 0)
			notify_line(options->notify, NOTIFY_VERBOSE, "%s was "
			    "gone on with at byte %" PRIu64, received->path,
			    received->resumed);
	}
	if (result->live != NULL)
		notify_line(options->notify, NOTIFY_VERBOSE, "live file: %s",
		    result->live);
}

void
report_json(const struct receive_options *options,
    const struct receive_result *result, double seconds)
{
	struct json json = { .out = stdout };
	char id[UUID_TEXT_SIZE];

	json_object(&json, NULL);
	json_array(&json, "snapshots");
	for (size_t i = 0; i < result->count; i++) {
		const struct received *received = &result->snapshots[i];

		json_object(&json, NULL);
		json_string(&json, "path", received->path);
		json_string(&json, "id", uuid_format(&received->id, id));
		json_bool(&json, "present", received->present);
		json_bool(&json, "incremental", received->based);
		json_bool(&json, "base_reflinked", received->cloned);
		json_number(&json, "data_bytes", received->data);
		json_number(&json, "zero_bytes", received->zeros);
		json_number(&json, "hole_bytes", received->holes);
		json_number(&json, "moved_bytes", received->moved);
		json_number(&json, "resumed_at", received->resumed);
		json_object_end(&json);
	}
	json_array_end(&json);
	if (result->live != NULL)
		json_string(&json, "live", result->live);
	json_number(&json, "stream_bytes", result->wire);
	json_bool(&json, "dry_run", options->dry_run);
	json_seconds(&json, "seconds", seconds);
	json_object_end(&json);
	fputc('\n', stdout);
}

static void
print_token(const struct unfinished *one)
{
	const uint64_t offset = one->token.offset;
	char token[TOKEN_TEXT_SIZE];
	char name[4 * UNFINISHED_NAME_SIZE];	/* a byte becomes \xNN */

	text_escape(name, sizeof(name), one->name, strlen(one->name));
	printf("%s %" PRIu64 "/%" PRIu64 " %u%% %s\n",
	    token_format(&one->token, token), offset, one->size,
	    one->size > 0 ? (unsigned)((double)offset / (double)one->size *
	    100) : 0, name);
}

static void
print_token_json(struct json *json, const struct unfinished *one)
{
	char token[TOKEN_TEXT_SIZE], id[UUID_TEXT_SIZE];

	json_object(json, NULL);
	json_string(json, "token", token_format(&one->token, token));
	json_string(json, "file", one->name);
	json_string(json, "id", uuid_format(&one->token.snapshot, id));
	if (!uuid_is_nil(&one->token.base))
		json_string(json, "base", uuid_format(&one->token.base, id));
	json_number(json, "offset", one->token.offset);
	json_number(json, "size", one->size);
	json_signed(json, "written", one->written.tv_sec);
	json_object_end(json);
}

void
report_tokens(const struct unfinished *list, size_t count, bool as_json)
{
	struct json json = { .out = stdout };

	if (as_json) {
		json_object(&json, NULL);
		json_array(&json, "tokens");
	}
	for (size_t i = 0; i < count; i++) {
		if (as_json)
			print_token_json(&json, &list[i]);
		else
			print_token(&list[i]);
	}
	if (as_json) {
		json_array_end(&json);
		json_object_end(&json);
		putchar('\n');
	}
}
