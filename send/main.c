/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - refsend: write a snapshot, whole or as a difference, as a stream.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"
#include "common/json.h"
#include "common/pipeline.h"
#include "common/text.h"
#include "common/tool.h"
#include "send/level.h"
#include "send/send.h"
#include "send/send_server.h"
#include "stream-format/compress.h"

static const char help[] =
"Usage: refsend [-i BASE | -I BASE] [-n] [-v] [-P] [--json]\n"
"               [--compress=zstd[:N]|auto|none] [-T N] [--resume=TOKEN]\n"
"               [-o FILE] SNAP\n"
"       refsend --serve [--restrict DIR] [-T N] [DIR]\n"
"\n"
"Write the snapshot SNAP as a stream to standard output, for refrecv:\n"
"    refsend .snapshot/vm.img.mon | ssh host refrecv /replica\n"
"    refsend -i .snapshot/vm.img.mon .snapshot/vm.img.tue | ssh host ...\n"
"\n"
"  -i, -p, --base BASE      only what changed since BASE, which refrecv must have\n"
"  -I, --between BASE       likewise, with every snapshot taken between the two\n"
"      --resume=TOKEN       go on with what was interrupted; refrecv tells the\n"
"                           TOKEN\n"
"  -n, --dry-run            write nothing, tell the exact size (as -v does)\n"
"  -o, --output FILE        write to FILE, which must not exist\n"
"      --compress=METHOD    zstd (level 2), zstd:N (1 to 19), none, or auto:\n"
"                           as good as disk and wire give time for\n"
"  -T, --threads N          compress with N threads (default: one a processor)\n"
"      --serve              be the far side of refsync, on standard input and\n"
"                           output: for commands in authorized_keys\n"
"      --restrict DIR       serve: nothing outside of DIR\n"
"  -P, --progress           show progress even if stderr is no terminal\n"
"  -v, --verbose            tell what was sent\n"
"      --json               tell it as one JSON object, on standard output\n"
"                           with -n or -o, else on standard error\n"
"      --help               this text\n"
"      --version            version\n"
"\n"
"Exit codes: 0 done, 1 failed, 2 usage, 4 TOKEN is for something else,\n"
"5 not what its seal says, 8 in use.\n"
"See refsend(1).\n";

struct options {
	const char *base;
	bool between;
	bool dry_run;
	bool json;
	const char *output;
	bool serve;
	const char *restricted;	/* to this directory, or NULL */
	int level;
	unsigned threads;
	bool resumed;
	struct token token;	/* if resumed */
};

enum { OPT_COMPRESS = 256, OPT_SERVE, OPT_RESTRICT, OPT_RESUME, OPT_JSON,
    OPT_HELP, OPT_VERSION };

