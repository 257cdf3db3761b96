/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verbs.c - what refsnap does for each verb, and what it prints.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "snapshot/hold.h"
#include "snapshot/list.h"
#include "snapshot/prune.h"
#include "snapshot/remove.h"
#include "snapshot/unshare.h"
#include "snapshot/verbs.h"
#include "snapshot/verify.h"
#include "snapshot/writable.h"

void
verb_create(struct tool *tool, const struct verb_options *options,
    char **args, struct err *err)
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

void
verb_list(struct tool *tool, const struct verb_options *options,
    char **args, struct err *err)
{
	(void)tool;
	list_snapshots(args[0], options->json, stdout, err);
}

void
verb_info(struct tool *tool, const struct verb_options *options,
    char **args, struct err *err)
{
	(void)tool;
	list_info(args[0], options->json, stdout, err);
}

void
verb_restore(struct tool *tool, const struct verb_options *options,
    char **args, struct err *err)
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

void
verb_clone(struct tool *tool, const struct verb_options *options,
    char **args, struct err *err)
{
	(void)options;
	writable_clone(args[0], args[1], &tool->notify, err);
}

void
verb_delete(struct tool *tool, const struct verb_options *options,
    char **args, struct err *err)
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

/* What prune prints, as it goes. */
struct pruning {
	const struct verb_options *options;
	struct json json;
};

static void
print_fate(void *cookie, const struct catalog_entry *entry, const char *path,
    enum prune_fate fate)
{
	static const char *const words[PRUNE_FATES] = {
		[PRUNE_DELETED] = "deleted", [PRUNE_KEPT] = "kept",
		[PRUNE_PROTECTED] = "protected", [PRUNE_HELD] = "held",
		[PRUNE_BROKEN] = "broken", [PRUNE_IN_USE] = "in use",
		[PRUNE_FAILED] = "failed", [PRUNE_GONE] = "gone",
	};
	char time[TEXT_TIME_SIZE], id[UUID_TEXT_SIZE];
	struct pruning *pruning = cookie;
	struct json *json = &pruning->json;

	if (pruning->options->json) {
		json_object(json, NULL);
		json_string(json, "path", path);
		json_string(json, "origin", entry->seal.origin);
		json_string(json, "name", entry->seal.name);
		json_string(json, "id", uuid_format(&entry->seal.id, id));
		json_string(json, "created", text_time(
		    entry->seal.created.tv_sec, time));
		json_string(json, "fate", words[fate]);
		json_object_end(json);
	} else if (fate == PRUNE_DELETED) {
		tool_print_name(path);
		fputc('\n', stdout);
	}
}

void
verb_prune(struct tool *tool, const struct verb_options *options,
    char **args, struct err *err)
{
	struct pruning pruning = { .options = options,
	    .json = { .out = stdout } };
	struct prune_options prune = { .dry_run = options->dry_run,
	    .notify = &tool->notify, .told = print_fate, .cookie = &pruning };

	if (options->keep == NULL) {
		err_set(err, ERR_USAGE, "prune deletes nothing without --keep "
		    "POLICY, such as --keep '48h 14d 8w 12m'");
		return;
	}
	if (retention_parse(options->keep, &prune.keep, err) != 0)
		return;
	if (options->json) {
		json_object(&pruning.json, NULL);
		json_bool(&pruning.json, "dry_run", options->dry_run);
		json_array(&pruning.json, "snapshots");
	}
	prune_snapshots(args[0], &prune, err);
	if (options->json) {
		json_array_end(&pruning.json);
		json_object_end(&pruning.json);
		fputc('\n', stdout);
	}
}

static void
json_verified(const char *path, const struct verify_result *result)
{
	static const char *const words[] = {
		[VERIFY_EQUAL] = "equal", [VERIFY_DIFFERENT] = "different",
		[VERIFY_NO_DIGEST] = "no digest",
		[VERIFY_RECORDED] = "recorded",
	};
	char id[UUID_TEXT_SIZE], text[DIGEST_TEXT_SIZE];
	struct json json = { .out = stdout };

	json_object(&json, NULL);
	json_string(&json, "path", path);
	json_string(&json, "id", uuid_format(&result->seal.id, id));
	json_string(&json, "result", words[result->outcome]);
	if (result->outcome == VERIFY_NO_DIGEST) {
		json_null(&json, "recorded");
		json_null(&json, "computed");
	} else {
		json_string(&json, "recorded", digest_format(
		    &result->seal.digest, text));
		json_string(&json, "computed", digest_format(
		    &result->computed, text));
	}
	json_object_end(&json);
	fputc('\n', stdout);
}

void
verb_verify(struct tool *tool, const struct verb_options *options,
    char **args, struct err *err)
{
	struct verify_result result;
	char text[DIGEST_TEXT_SIZE];

	verify_snapshot(args[0], options->record, &tool->notify, &result, err);
	if (result.outcome == VERIFY_UNKNOWN)
		return;
	if (options->json) {
		json_verified(args[0], &result);
	} else if (err->code == ERR_NONE) {
		tool_print_name(args[0]);
		printf(": %s, %s\n", result.outcome == VERIFY_RECORDED ?
		    "recorded" : "good", digest_format(&result.computed,
		    text));
	}
}

void
verb_unshare(struct tool *tool, const struct verb_options *options,
    char **args, struct err *err)
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

void
verb_hold(struct tool *tool, const struct verb_options *options,
    char **args, struct err *err)
{
	(void)options;
	change_hold(tool, args, true, err);
}

void
verb_release(struct tool *tool, const struct verb_options *options,
    char **args, struct err *err)
{
	(void)options;
	change_hold(tool, args, false, err);
}
