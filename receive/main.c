/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - refrecv: make replicas from a stream.
 */
#include "config.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/json.h"
#include "common/pipeline.h"
#include "common/text.h"
#include "common/tool.h"
#include "receive/receive.h"
#include "receive/unfinished.h"
#include "stream-format/dump.h"
#include "stream-format/record.h"

static const char help[] =
"Usage: refrecv [-n] [-v] [-P] [--json] [--live] [--as NAME] [--wait]\n"
"               [--reflink=auto|always|never] [--reserve=SIZE]\n"
"               [--resumable] [--trust-metadata] [-T N] [DIR]\n"
"       refrecv --token [--json] [DIR]\n"
"       refrecv --dump\n"
"\n"
"Receive a stream of refsend from standard input into DIR (default: here).\n"
"A snapshot FILE.NAME becomes DIR/.snapshot/FILE.NAME, read-only.\n"
"\n"
"      --live            also make DIR/FILE a writable clone of the last\n"
"                        replica, unless somebody changed it\n"
"      --as NAME         call the file NAME instead of FILE\n"
"  -n, --dry-run         check the stream against DIR, write nothing\n"
"      --reflink=WHEN    clone the base: auto (default; else copy it), always,\n"
"                        never\n"
"      --reserve=SIZE    keep so much space free (default: the larger of 2 %\n"
"                        and 256M)\n"
"      --resumable       if the stream breaks off, keep what came, to go on with\n"
"      --token           print the tokens of what was kept, for refsend --resume\n"
"      --trust-metadata  also take setuid bits, security.* and trusted.*\n"
"  -T, --threads N       decode with N threads (default: one a processor)\n"
"      --wait            wait while another refrecv receives into DIR\n"
"      --dump            print the stream as text, receive nothing\n"
"  -P, --progress        show progress, also at the end of a pipe\n"
"  -v, --verbose         tell what was received\n"
"      --json            tell it as one JSON object\n"
"      --help            this text\n"
"      --version         version\n"
"\n"
"Exit codes: 0 done, or there already; 1 failed; 2 usage; 3 stream refused;\n"
"4 base unknown here, or nothing to go on with; 5 base or replica is not what\n"
"it was, or name taken; 6 interrupted, can be gone on with; 7 no space, or the\n"
"file system cannot; 8 locked. See refrecv(1).\n";

struct options {
	struct receive_options receive;
	bool json;
	bool dump;
	bool token;
};

enum { OPT_LIVE = 256, OPT_AS, OPT_REFLINK, OPT_RESERVE, OPT_RESUMABLE,
    OPT_TOKEN, OPT_TRUST, OPT_WAIT, OPT_DUMP, OPT_JSON, OPT_HELP,
    OPT_VERSION };

static const struct option long_options[] = {
	{ "live", no_argument, NULL, OPT_LIVE },
	{ "as", required_argument, NULL, OPT_AS },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "reflink", required_argument, NULL, OPT_REFLINK },
	{ "reserve", required_argument, NULL, OPT_RESERVE },
	{ "resumable", no_argument, NULL, OPT_RESUMABLE },
	{ "token", no_argument, NULL, OPT_TOKEN },
	{ "trust-metadata", no_argument, NULL, OPT_TRUST },
	{ "wait", no_argument, NULL, OPT_WAIT },
	{ "dump", no_argument, NULL, OPT_DUMP },
	{ "threads", required_argument, NULL, 'T' },
	{ "progress", no_argument, NULL, 'P' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

static void
report_lines(struct tool *tool, const struct options *options,
    const struct receive_result *result)
{
	for (size_t i = 0; i < result->count; i++) {
		const struct received *received = &result->snapshots[i];
		char data[TEXT_SIZE_SIZE];

		if (received->present)
			notify_line(&tool->notify, NOTIFY_VERBOSE, "%s is "
			    "there already", received->path);
		else
			notify_line(&tool->notify, NOTIFY_VERBOSE, "%s %s%s: "
			    "%s of data, %" PRIu64 " bytes of zeros, %" PRIu64
			    " of holes, %" PRIu64 " moved",
			    options->receive.dry_run ?
			    "would receive" : "received", received->path,
			    received->based ? " onto its base" : " whole",
			    text_size(received->data, data), received->zeros,
			    received->holes, received->moved);
		if (received->resumed > 0)
			notify_line(&tool->notify, NOTIFY_VERBOSE, "%s was "
			    "gone on with at byte %" PRIu64, received->path,
			    received->resumed);
	}
	if (result->live != NULL)
		notify_line(&tool->notify, NOTIFY_VERBOSE, "live file: %s",
		    result->live);
}

static void
report_json(struct tool *tool, const struct options *options,
    const struct receive_result *result)
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
	json_bool(&json, "dry_run", options->receive.dry_run);
	json_seconds(&json, "seconds", tool_seconds(tool));
	json_object_end(&json);
	fputc('\n', stdout);
}