static const struct option long_options[] = {
	{ "base", required_argument, NULL, 'i' },
	{ "between", required_argument, NULL, 'I' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "output", required_argument, NULL, 'o' },
	{ "compress", required_argument, NULL, OPT_COMPRESS },
	{ "serve", no_argument, NULL, OPT_SERVE },
	{ "restrict", required_argument, NULL, OPT_RESTRICT },
	{ "threads", required_argument, NULL, 'T' },
	{ "resume", required_argument, NULL, OPT_RESUME },
	{ "progress", no_argument, NULL, 'P' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

static void
report(struct tool *tool, const struct options *options,
    const struct send_result *result)
{
	char data[TEXT_SIZE_SIZE], wire[TEXT_SIZE_SIZE];
	struct json json = { .out = options->dry_run ||
	    options->output != NULL ? stdout : stderr };

	if (!options->json) {
		notify_line(&tool->notify, NOTIFY_VERBOSE, "%s %" PRIu64 " snapshot%s: %s of data, %"
		    PRIu64 " bytes of zeros, %" PRIu64 " of holes, %" PRIu64
		    " moved; stream of %" PRIu64 " bytes (%s); found by %s, %" PRIu64 " bytes read",
		    options->dry_run ? "would send" : "sent",
		    result->snapshots, result->snapshots == 1 ? "" : "s",
		    text_size(result->data, data), result->zeros,
		    result->holes, result->moved, result->wire,
		    text_size(result->wire, wire), result->method,
		    result->base_read + result->snapshot_read);
		return;
	}
	json_object(&json, NULL);
	json_number(&json, "snapshots", result->snapshots);
	json_number(&json, "data_bytes", result->data);
	json_number(&json, "zero_bytes", result->zeros);
	json_number(&json, "hole_bytes", result->holes);
	json_number(&json, "moved_bytes", result->moved);
	json_number(&json, "stream_bytes", result->wire);
	if (options->resumed)
		json_number(&json, "resumed_at", options->token.offset);
	json_number(&json, "base_read_bytes", result->base_read);
	json_number(&json, "snapshot_read_bytes", result->snapshot_read);
	json_string(&json, "method", result->method);
	json_bool(&json, "dry_run", options->dry_run);
	json_seconds(&json, "pin_seconds", result->pin_seconds);
	json_seconds(&json, "seconds", tool_seconds(tool));
	json_object_end(&json);
	fputc('\n', json.out);
}

/* Where the stream goes; -1 for a dry run. */
static int
open_output(const struct options *options, int *fd, struct err *err)
{
	*fd = options->dry_run ? -1 : STDOUT_FILENO;
	if (options->dry_run || options->output == NULL)
		return 0;
	*fd = open(options->output, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
	    0666);
	if (*fd < 0)
		return err_sys(err, ERR_FAILED, "cannot make %s",
		    options->output);
	return 0;
}

/* A stream that has no end is of no use: remove it. */
static void
close_output(const struct options *options, int fd, int rc, struct err *err)
{
	if (options->dry_run || options->output == NULL)
		return;
	/* On an XFS that shuts down meanwhile, fsync can say 0 wrongly. */
	if (rc == 0 && (fsync(fd) != 0 || io_sync_parent(options->output) != 0))
		rc = err_sys(err, ERR_FAILED, "cannot sync %s",
		    options->output);
	close(fd);
	if (rc != 0)
		unlink(options->output);
}

static void
run(struct tool *tool, const struct options *options, const char *snapshot,
    struct err *err)
{
	const struct send_options send_options = {
		.level = options->level, .threads = options->threads,
		.resume = options->resumed ? &options->token : NULL,
		.notify = &tool->notify,
	};
	struct send_result result;
	struct chain chain;
	int fd, rc;

	rc = chain_open(options->base, snapshot, options->between,
	    &tool->notify, &chain, err);
	if (rc != 0)
		return;
	rc = open_output(options, &fd, err);
	if (rc == 0) {
		rc = send_chain(&chain, fd, &send_options, &result, err);
		close_output(options, fd, rc, err);
	}
	if (rc == 0 && err->code == ERR_NONE)
		report(tool, options, &result);
	chain_close(&chain);
}

/* Take in one option. Returns -1 after a message. */
static int
take_option(struct tool *tool, struct options *options, int option,
    const char *value)
{
	switch (option) {
	case 'i':
	case 'p':
	case 'I':
		if (options->base != NULL) {
			tool_usage(tool, "one BASE only");
			return -1;
		}
		options->base = value;
		options->between = option == 'I';
		return 0;
	case 'n':
		options->dry_run = true;
		tool->verbose = true;
		return 0;
	case 'o':
		options->output = value;
		return 0;
	case OPT_COMPRESS:
		if (level_parse(value, &options->level) == 0)
			return 0;
		tool_usage(tool, "%s", LEVEL_USAGE);
		return -1;
	case 'T':
		return tool_threads(tool, value, &options->threads);
	case OPT_RESUME:
		options->resumed = true;
		if (token_parse(value, &options->token) == 0)
			return 0;
		tool_usage(tool, "--resume takes a token of refrecv --token, "
		    "all of it");
		return -1;
	case OPT_SERVE:
		options->serve = true;
		return 0;
	case OPT_RESTRICT:
		options->restricted = value;
		return 0;
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
		fputs("Try 'refsend --help'.\n", stderr);
		return -1;
	}
}

/* Be the far side. Errors are told to the near side, and only there. */
static int
run_serve(struct tool *tool, const struct options *options,
    const char *directory)
{
	const struct send_serving serving = {
		.directory = options->restricted != NULL ?
		    options->restricted : directory,
		.restricted = options->restricted != NULL,
		.threads = options->threads, .notify = &tool->notify,
	};
	struct err told = ERR_INIT;

	tool->quiet_progress = true;
	send_serve(STDIN_FILENO, STDOUT_FILENO, &serving, &told);
	return (int)told.code;
}

/* Options and arguments that do not go together. Returns -1 after a message. */
static int
check_options(struct tool *tool, const struct options *options, int arguments)
{
	const char *wrong = NULL;

	if (options->serve && (options->base != NULL || options->dry_run ||
	    options->json || options->output != NULL || options->resumed))
		wrong = "with --serve the near side says what to send: leave "
		    "out -i, -I, -n, -o, --json and --resume";
	else if (options->serve && arguments > (options->restricted ? 0 : 1))
		wrong = "--serve takes one directory, --restrict or DIR";
	else if (options->serve && isatty(STDIN_FILENO))
		wrong = "--serve talks to refsync, not to a terminal";
	else if (!options->serve && options->restricted != NULL)
		wrong = "--restrict goes with --serve";
	else if (!options->serve && arguments != 1)
		wrong = "name one snapshot";
	else if (options->dry_run && options->output != NULL)
		wrong = "-n writes nothing: leave out -o";
	else if (!options->serve && !options->dry_run &&
	    options->output == NULL && isatty(STDOUT_FILENO))
		wrong = "a stream does not go to a terminal: send it to "
		    "refrecv, or use -o FILE";
	if (wrong == NULL)
		return 0;
	tool_usage(tool, "%s", wrong);
	return -1;
}

int
main(int argc, char **argv)
{
	struct options options = {
		.level = COMPRESS_LEVEL_DEFAULT,
		.threads = pipeline_processors(),
	};
	struct err err = ERR_INIT;
	struct tool tool;
	int option;

	tool_start(&tool, "refsend", help);
	while ((option = getopt_long(argc, argv, "i:p:I:no:PT:v", long_options,
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
	if (options.serve)
		return run_serve(&tool, &options, argv[optind]);
	run(&tool, &options, argv[optind], &err);
	tool_flush(&err);
	return tool_finish(&tool, &err);
}
