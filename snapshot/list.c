/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * list.c - print what snapshots there are, and all about one.
 */
#include "config.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "common/fsioctl.h"
#include "common/json.h"
#include "common/text.h"
#include "snapshot/catalog.h"
#include "snapshot/hold.h"
#include "snapshot/list.h"
#include "snapshot/store.h"

#define SAFE_NAME_SIZE 1100	/* 255 bytes, each escaped as \xNN */

static const char *
state_word(enum seal_state state)
{
	return state == SEAL_BROKEN ? "broken" : "good";
}

/* What json output says of a snapshot, in list and info alike. */
static void
json_entry(struct json *json, const struct catalog_entry *entry,
    const struct holds *holds)
{
	char text[DIGEST_TEXT_SIZE], id[UUID_TEXT_SIZE];
	const struct seal *seal = &entry->seal;

	json_string(json, "file", entry->name);
	json_bool(json, "in_snapshot_directory", entry->kept);
	json_string(json, "name", seal->name);
	json_string(json, "origin", seal->origin);
	json_bool(json, "plain", seal_is_plain(seal));
	json_string(json, "id", uuid_format(&seal->id, id));
	json_string(json, "lineage", uuid_format(&seal->lineage, id));
	json_number(json, "generation", seal->generation);
	json_number(json, "cut", seal->cut);
	json_string(json, "created", text_time(seal->created.tv_sec, text));
	json_number(json, "size", entry->identity.size);
	json_number(json, "mode", seal->mode);
	if (seal->digest.algorithm == DIGEST_ALGORITHM_NONE)
		json_null(json, "digest");
	else
		json_string(json, "digest", digest_format(&seal->digest,
		    text));
	json_string(json, "state", state_word(entry->state));
	if (entry->state == SEAL_BROKEN)
		json_string(json, "reason", entry->why);
	json_array(json, "holds");
	for (size_t i = 0; i < holds->count; i++)
		json_string(json, NULL, holds->tags[i]);
	json_array_end(json);
}

static void
print_line(const struct catalog_entry *entry, const struct holds *holds,
    FILE *out)
{
	char name[SAFE_NAME_SIZE], size[TEXT_SIZE_SIZE];
	char when[TEXT_TIME_SIZE];

	text_escape(name, sizeof(name), entry->name, strlen(entry->name));
	fprintf(out, "%s  %10s  %5zu  %-6s  %s%s\n",
	    text_time(entry->seal.created.tv_sec, when),
	    text_size(entry->identity.size, size), holds->count,
	    state_word(entry->state), entry->kept ? STORE_SNAPSHOTS "/" : "",
	    name);
}

/* Print the entries of one origin, or all. */
static int
print_entries(const struct store *store, const struct catalog *catalog,
    const char *origin, bool json_wanted, FILE *out, size_t *printed,
    struct err *err)
{
	struct json json = { .out = out };
	int rc = 0;

	if (json_wanted) {
		json_object(&json, NULL);
		json_array(&json, "snapshots");
	}
	for (size_t i = 0; i < catalog->count && rc == 0; i++) {
		const struct catalog_entry *entry = &catalog->entries[i];
		struct holds holds;

		if (origin != NULL && strcmp(entry->seal.origin, origin) != 0)
			continue;
		rc = hold_list(store, &entry->seal.id, &holds, err);
		if (rc != 0)
			break;
		if (*printed == 0 && !json_wanted)
			fprintf(out, "%-20s  %10s  %5s  %-6s  %s\n", "CREATED",
			    "SIZE", "HOLDS", "STATE", "SNAPSHOT");
		++*printed;
		if (json_wanted) {
			json_object(&json, NULL);
			json_entry(&json, entry, &holds);
			json_object_end(&json);
		} else {
			print_line(entry, &holds, out);
		}
		holds_free(&holds);
	}
	if (json_wanted) {
		json_array_end(&json);
		json_object_end(&json);
		fputc('\n', out);
	}
	return rc;
}

