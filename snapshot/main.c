/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - refsnap: take, list, restore and delete snapshots of files.
 */
#include "config.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "common/tool.h"
#include "snapshot/create.h"
#include "snapshot/hold.h"
#include "snapshot/list.h"
#include "snapshot/remove.h"
#include "snapshot/unshare.h"
#include "snapshot/writable.h"

static const char help[] =
"Usage: refsnap create [-o SNAP] [--immutable] PATH [NAME]\n"
"       refsnap list [--json] PATH\n"
"       refsnap info [--json] SNAP\n"
"       refsnap restore [--force] SNAP [TARGET]\n"
"       refsnap clone SNAP NEW\n"
"       refsnap delete [--force] SNAP...\n"
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
"      --json          machine-readable output\n"
"  -v, --verbose       tell more\n"
"      --help          this text\n"
"      --version       version\n"
"\n"
"Exit codes: 0 done, 1 failed, 2 usage, 5 not what its seal says or name\n"
"taken, 7 the file system cannot, 8 in use by another run. See refsnap(1).\n";

struct options {
	struct create_options create;
	bool force;
	bool json;
};

enum { OPT_IMMUTABLE = 256, OPT_REFLINK, OPT_RESERVE, OPT_FORCE, OPT_JSON,
    OPT_HELP, OPT_VERSION };

static const struct option long_options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "immutable", no_argument, NULL, OPT_IMMUTABLE },
	{ "reflink", required_argument, NULL, OPT_REFLINK },
	{ "reserve", required_argument, NULL, OPT_RESERVE },
	{ "force", no_argument, NULL, OPT_FORCE },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

static void
do_create(struct tool *tool, const struct options *options, char **args,
    struct err *err)
{
	struct create_options create = options->create;
	struct create_result result;

	create.name = args[1];
	create.notify = &tool->notify;
	if (create.name != NULL && (create.name[0] == '\0' ||
	    strpbrk(create.name, "/:") != NULL)) {
		err_set(err, ERR_USAGE, "a NAME has no slash and no colon and "
		    "is not empty");
		return;
	}
	create_snapshot(args[0], &create, &result, err);
	if (result.taken) {
		notify_line(&tool->notify, NOTIFY_VERBOSE, "%s in %.3f s, for "
		    "which writers may have waited", result.cloned ?
		    "reflinked" : "copied", result.stall);
		tool_print_name(result.path);
		fputc('\n', stdout);
	}
	free(result.path);
}

static void
do_list(struct tool *tool, const struct options *options, char **args,
    struct err *err)
{
	(void)tool;
	list_snapshots(args[0], options->json, stdout, err);
}

static void
do_info(struct tool *tool, const struct options *options, char **args,
    struct err *err)
{
	(void)tool;
	list_info(args[0], options->json, stdout, err);
}

static void
do_restore(struct tool *tool, const struct options *options, char **args,
    struct err *err)
{
	struct restore_result result;
	char id[UUID_TEXT_SIZE];

	if (writable_restore(args[0], args[1], options->force, &tool->notify,
	    &result, err) == 0) {
		if (result.saved != NULL) {
			fputs("saved what was there as ", stdout);
			tool_print_name(result.saved);
			fputc('\n', stdout);
		}
		fputs("restored ", stdout);
		tool_print_name(result.target);
		fputs(" from ", stdout);
		tool_print_name(args[0]);
		printf(" (snapshot %s)\n",
		    uuid_format(&result.snapshot.seal.id, id));
	}
	free(result.target);
	free(result.saved);
	snapshot_close(&result.snapshot);
}

static void
do_clone(struct tool *tool, const struct options *options, char **args,
    struct err *err)
{
	(void)options;
	writable_clone(args[0], args[1], &tool->notify, err);
}

static void
do_delete(struct tool *tool, const struct options *options, char **args,
    struct err *err)
{
	/* Go on after a failure, as rm does; the last code is the exit code. */
	for (; *args != NULL; args++) {
		struct err one = ERR_INIT;

		if (remove_snapshot(*args, options->force, &tool->notify,
		    &one) == 0)
			continue;
		if (err->code != ERR_NONE)
			tool_finish(tool, err);
		*err = one;
	}
}

static void
do_unshare(struct tool *tool, const struct options *options, char **args,
    struct err *err)
{
	bool in_place;

	(void)options;
	if (unshare_file(args[0], &tool->notify, &in_place, err) == 0)
		notify_line(&tool->notify, NOTIFY_VERBOSE, "%s: unshared %s",
		    args[0], in_place ? "in place" : "by a copy");
}

/* hold and release differ in one call. */
static void
change_hold(struct tool *tool, char **args, bool hold, struct err *err)
{
	struct snapshot snapshot = SNAPSHOT_INIT;
	struct place place = PLACE_INIT;
	int rc;

	rc = hold_check_tag(args[1], err);
	if (rc == 0)
		rc = snapshot_open(AT_FDCWD, args[0], args[0], &tool->notify,
		    &snapshot, err);
	if (rc == 0 && !snapshot.sealed)
		rc = err_set(err, ERR_IDENTITY, "%s: no snapshot of refsnap",
		    args[0]);
	if (rc == 0)
		rc = place_open(args[0], hold, &place, err);
	if (rc == 0 && hold)
		hold_add(&place.store, &snapshot.seal.id, args[1], err);
	else if (rc == 0)
		hold_remove(&place.store, &snapshot.seal.id, args[1], err);
	place_close(&place);
	snapshot_close(&snapshot);
}

static void
do_hold(struct tool *tool, const struct options *options, char **args,
    struct err *err)
{
	(void)options;
	change_hold(tool, args, true, err);
}

static void
do_release(struct tool *tool, const struct options *options, char **args,
    struct err *err)
{
	(void)options;
	change_hold(tool, args, false, err);
}

/* A verb, how many arguments it takes, and which options. */
static const struct verb {
	const char *name;
	int min, max;
	const char *options;	/* see option_letter() */
	void (*run)(struct tool *, const struct options *, char **,
	    struct err *);
} verbs[] = {
	{ "create", 1, 2, "oirs", do_create },
	{ "list", 1, 1, "j", do_list },
	{ "info", 1, 1, "j", do_info },
	{ "restore", 1, 2, "f", do_restore },
	{ "clone", 2, 2, "", do_clone },
	{ "delete", 1, 1 << 20, "f", do_delete },
	{ "unshare", 1, 1, "", do_unshare },
	{ "hold", 2, 2, "", do_hold },
	{ "release", 2, 2, "", do_release },
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
take_option(struct tool *tool, struct options *options, int option,
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
	struct options options = {
		.create = { .reflink = REFLINK_ALWAYS },
	};
	char taken[16] = "";
	const struct verb *verb;
	struct err err = ERR_INIT;
	struct tool tool;
	int option;

	tool_start(&tool, "refsnap", help);
	while ((option = getopt_long(argc, argv, "o:v", long_options,
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
		    "restore, clone, delete, unshare, hold or release");
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
