/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * proof.c - prove that a snapshot here and its replica there hold the same.
 */
#include "config.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bytes.h"
#include "snapshot/blocks.h"
#include "snapshot/catalog.h"
#include "snapshot/store.h"
#include "sync/held.h"
#include "sync/proof.h"

struct run {
	struct peer *peer;
	const struct notify *notify;
	verify_sink *sink;
	void *cookie;
	struct verify_result *result;
	struct place place;
	struct catalog catalog;
	uint64_t size;		/* of the file here */
	uint64_t beyond;	/* where the next block lies that is only there */
	/* A range that differs, and is not told yet. */
	uint64_t offset, length;
};

/* Is this entry the file that was named, or one of its snapshots? */
static bool
is_meant(const struct run *run, const struct catalog_entry *entry)
{
	if (entry->kept == run->place.kept &&
	    strcmp(entry->name, run->place.name) == 0)
		return true;
	return !run->place.kept &&
	    strcmp(entry->seal.origin, run->place.name) == 0;
}

/* The newest of what is meant that the far side has too. */
static const struct catalog_entry *
choose(const struct run *run, const struct held *held)
{
	const struct catalog_entry *found = NULL;

	for (size_t i = 0; i < run->catalog.count; i++) {
		const struct catalog_entry *entry = &run->catalog.entries[i];
		bool there = false;

		for (size_t k = 0; k < held->count && !there; k++)
			there = uuid_equal(&held->items[k].id,
			    &entry->seal.id);
		if (there && is_meant(run, entry) && (found == NULL ||
		    seal_compare_age(&found->seal, &entry->seal) < 0))
			found = entry;
	}
	return found;
}

static int
find(struct run *run, const char *path, struct err *err)
{
	const struct uuid all = { { 0 } };
	const struct catalog_entry *entry = NULL;
	struct held held = { NULL, 0 };
	int rc;

	rc = place_open(path, false, &run->place, err);
	if (rc == 0)
		rc = catalog_read(&run->place.store, &run->catalog, err);
	if (rc == 0)
		rc = held_fetch(run->peer, &all, &held, err);
	if (rc == 0)
		entry = choose(run, &held);
	held_free(&held);
	if (rc == 0 && entry == NULL)
		return err_set(err, ERR_NOBASE, "%s: nothing of it is there",
		    path);
	if (rc != 0)
		return rc;
	run->result->id = entry->seal.id;
	run->result->snapshot = store_file_path(&run->place.store,
	    entry->kept, entry->name);
	return run->result->snapshot != NULL ? 0 :
	    err_sys(err, ERR_FAILED, "%s", path);
}

static void
flush(struct run *run)
{
	if (run->length > 0)
		run->sink(run->cookie, run->offset, run->length);
	run->length = 0;
}

/* A range that differs; those that touch are told as one. */
static void
differs(struct run *run, uint64_t offset, uint64_t length)
{
	if (length == 0)
		return;
	if (run->length > 0 && run->offset + run->length == offset) {
		run->length += length;
	} else {
		flush(run);
		run->offset = offset;
		run->length = length;
	}
	run->result->differing += length;
}

/* The next block of the file here; 1 after the last one. */
static int
next_block(struct run *run, struct blocks *blocks, struct sha256 *mine,
    struct err *err)
{
	const int rc = blocks_next(blocks, mine, err);

	if (rc == 0 && blocks_chain(&run->result->whole, mine) != 0)
		return err_set(err, ERR_FAILED, "libcrypto has no SHA-256");
	return rc;
}

/* The hashes of one message against those of the file. */
static int
compare(struct run *run, struct blocks *blocks,
    const struct dialogue_hashes *theirs, bool *end, struct err *err)
{
	for (uint32_t i = 0; i < theirs->count; i++) {
		const uint64_t offset = *end ? run->beyond :
		    blocks_done(blocks);
		const uint64_t next = ((offset + BLOCKS_SIZE - 1) /
		    BLOCKS_SIZE + 1) * BLOCKS_SIZE;
		struct sha256 mine;
		int rc = 1;

		if (!*end)
			rc = next_block(run, blocks, &mine, err);
		if (rc < 0)
			return rc;
		*end = rc > 0;
		/* What is longer there differs, wherever it ends. */
		if (*end) {
			differs(run, offset, next - offset);
			run->beyond = next;
		} else if (memcmp(&mine, &theirs->hash[i], sizeof(mine)) != 0)
			differs(run, offset, blocks_done(blocks) - offset);
		notify_progress(run->notify, blocks_done(blocks), run->size);
	}
	return 0;
}

static int
compare_all(struct run *run, struct blocks *blocks, struct err *err)
{
	struct peer *peer = run->peer;
	const struct dialogue_hashes *hashes = &peer->message.u.hashes;
	struct sha256 rest;
	bool end = false;
	int rc;

	memset(&peer->message, 0, sizeof(peer->message));
	peer->message.type = DIALOGUE_VERIFY;
	peer->message.u.verify.id = run->result->id;
	rc = talk_put(peer->talk, &peer->message, err);
	while (rc == 0) {
		rc = talk_expect(peer->talk, DIALOGUE_HASHES, &peer->message,
		    err);
		if (rc == 0)
			rc = compare(run, blocks, hashes, &end, err);
	}
	if (rc < 0)
		return rc;
	differs(run, blocks_done(blocks), run->size - blocks_done(blocks));
	flush(run);
	run->result->bytes = run->size;
	do
		rc = next_block(run, blocks, &rest, err);
	while (rc == 0);
	return rc < 0 ? rc : 0;
}

static int
verify_file(struct run *run, struct err *err)
{
	const char *path = run->result->snapshot;
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct blocks *blocks = NULL;
	struct stat st;
	int rc;

	if (fd < 0 || fstat(fd, &st) != 0) {
		rc = err_sys(err, ERR_FAILED, "%s", path);
	} else {
		run->size = (uint64_t)st.st_size;
		blocks = blocks_new(fd, run->size, path);
		rc = blocks != NULL ? compare_all(run, blocks, err) :
		    err_sys(err, ERR_FAILED, "%s", path);
	}
	blocks_free(blocks);
	if (fd >= 0)
		close(fd);
	return rc;
}

int
verify(struct peer *peer, const char *path, const struct notify *notify,
    verify_sink *sink, void *cookie, struct verify_result *result,
    struct err *err)
{
	struct run run = {
		.peer = peer, .notify = notify, .sink = sink,
		.cookie = cookie, .result = result, .place = PLACE_INIT,
	};
	int rc;

	memset(result, 0, sizeof(*result));
	rc = find(&run, path, err);
	if (rc == 0)
		rc = verify_file(&run, err);
	catalog_free(&run.catalog);
	place_close(&run.place);
	return rc;
}
