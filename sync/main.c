/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - refsync: snapshot a file and bring the snapshot to another place.
 */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/pipeline.h"
#include "common/text.h"
#include "common/tool.h"
#include "send/level.h"
#include "snapshot/retention.h"
#include "stream-format/compress.h"
#include "stream-format/record.h"
#include "sync/log.h"
#include "sync/modes.h"
#include "sync/retry.h"

static const char help[] =
"Usage: refsync [OPTION]... SRC... [USER@]HOST:DIR\n"
"       refsync [OPTION]... SRC... DIR\n"
"       refsync [OPTION]... [USER@]HOST:SRC... DIR\n"
"       refsync [OPTION]... --restore [USER@]HOST:DIR/FILE[@SNAP] TARGET\n"
"       refsync [OPTION]... --verify [--repair] SRC [USER@]HOST:DIR\n"
"       refsync [OPTION]... --list [USER@]HOST:DIR\n"
"\n"
"Take a snapshot of each file SRC and bring it to DIR: as the difference to the\n"
"newest snapshot that both sides hold, whole if there is none. A SRC that is a\n"
"snapshot itself is brought as it is.\n"
"\n"
"      --restore         make TARGET what FILE of a replica was in the snapshot\n"
"                        SNAP, or in the newest; only what differs is brought\n"
"      --force           restore: also replace what no snapshot here has, after\n"
"                        taking one\n"
"      --verify          hash SRC, or its newest snapshot that is there too, on\n"
"                        both sides; exit code 9 if they differ, and where\n"
"      --repair          verify: send what differs, and put the replica right\n"
"      --list            what snapshots are there\n"
"\n"
"  -n, --dry-run         tell what would be sent and deleted, and leave nothing\n"
"                        behind\n"
"      --pre COMMAND     run before the snapshot is taken; if it fails (10), none\n"
"                        is\n"
"      --post COMMAND    run after it, whatever happened\n"
"      --hook-timeout=SECONDS\n"
"                        for each of the two (60)\n"
"      --no-full         fail (4) rather than send a file whole\n"
"      --newest-only     leave out older snapshots that are missing there\n"
"      --live            also make DIR/FILE a writable clone of the newest\n"
"      --as NAME         call the file NAME there\n"
"      --compress=METHOD zstd[:N], auto or none, as of refsend\n"
"      --keep=POLICY     afterwards delete the snapshots here that POLICY does not\n"
"                        keep, such as '48h 14d 8w 12m'; see refsnap(1), prune\n"
"      --keep-remote=POLICY\n"
"                        likewise over there\n"
"      --bwlimit=RATE    so many bytes a second (4M) and no more\n"
"  -T, --threads N       compress with N threads (default: one a processor)\n"
"  -e, --rsh=COMMAND     reach HOST by this command, such as 'ssh -p 2222'\n"
"      --ssh-config FILE in place of ~/.ssh/config and the system's\n"
"      --identity FILE   a key to try first\n"
"      --accept-new      record the key of a host that is not known yet\n"
"      --timeout=SECONDS give up when HOST gives no sign of life (30)\n"
"      --retry=N         after a lost connection try N times more (5), with longer\n"
"                        and longer pauses; what brought something new does not\n"
"                        count. The next run goes on where this one ended, too.\n"
"  -P, --progress        show progress also where stderr is no terminal\n"
"  -v, --verbose         tell what was done\n"
"      --json            tell it as one JSON object\n"
"      --log-json        tell all that happens on stderr, one JSON object a line\n"
"      --help            this text\n"
"      --version         version\n"
"\n"
"Exit codes: 0 done, or nothing to do; 1 failed; 2 usage; 3 the two sides do not\n"
"fit; 4 no base; 5 a file is not what its seal says, or a name is taken; 6 the\n"
"connection was lost, the next run goes on; 7 no space, or the file system\n"
"cannot; 8 locked; 10 a hook failed. See refsync(1).\n";

