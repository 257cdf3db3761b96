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
#include "send/send.h"
#include "stream-format/compress.h"

static const char help[] =
"Usage: refsend [-i BASE | -I BASE] [-n] [-v] [-P] [--json]\n"
"               [--compress=zstd[:N]|auto|none] [-T N] [--resume=TOKEN]\n"
"               [-o FILE] SNAP\n"
"\n"
"Write the snapshot SNAP as a stream to standard output, for refrecv:\n"
"    refsend .snapshot/vm.img.mon | ssh host refrecv /replica\n"
"    refsend -i .snapshot/vm.img.mon .snapshot/vm.img.tue | ssh host ...\n"
"\n"
"  -i, -p, --base BASE      only what changed since BASE, which refrecv must have\n"
"  -I, --between BASE       likewise, with every snapshot taken between the two\n"
"      --resume=TOKEN       go on where refrecv --resumable was interrupted;\n"
"                           refrecv --token tells the TOKEN\n"
"  -n, --dry-run            write nothing, tell the exact size (as -v does)\n"
"  -o, --output FILE        write to FILE, which must not exist\n"
"      --compress=METHOD    zstd (level 2), zstd:N (1 to 19), none, or auto:\n"
"                           as good as disk and wire give time for\n"
"  -T, --threads N          compress with N threads (default: one a processor)\n"
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
	int level;
	unsigned threads;
	bool resumed;
	struct token token;	/* if resumed */
};

enum { OPT_COMPRESS = 256, OPT_RESUME, OPT_JSON, OPT_HELP, OPT_VERSION };

static const struct option long_options[] = {
	{ "base", required_argument, NULL, 'i' },
	{ "between", required_argument, NULL, 'I' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "output", required_argument, NULL, 'o' },
	{ "compress", required_argument, NULL, OPT_COMPRESS },
	{ "threads", required_argument, NULL, 'T' },
	{ "resume", required_argument, NULL, OPT_RESUME },
	{ "progress", no_argument, NULL, 'P' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

/* zstd, zstd:N, auto or none; returns -1 for anything else. */
static int
parse_compress(const char *text, int *level)
{
	char *end;
	long value;

	*level = COMPRESS_LEVEL_DEFAULT;
	if (strcmp(text, "none") == 0)
		*level = 0;
	else if (strcmp(text, "auto") == 0)
		*level = GATHER_AUTO;
	else if (strncmp(text, "zstd:", 5) == 0) {
		value = strtol(text + 5, &end, 10);
		if (end == text + 5 || *end != '\0' ||
		    value < COMPRESS_LEVEL_MIN || value > COMPRESS_LEVEL_MAX)
			return -1;
		*level = (int)value;
	} else if (strcmp(text, "zstd") != 0)
		return -1;
	return 0;
}

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
		if (parse_compress(value, &options->level) == 0)
			return 0;
		tool_usage(tool, "--compress takes zstd, zstd:N with N from "
		    "%d to %d, auto, or none", COMPRESS_LEVEL_MIN,
		    COMPRESS_LEVEL_MAX);
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
	if (argc - optind != 1)
		return tool_usage(&tool, "name one snapshot");
	if (options.dry_run && options.output != NULL)
		return tool_usage(&tool, "-n writes nothing: leave out -o");
	if (!options.dry_run && options.output == NULL && isatty(1))
		return tool_usage(&tool, "a stream does not go to a terminal: "
		    "send it to refrecv, or use -o FILE");
	run(&tool, &options, argv[optind], &err);
	tool_flush(&err);
	return tool_finish(&tool, &err);
}
