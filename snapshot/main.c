/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - refsnap: take, list, restore, verify and delete snapshots of files.
 */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "common/tool.h"
#include "snapshot/verbs.h"

static const char help[] =
"Usage: refsnap create [-o SNAP] [--immutable] PATH [NAME]\n"
"       refsnap list [--json] PATH\n"
"       refsnap info [--json] SNAP\n"
"       refsnap restore [--force] SNAP [TARGET]\n"
"       refsnap clone SNAP NEW\n"
"       refsnap delete [--force] SNAP...\n"
"       refsnap prune --keep 'POLICY' [-n] [-v] [--json] PATH\n"
"       refsnap verify [--record] [--json] SNAP\n"
"       refsnap unshare FILE\n"
"       refsnap hold SNAP TAG\n"
"       refsnap release SNAP TAG\n"
"\n"
"Snapshots of single files by reflink (XFS, btrfs, OCFS2).\n"
"\n"
"  create   take a read-only snapshot of PATH, DIR/.snapshot/FILE.NAME, and\n"
"           print its path; NAME is the time in UTC by default\n"
"  list     the snapshots of a live file, or of a directory\n"
"  info     all about one snapshot; exit code 5 if it is not what it was\n"
"  restore  replace the live file, or TARGET, by a snapshot in one step\n"
"  clone    make a writable file NEW from a snapshot\n"
"  delete   delete snapshots\n"
"  prune    delete snapshots of a live file, or of each in a directory, that\n"
"           POLICY does not keep: '48h 14d 8w 12m 3y 10' keeps the newest of\n"
"           each of the last 48 hours, 14 days, 8 weeks, 12 months, 3 years\n"
"           (UTC) that have one, and the 10 newest\n"
"  verify   read a snapshot; exit code 9 if it is not what its seal records\n"
"  unshare  give a live file blocks of its own\n"
"  hold     keep a snapshot from being deleted; release undoes it\n"
"\n"
"  -o, --output SNAP   create: put the snapshot there\n"
"      --immutable     create: also set chattr +i (needs root)\n"
"      --reflink=WHEN  create: always (default), or auto or never: copy\n"
"      --reserve=SIZE  create: keep so much space free (default: the larger\n"
"                      of 2 % and 256M)\n"
"      --force         restore: replace a target that changed, after taking a\n"
"                      snapshot of it; delete: also what fails its seal\n"
"      --keep POLICY   prune: what to keep; needed\n"
"  -n, --dry-run       prune: delete nothing, print what would be deleted\n"
"      --record        verify: record a digest if there is none (needs root)\n"
"      --json          machine-readable output\n"
"  -v, --verbose       tell more\n"
"      --help          this text\n"
"      --version       version\n"
"\n"
"Exit codes: 0 done, 1 failed, 2 usage, 5 not what its seal says or name\n"
"taken, 7 the file system cannot, 8 in use by another run, 9 damaged. See\n"
"refsnap(1).\n";

enum { OPT_IMMUTABLE = 256, OPT_REFLINK, OPT_RESERVE, OPT_FORCE, OPT_JSON,
    OPT_KEEP, OPT_RECORD, OPT_HELP, OPT_VERSION };

static const struct option long_options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "immutable", no_argument, NULL, OPT_IMMUTABLE },
	{ "reflink", required_argument, NULL, OPT_REFLINK },
	{ "reserve", required_argument, NULL, OPT_RESERVE },
	{ "force", no_argument, NULL, OPT_FORCE },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "keep", required_argument, NULL, OPT_KEEP },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "record", no_argument, NULL, OPT_RECORD },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

/* A verb, how many arguments it takes, and which options. */
static const struct verb {
	const char *name;
	int min, max;
	const char *options;	/* see option_letter() */
	verb_function *run;
} verbs[] = {
	{ "create", 1, 2, "oirs", verb_create },
	{ "list", 1, 1, "j", verb_list },
	{ "info", 1, 1, "j", verb_info },
	{ "restore", 1, 2, "f", verb_restore },
	{ "clone", 2, 2, "", verb_clone },
	{ "delete", 1, 1 << 20, "f", verb_delete },
	{ "prune", 1, 1, "jkn", verb_prune },
	{ "verify", 1, 1, "jR", verb_verify },
	{ "unshare", 1, 1, "", verb_unshare },
	{ "hold", 2, 2, "", verb_hold },
	{ "release", 2, 2, "", verb_release },
};