enum { OPT_PRE = 256, OPT_POST, OPT_HOOK_TIMEOUT, OPT_KEEP,
    OPT_KEEP_REMOTE, OPT_BWLIMIT, OPT_NO_FULL, OPT_NEWEST, OPT_RESTORE, OPT_FORCE,
    OPT_LIST, OPT_VERIFY, OPT_REPAIR, OPT_LIVE, OPT_AS, OPT_COMPRESS,
    OPT_CONFIG, OPT_IDENTITY, OPT_ACCEPT, OPT_TIMEOUT, OPT_RETRY, OPT_JSON, OPT_LOG,
    OPT_HELP,
    OPT_VERSION };

static const struct option long_options[] = {
	{ "dry-run", no_argument, NULL, 'n' },
	{ "pre", required_argument, NULL, OPT_PRE },
	{ "post", required_argument, NULL, OPT_POST },
	{ "hook-timeout", required_argument, NULL, OPT_HOOK_TIMEOUT },
	{ "keep", required_argument, NULL, OPT_KEEP },
	{ "keep-remote", required_argument, NULL, OPT_KEEP_REMOTE },
	{ "bwlimit", required_argument, NULL, OPT_BWLIMIT },
	{ "no-full", no_argument, NULL, OPT_NO_FULL },
	{ "newest-only", no_argument, NULL, OPT_NEWEST },
	{ "restore", no_argument, NULL, OPT_RESTORE },
	{ "force", no_argument, NULL, OPT_FORCE },
	{ "list", no_argument, NULL, OPT_LIST },
	{ "verify", no_argument, NULL, OPT_VERIFY },
	{ "repair", no_argument, NULL, OPT_REPAIR },
	{ "live", no_argument, NULL, OPT_LIVE },
	{ "as", required_argument, NULL, OPT_AS },
	{ "compress", required_argument, NULL, OPT_COMPRESS },
	{ "threads", required_argument, NULL, 'T' },
	{ "rsh", required_argument, NULL, 'e' },
	{ "ssh-config", required_argument, NULL, OPT_CONFIG },
	{ "identity", required_argument, NULL, OPT_IDENTITY },
	{ "accept-new", no_argument, NULL, OPT_ACCEPT },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "retry", required_argument, NULL, OPT_RETRY },
	{ "progress", no_argument, NULL, 'P' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "log-json", no_argument, NULL, OPT_LOG },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

static int
take_policy(struct tool *tool, const char *value, const char **policy)
{
	struct retention parsed;
	struct err err = ERR_INIT;

	*policy = value;
	if (strlen(value) > DIALOGUE_POLICY_MAX)
		err_set(&err, ERR_USAGE, "a policy has %u bytes at most",
		    DIALOGUE_POLICY_MAX);
	else
		retention_parse(value, &parsed, &err);
	if (err.code == ERR_NONE)
		return 0;
	tool_usage(tool, "%s", err.text);
	return -1;
}

static int
take_timeout(struct tool *tool, const char *name, const char *value,
    unsigned *seconds)
{
	char *end;
	const long number = strtol(value, &end, 10);

	if (end != value && *end == '\0' && number >= 1 && number <= 86400) {
		*seconds = (unsigned)number;
		return 0;
	}
	tool_usage(tool, "--%s takes seconds, 1 to 86400", name);
	return -1;
}

static int
take_retry(struct tool *tool, const char *value, unsigned *retry)
{
	char *end;
	const long number = strtol(value, &end, 10);

	if (end != value && *end == '\0' && number >= 0 &&
	    number <= (long)RETRY_MAX) {
		*retry = (unsigned)number;
		return 0;
	}
	tool_usage(tool, "--retry takes a number, 0 to %u", RETRY_MAX);
	return -1;
}