int
list_snapshots(const char *path, bool json, FILE *out, struct err *err)
{
	struct place place = PLACE_INIT;
	struct catalog catalog;
	size_t printed = 0;
	bool exists;
	int rc;

	rc = place_open_all(path, &place, &exists, err);
	if (rc != 0)
		return rc;
	rc = catalog_read(&place.store, &catalog, err);
	if (rc == 0) {
		rc = print_entries(&place.store, &catalog, place.name, json,
		    out, &printed, err);
		catalog_free(&catalog);
	}
	if (rc == 0 && printed == 0 && !exists)
		rc = err_set(err, ERR_FAILED, "%s: no such file, and no "
		    "snapshots of it", path);
	place_close(&place);
	return rc;
}

static void
print_info(const struct catalog_entry *entry, const struct holds *holds,
    bool immutable, FILE *out)
{
	char name[SAFE_NAME_SIZE], text[DIGEST_TEXT_SIZE], id[UUID_TEXT_SIZE];
	const struct seal *seal = &entry->seal;

	text_escape(name, sizeof(name), seal->origin, strlen(seal->origin));
	fprintf(out, "origin:     %s\n", name);
	text_escape(name, sizeof(name), seal->name, strlen(seal->name));
	fprintf(out, "name:       %s\n", name);
	fprintf(out, "id:         %s\n", uuid_format(&seal->id, id));
	fprintf(out, "lineage:    %s, cut %" PRIu64 ", generation %" PRIu64
	    "\n", uuid_format(&seal->lineage, id), seal->cut,
	    seal->generation);
	fprintf(out, "created:    %s\n", text_time(seal->created.tv_sec, text));
	fprintf(out, "size:       %" PRIu64 "\n", entry->identity.size);
	fprintf(out, "mode:       %04o\n", (unsigned)seal->mode);
	fprintf(out, "digest:     %s\n", digest_format(&seal->digest, text));
	fprintf(out, "immutable:  %s\n", immutable ? "yes" : "no");
	fprintf(out, "holds:      ");
	for (size_t i = 0; i < holds->count; i++)
		fprintf(out, "%s%s", i > 0 ? ", " : "", holds->tags[i]);
	fprintf(out, "%s\n", holds->count == 0 ? "none" : "");
	fprintf(out, "seal:       %s%s%s\n", state_word(entry->state),
	    entry->state == SEAL_BROKEN ? ": " : "",
	    entry->state == SEAL_BROKEN ? entry->why : "");
}

int
list_info(const char *path, bool json_wanted, FILE *out, struct err *err)
{
	struct catalog_entry entry = { .name = NULL };
	struct json json = { .out = out };
	struct place place = PLACE_INIT;
	struct holds holds;
	bool immutable;
	int fd, rc;

	rc = place_open(path, false, &place, err);
	if (rc != 0)
		return rc;
	fd = openat(place_directory(&place), place.name,
	    O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fs_get_immutable(fd, &immutable) != 0)
		rc = err_sys(err, ERR_FAILED, "%s", path);
	if (rc == 0 && (rc = seal_read(fd, path, &entry.seal, err)) > 0)
		rc = err_set(err, ERR_IDENTITY, "%s: no snapshot of refsnap "
		    "(it has no seal)", path);
	if (rc == 0)
		rc = identity_read(fd, path, &entry.identity, err);
	if (rc == 0)
		rc = hold_list(&place.store, &entry.seal.id, &holds, err);
	if (rc == 0) {
		entry.name = place.name;
		entry.kept = place.kept;
		entry.state = seal_check(&entry.seal, &entry.identity,
		    entry.why, sizeof(entry.why));
		if (json_wanted) {
			json_object(&json, NULL);
			json_entry(&json, &entry, &holds);
			json_bool(&json, "immutable", immutable);
			json_object_end(&json);
			fputc('\n', out);
		} else {
			print_info(&entry, &holds, immutable, out);
		}
		holds_free(&holds);
		if (entry.state == SEAL_BROKEN)
			rc = err_set(err, ERR_IDENTITY, "%s is not the "
			    "snapshot that its seal says: %s", path,
			    entry.why);
	}
	if (fd >= 0)
		close(fd);
	place_close(&place);
	return rc;
}
