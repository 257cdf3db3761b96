/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - refrecv: make replicas from a stream.
 */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/pipeline.h"
#include "common/text.h"
#include "common/tool.h"
#include "receive/receive.h"
#include "receive/recv_server.h"
#include "receive/report.h"
#include "stream-format/dump.h"
#include "stream-format/record.h"

static const char help[] =
"Usage: refrecv [-n] [-v] [-P] [--json] [--live] [--as NAME] [--wait]\n"
"               [--reflink=auto|always|never] [--reserve=SIZE]\n"
"               [--resumable] [--trust-metadata] [-T N] [DIR]\n"
"       refrecv --token [--json] [DIR]\n"
"       refrecv --serve [--restrict DIR] [--append-only] [--max-size SIZE] [DIR]\n"
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
"      --token           print the tokens with which refsend goes on with what was\n"
"                        kept\n"
"      --trust-metadata  also take setuid bits, security.* and trusted.*\n"
"  -T, --threads N       decode with N threads (default: one a processor)\n"
"      --wait            wait while another refrecv receives into DIR\n"
"      --serve           be the far side of refsync, on standard input and\n"
"                        output: for commands in authorized_keys\n"
"      --restrict DIR    serve: nothing outside of DIR\n"
"      --append-only     serve: delete and replace nothing\n"
"      --max-size=SIZE   let no more be in use on the file system\n"
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
	struct receive_serving serving;	/* all but the options of receiving */
	bool json;
	bool dump;
	bool token;
	bool serve;
};

enum { OPT_LIVE = 256, OPT_AS, OPT_REFLINK, OPT_RESERVE, OPT_RESUMABLE,
    OPT_TOKEN, OPT_TRUST, OPT_WAIT, OPT_DUMP, OPT_SERVE, OPT_RESTRICT,
    OPT_APPEND, OPT_MAX, OPT_JSON, OPT_HELP, OPT_VERSION };

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
	{ "serve", no_argument, NULL, OPT_SERVE },
	{ "restrict", required_argument, NULL, OPT_RESTRICT },
	{ "append-only", no_argument, NULL, OPT_APPEND },
	{ "max-size", required_argument, NULL, OPT_MAX },
	{ "threads", required_argument, NULL, 'T' },
	{ "progress", no_argument, NULL, 'P' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

static void
run(struct tool *tool, struct options *options, const char *directory,
    struct err *err)
{
	struct receive_result result;
	int rc;

	options->receive.notify = &tool->notify;
	rc = err_never_silent(err, receive_stream(STDIN_FILENO, directory,
	    &options->receive, &result, err));
	if (options->json && rc == 0)
		report_json(&options->receive, &result, tool_seconds(tool));
	else
		report_lines(&options->receive, &result);
	receive_result_free(&result);
}

static int
run_token(struct tool *tool, const struct options *options,
    const char *directory)
{
	struct err err = ERR_INIT;
	struct unfinished *list;
	size_t count;

	if (unfinished_list(directory, &list, &count, &err) == 0)
		report_tokens(list, count, options->json);
	free(list);
	tool_flush(&err);
	return tool_finish(tool, &err);
}

/* Be the far side. Errors are told to the near side, and only there. */
static int
run_serve(struct tool *tool, struct options *options, const char *directory)
{
	struct err told = ERR_INIT;

	tool->quiet_progress = true;
	options->receive.notify = &tool->notify;
	options->serving.receive = options->receive;
	if (directory != NULL)
		options->serving.directory = directory;
	receive_serve(STDIN_FILENO, STDOUT_FILENO, &options->serving, &told);
	return (int)told.code;
}

/* Options that do not go together. Returns -1 after a message. */
static int
check_options(struct tool *tool, const struct options *options, int arguments)
{
	const struct receive_options *receive = &options->receive;
	const char *wrong = NULL;

	if (arguments > (options->dump ? 0 : 1))
		wrong = "too many arguments";
	else if (!options->serve && (options->serving.restricted ||
	    options->serving.append_only))
		wrong = "--restrict and --append-only go with --serve";
	else if (options->serve && (options->dump || options->json ||
	    receive->live || receive->dry_run || receive->as != NULL ||
	    receive->resumable))
		wrong = "with --serve the near side says what to do: leave out "
		    "--dump, --json, --live, --as, --resumable and -n";
	else if (options->token && (options->serve || options->dump ||
	    receive->live || receive->dry_run || receive->as != NULL))
		wrong = "--token receives nothing: leave out --serve, --dump, "
		    "--live, --as and -n";
	else if (options->serving.restricted && arguments > 0)
		wrong = "--restrict names the directory already";
	else if (isatty(STDIN_FILENO) && options->serve)
		wrong = "--serve talks to refsync, not to a terminal";
	else if (isatty(STDIN_FILENO) && !options->token)
		wrong = "a stream does not come from a terminal: send it with "
		    "refsend";
	if (wrong == NULL)
		return 0;
	tool_usage(tool, "%s", wrong);
	return -1;
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
	case OPT_MAX:
		if (text_parse_size(value,
		    &options->receive.reserve.most) == 0 &&
		    options->receive.reserve.most > 0)
			return 0;
		tool_usage(tool, "--max-size: %s is not a size", value);
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
	case OPT_MAX:
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
	case OPT_SERVE:
		options->serve = true;
		return 0;
	case OPT_RESTRICT:
		options->serving.directory = value;
		options->serving.restricted = true;
		return 0;
	case OPT_APPEND:
		options->serving.append_only = true;
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
	if (check_options(&tool, &options, argc - optind) != 0)
		return ERR_USAGE;
	if (options.token)
		return run_token(&tool, &options,
		    optind < argc ? argv[optind] : ".");
	if (options.serve)
		return run_serve(&tool, &options, argv[optind]);
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