/* Options with a value that must be checked. Returns -1 after a message. */
static int
take_value(struct tool *tool, struct options *options, int option,
    const char *value)
{
	struct job_options *job = &options->job;

	switch (option) {
	case OPT_AS:
		job->push.as = value;
		if (record_name_safe((const uint8_t *)value, strlen(value)))
			return 0;
		tool_usage(tool, "--as takes a file name without a slash");
		return -1;
	case OPT_COMPRESS:
		if (level_parse(value, &job->push.send.level) == 0)
			return 0;
		tool_usage(tool, "%s", LEVEL_USAGE);
		return -1;
	case OPT_TIMEOUT:
		return take_timeout(tool, "timeout", value,
		    &job->transport.timeout);
	case OPT_HOOK_TIMEOUT:
		return take_timeout(tool, "hook-timeout", value,
		    &job->hooks.timeout);
	case OPT_RETRY:
		return take_retry(tool, value, &job->retry);
	case OPT_KEEP:
		return take_policy(tool, value, &job->keep);
	case OPT_KEEP_REMOTE:
		return take_policy(tool, value, &job->keep_remote);
	case OPT_BWLIMIT:
		if (text_parse_size(value, &job->push.send.rate) == 0 &&
		    job->push.send.rate > 0)
			return 0;
		tool_usage(tool, "--bwlimit takes bytes a second, such as 4M");
		return -1;
	default:
		return tool_threads(tool, value, &job->push.send.threads);
	}
}

/* Take in one option. Returns -1 after a message. */
static int
take_option(struct tool *tool, struct options *options, int option,
    const char *value)
{
	struct job_options *job = &options->job;

	switch (option) {
	case OPT_AS: case OPT_COMPRESS: case OPT_TIMEOUT: case 'T':
	case OPT_HOOK_TIMEOUT: case OPT_BWLIMIT: case OPT_KEEP:
	case OPT_KEEP_REMOTE: case OPT_RETRY:
		return take_value(tool, options, option, value);
	case OPT_PRE:
		job->hooks.pre = value;
		return 0;
	case OPT_POST:
		job->hooks.post = value;
		return 0;
	case 'n':
		job->push.dry_run = true;
		tool->verbose = true;
		return 0;
	case OPT_NO_FULL:
		job->push.no_full = true;
		return 0;
	case OPT_NEWEST:
		job->push.newest_only = true;
		return 0;
	case OPT_RESTORE:
		options->restore = true;
		return 0;
	case OPT_FORCE:
		options->force = true;
		return 0;
	case OPT_LIST:
		options->list = true;
		return 0;
	case OPT_VERIFY:
		options->verify = true;
		return 0;
	case OPT_REPAIR:
		options->repair = true;
		return 0;
	case OPT_LIVE:
		job->push.live = true;
		return 0;
	case 'e':
		job->transport.program = value;
		return 0;
	case OPT_CONFIG:
		job->transport.config = value;
		return 0;
	case OPT_IDENTITY:
		job->transport.identity = value;
		return 0;
	case OPT_ACCEPT:
		job->transport.accept_new = true;
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
	case OPT_LOG:
		options->log_json = true;
		return 0;
	default:
		fputs("Try 'refsync --help'.\n", stderr);
		return -1;
	}
}

int
main(int argc, char **argv)
{
	struct options options = { .json = false };
	struct err err = ERR_INIT;
	struct log *log = NULL;
	struct tool tool;
	int option, code;

	tool_start(&tool, "refsync", help);
	options.job.notify = &tool.notify;
	options.job.create.reflink = REFLINK_ALWAYS;
	options.job.create.notify = &tool.notify;
	options.job.transport.errors = STDERR_FILENO;
	options.job.transport.notify = &tool.notify;
	options.job.push.notify = &tool.notify;
	options.job.retry = RETRY_DEFAULT;
	options.job.push.send.notify = &tool.notify;
	options.job.push.send.level = COMPRESS_LEVEL_DEFAULT;
	options.job.push.send.threads = pipeline_processors();
	while ((option = getopt_long(argc, argv, "ne:PT:v", long_options,
	    NULL)) != -1) {
		if (option == OPT_HELP)
			return tool_help(&tool);
		if (option == OPT_VERSION)
			return tool_version(&tool);
		if (take_option(&tool, &options, option, optarg) != 0)
			return ERR_USAGE;
	}
	if (options.log_json && log_begin(&tool, &log, &err) != 0)
		return tool_finish(&tool, &err);
	code = run_mode(&tool, &options, argv + optind,
	    (size_t)(argc - optind));
	tool_flush(&err);
	if (code == 0)
		code = tool_finish(&tool, &err);
	log_end(log, code);
	return code;
}