/* The letter by which struct verb names an option; 0: every verb takes it. */
static char
option_letter(int option)
{
	switch (option) {
	case 'o': return 'o';
	case OPT_IMMUTABLE: return 'i';
	case OPT_REFLINK: return 'r';
	case OPT_RESERVE: return 's';
	case OPT_FORCE: return 'f';
	case OPT_JSON: return 'j';
	case OPT_KEEP: return 'k';
	case 'n': return 'n';
	case OPT_RECORD: return 'R';
	default: return 0;
	}
}

static const struct verb *
find_verb(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	}
	return NULL;
}

/* Take in one option. Returns -1 for none of ours, with a message printed. */
static int
take_option(struct tool *tool, struct verb_options *options, int option,
    const char *value)
{
	switch (option) {
	case 'o':
		options->create.output = value;
		return 0;
	case OPT_IMMUTABLE:
		options->create.immutable = true;
		return 0;
	case OPT_REFLINK:
		if (reflink_mode_parse(value, &options->create.reflink) == 0)
			return 0;
		tool_usage(tool, "--reflink takes auto, always or never");
		return -1;
	case OPT_RESERVE:
		options->create.reserve.given = true;
		if (text_parse_size(value, &options->create.reserve.bytes) == 0)
			return 0;
		tool_usage(tool, "--reserve: %s is not a size", value);
		return -1;
	case OPT_FORCE:
		options->force = true;
		return 0;
	case OPT_JSON:
		options->json = true;
		return 0;
	case OPT_KEEP:
		options->keep = value;
		return 0;
	case 'n':
		options->dry_run = true;
		return 0;
	case OPT_RECORD:
		options->record = true;
		return 0;
	case 'v':
		tool->verbose = true;
		return 0;
	default:
		fprintf(stderr, "Try '%s --help'.\n", tool->name);
		return -1;
	}
}

int
main(int argc, char **argv)
{
	struct verb_options options = {
		.create = { .reflink = REFLINK_ALWAYS },
	};
	char taken[16] = "";
	const struct verb *verb;
	struct err err = ERR_INIT;
	struct tool tool;
	int option;

	tool_start(&tool, "refsnap", help);
	while ((option = getopt_long(argc, argv, "no:v", long_options,
	    NULL)) != -1) {
		const char letter = option_letter(option);

		if (option == OPT_HELP)
			return tool_help(&tool);
		if (option == OPT_VERSION)
			return tool_version(&tool);
		if (take_option(&tool, &options, option, optarg) != 0)
			return ERR_USAGE;
		if (letter != 0 && strchr(taken, letter) == NULL)
			taken[strlen(taken)] = letter;
	}
	argc -= optind;
	argv += optind;
	if (argc == 0)
		return tool_usage(&tool, "what to do? create, list, info, "
		    "restore, clone, delete, prune, verify, unshare, hold or "
		    "release");
	verb = find_verb(argv[0]);
	if (verb == NULL)
		return tool_usage(&tool, "there is no verb %s", argv[0]);
	if (argc - 1 < verb->min || argc - 1 > verb->max)
		return tool_usage(&tool, "%s: %s", verb->name,
		    argc - 1 < verb->min ? "an argument is missing" :
		    "too many arguments");
	for (const char *p = taken; *p != '\0'; p++) {
		if (strchr(verb->options, *p) == NULL)
			return tool_usage(&tool, "%s does not take one of "
			    "these options", verb->name);
	}
	if (options.create.output != NULL && argc > 2)
		return tool_usage(&tool, "create takes -o SNAP or NAME, not "
		    "both");
	verb->run(&tool, &options, argv + 1, &err);
	tool_flush(&err);
	return tool_finish(&tool, &err);
}