static void
run(struct tool *tool, struct options *options, const char *directory,
    struct err *err)
{
	struct receive_result result;
	int rc;

	options->receive.notify = &tool->notify;
	rc = receive_stream(STDIN_FILENO, directory, &options->receive,
	    &result, err);
	if (options->json && rc == 0)
		report_json(tool, options, &result);
	else
		report_lines(tool, options, &result);
	receive_result_free(&result);
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

static void
list_tokens(const struct options *options, const char *directory,
    struct err *err)
{
	struct json json = { .out = stdout };
	struct unfinished *list;
	size_t count;

	if (unfinished_list(directory, &list, &count, err) != 0)
		return;
	if (options->json) {
		json_object(&json, NULL);
		json_array(&json, "tokens");
	}
	for (size_t i = 0; i < count; i++) {
		if (options->json)
			print_token_json(&json, &list[i]);
		else
			print_token(&list[i]);
	}
	if (options->json) {
		json_array_end(&json);
		json_object_end(&json);
		putchar('\n');
	}
	free(list);
}

/* Options with a value that must be checked. Returns -1 after a message. */
static int
take_value(struct tool *tool, struct options *options, int option,
    const char *value)
{
	switch (option) {
	case OPT_AS:
		options->receive.as = value;
		if (record_name_safe((const uint8_t *)value, strlen(value)))
			return 0;
		tool_usage(tool, "--as takes a file name without a slash");
		return -1;
	case OPT_REFLINK:
		if (reflink_mode_parse(value, &options->receive.reflink) == 0)
			return 0;
		tool_usage(tool, "--reflink takes auto, always or never");
		return -1;
	default:
		options->receive.reserve.given = true;
		if (text_parse_size(value,
		    &options->receive.reserve.bytes) == 0)
			return 0;
		tool_usage(tool, "--reserve: %s is not a size", value);
		return -1;
	}
}

/* Take in one option. Returns -1 after a message. */
static int
take_option(struct tool *tool, struct options *options, int option,
    const char *value)
{
	switch (option) {
	case OPT_AS:
	case OPT_REFLINK:
	case OPT_RESERVE:
		return take_value(tool, options, option, value);
	case OPT_LIVE:
		options->receive.live = true;
		return 0;
	case 'n':
		options->receive.dry_run = true;
		tool->verbose = true;
		return 0;
	case OPT_RESUMABLE:
		options->receive.resumable = true;
		return 0;
	case OPT_TOKEN:
		options->token = true;
		return 0;
	case OPT_TRUST:
		options->receive.trusted = true;
		return 0;
	case OPT_WAIT:
		options->receive.wait = true;
		return 0;
	case OPT_DUMP:
		options->dump = true;
		return 0;
	case 'T':
		return tool_threads(tool, value, &options->receive.threads);
	case 'P':
		tool->want_progress = true;
		return 0;
	case 'v':
		tool->verbose = true;
		return 0;
	case OPT_JSON:
		options->json = true;
		return 0;
	default:
		fputs("Try 'refrecv --help'.\n", stderr);
		return -1;
	}
}

int
main(int argc, char **argv)
{
	struct options options = { .receive = {
		.reflink = REFLINK_AUTO, .threads = pipeline_processors(),
	} };
	struct err err = ERR_INIT;
	struct tool tool;
	struct stat st;
	int option;

	tool_start(&tool, "refrecv", help);
	while ((option = getopt_long(argc, argv, "nPT:v", long_options,
	    NULL)) != -1) {
		if (option == OPT_HELP)
			return tool_help(&tool);
		if (option == OPT_VERSION)
			return tool_version(&tool);
		if (take_option(&tool, &options, option, optarg) != 0)
			return ERR_USAGE;
	}
	if (argc - optind > (options.dump ? 0 : 1))
		return tool_usage(&tool, "too many arguments");
	if (options.token) {
		list_tokens(&options, optind < argc ? argv[optind] : ".",
		    &err);
		tool_flush(&err);
		return tool_finish(&tool, &err);
	}
	if (isatty(STDIN_FILENO))
		return tool_usage(&tool, "a stream does not come from a "
		    "terminal: send it with refsend");
	/* At the end of a pipe refsend shows progress, and knows how far. */
	tool.quiet_progress = !tool.want_progress &&
	    (fstat(STDIN_FILENO, &st) != 0 || !S_ISREG(st.st_mode));
	if (options.dump)
		dump_stream(STDIN_FILENO, stdout, &err);
	else
		run(&tool, &options, optind < argc ? argv[optind] : ".", &err);
	tool_flush(&err);
	return tool_finish(&tool, &err);
}
