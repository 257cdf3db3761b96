/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * push.c - bring a snapshot, and what leads to it, to the far side.
 */
#include "config.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "send/chain.h"
#include "snapshot/catalog.h"
#include "snapshot/hold_move.h"
#include "snapshot/store.h"
#include "sync/events.h"
#include "sync/listen.h"
#include "sync/push.h"
#include "sync/tokens.h"

/* What is known while one snapshot is pushed. */
struct run {
	struct peer *peer;
	const struct push_options *options;
	struct push_result *result;
	const char *path;
	struct seal seal;	/* of the snapshot */
	uint64_t size;
	struct place place;	/* where it lies here */
	struct catalog catalog;	/* what else lies there */
	const struct catalog_entry *base;	/* in the catalog, or NULL */
	bool related;		/* the far side has something of this lineage */
	bool broken;		/* and something of it is not what it was */
	bool passed;		/* both sides hold a newer one */
	struct tokens tokens;	/* what is there in part */
};

/* The snapshot itself, and what lies beside it. */
static int
look_here(struct run *run, struct err *err)
{
	struct snapshot opened = SNAPSHOT_INIT;
	const struct snapshot *snapshot = run->options->probe;
	int rc = 0;

	if (snapshot == NULL) {
		snapshot = &opened;
		rc = snapshot_open(AT_FDCWD, run->path, run->path,
		    run->options->notify, &opened, err);
	}
	if (rc != 0)
		return rc;
	run->seal = snapshot->seal;
	run->size = snapshot->identity.size;
	run->result->id = run->seal.id;
	run->result->lineage = run->seal.lineage;
	strcpy(run->result->origin, run->options->as != NULL ?
	    run->options->as : run->seal.origin);
	snapshot_close(&opened);
	rc = place_open(run->path, false, &run->place, err);
	if (rc == 0)
		rc = catalog_read(&run->place.store, &run->catalog, err);
	return rc;
}

/* One snapshot that the far side holds: can it be the base? */
static void
consider(struct run *run, const struct dialogue_held *held)
{
	const struct catalog_entry *here;

	if (!held->valid) {
		run->broken = true;
		notify_line(run->options->notify, NOTIFY_WARNING, "%s: %s of "
		    "%s there is not what its seal says; it is left as it is",
		    run->peer->name, held->name, held->origin);
		return;
	}
	run->related = true;
	if (uuid_equal(&held->id, &run->seal.id)) {
		run->result->present = true;
		return;
	}
	here = catalog_find(&run->catalog, &held->id);
	if (here == NULL || here->state == SEAL_BROKEN ||
	    !uuid_equal(&here->seal.lineage, &run->seal.lineage))
		return;
	if (seal_compare_age(&here->seal, &run->seal) >= 0) {
		run->passed = true;
		return;
	}
	if (run->base == NULL ||
	    seal_compare_age(&run->base->seal, &here->seal) < 0)
		run->base = here;
}

/* What does the far side hold of this lineage? */
static int
look_there(struct run *run, struct err *err)
{
	struct peer *peer = run->peer;
	int rc;

	memset(&peer->message, 0, sizeof(peer->message));
	peer->message.type = DIALOGUE_LIST;
	peer->message.u.list.lineage = run->seal.lineage;
	rc = talk_put(peer->talk, &peer->message, err);
	while (rc == 0) {
		rc = talk_expect(peer->talk, DIALOGUE_HELD, &peer->message,
		    err);
		if (rc == 0)
			consider(run, &peer->message.u.held);
	}
	return rc < 0 ? rc : 0;
}

/* A whole send can take hours that nobody expects: say so, or refuse. */
static int
announce_full(const struct run *run, struct err *err)
{
	const char *why = run->related ? "nothing that is there is here too" :
	    "there is nothing of this file yet";
	char size[TEXT_SIZE_SIZE];

	if (run->options->no_full)
		return err_set(err, ERR_NOBASE, "%s: no base for %s (%s), and "
		    "--no-full says not to send it whole", run->peer->name,
		    run->path, why);
	notify_line(run->options->notify, run->related ? NOTIFY_WARNING :
	    NOTIFY_VERBOSE, "%s: %s: sending %s whole, %s", run->peer->name,
	    why, run->path, text_size(run->size, size));
	return 0;
}

static void
tell_sent(const struct run *run)
{
	const struct send_result *sent = &run->result->sent;
	const struct notify_field fields[] = {
		notify_number("snapshots", sent->snapshots),
		notify_number("data_bytes", sent->data),
		notify_number("stream_bytes", sent->wire),
		notify_flag("dry_run", run->options->dry_run),
	};

	notify_event(run->options->notify, "sent", fields, 4);
}

static int
hold_here(struct run *run, const struct catalog_entry *entry, struct err *err)
{
	return hold_move(&run->place.store, &run->catalog, entry,
	    run->options->tag, err);
}

/* Both sides hold the base, or what was sent. */
static int
hold_both(struct run *run, const struct uuid *id, struct err *err)
{
	const struct catalog_entry *entry = catalog_find(&run->catalog, id);
	int rc = peer_hold(run->peer, id, run->options->tag, err);

	if (rc == 0 && entry != NULL)
		rc = hold_here(run, entry, err);
	if (rc == 0)
		event_held(run->options->notify, id, run->options->tag);
	return rc;
}

static int
request_stream(struct run *run, struct err *err)
{
	struct peer *peer = run->peer;
	struct dialogue_stream *stream = &peer->message.u.stream;

	memset(&peer->message, 0, sizeof(peer->message));
	peer->message.type = DIALOGUE_STREAM;
	stream->live = run->options->live;
	if (run->options->as != NULL)
		strcpy(stream->as, run->options->as);
	return talk_put(peer->talk, &peer->message, err);
}

/* Where the stream begins. */
static struct send_options
where_to_begin(const struct run *run, const struct chain *chain)
{
	struct send_options options = run->options->send;
	char size[TEXT_SIZE_SIZE];

	options.resume = tokens_find(&run->tokens, chain);
	if (options.resume == NULL)
		return options;
	run->result->resumed = options.resume->offset;
	notify_line(run->options->notify, NOTIFY_VERBOSE, "%s: going on where "
	    "it was interrupted: %s of the file is there", run->peer->name,
	    text_size(options.resume->offset, size));
	return options;
}

/* Write the stream, and hear meanwhile what becomes of it. */
static int
send_to_peer(struct run *run, const struct chain *chain, struct err *err)
{
	const struct send_options options = where_to_begin(run, chain);
	struct peer *peer = run->peer;
	struct err failed = ERR_INIT;
	struct listener listener;
	int rc;

	rc = talk_beat(peer->talk, false, err);
	if (rc == 0)
		rc = request_stream(run, err);
	if (rc == 0)
		rc = listen_begin(&listener, peer, err);
	if (rc != 0)
		return rc;
	rc = send_chain(chain, peer->transport.to, &options,
	    &run->result->sent, &failed);
	rc = listen_end(&listener, rc, &failed);
	run->result->snapshots = listener.received;
	run->result->durable = listener.durable || listener.received > 0;
	if (rc != 0)
		*err = failed;
	return rc == 0 ? talk_beat(peer->talk, true, err) : rc;
}

/* All the work, but for writing; and what would be there then. */
static int
pretend(struct run *run, const struct chain *chain, struct err *err)
{
	const size_t first = chain->based ? 1 : 0;
	struct push_result *result = run->result;

	result->times = calloc(chain->count, sizeof(*result->times));
	if (result->times == NULL)
		return err_sys(err, ERR_FAILED, "%s", run->path);
	for (size_t i = first; i < chain->count; i++)
		result->times[result->time_count++] =
		    chain->snapshots[i].seal.created.tv_sec;
	return send_chain(chain, -1, &run->options->send, &result->sent, err);
}

/*
 * An older snapshot that is there in part, sent whole: when it is complete it is
 * the base of this one.  NULL if there is none.
 */
static const struct catalog_entry *
begun_whole(const struct run *run)
{
	for (size_t i = 0; i < run->tokens.count; i++) {
		const struct token *token = &run->tokens.items[i];
		const struct catalog_entry *entry =
		    catalog_find(&run->catalog, &token->snapshot);

		if (uuid_is_nil(&token->base) && entry != NULL &&
		    entry->state != SEAL_BROKEN &&
		    uuid_equal(&entry->seal.lineage, &run->seal.lineage) &&
		    seal_compare_age(&entry->seal, &run->seal) < 0)
			return entry;
	}
	return NULL;
}

/* What is sent whole may be interrupted: it must still be here next time. */
static int
hold_begun(struct run *run, const struct catalog_entry *begun,
    struct err *err)
{
	if (begun == NULL)
		begun = catalog_find(&run->catalog, &run->seal.id);
	return begun != NULL ? hold_here(run, begun, err) : 0;
}

/* What was taken between, and is no more what it was, is left out, and all. */
static bool
broken_between(const struct run *run, const struct catalog_entry *first)
{
	for (size_t i = 0; first != NULL && i < run->catalog.count; i++) {
		const struct catalog_entry *entry = &run->catalog.entries[i];

		if (entry->state != SEAL_BROKEN ||
		    !uuid_equal(&entry->seal.lineage, &run->seal.lineage) ||
		    seal_compare_age(&entry->seal, &first->seal) <= 0 ||
		    seal_compare_age(&entry->seal, &run->seal) >= 0)
			continue;
		notify_line(run->options->notify, NOTIFY_WARNING, "%s is not "
		    "what its seal says: what was taken before this one is not "
		    "brought", entry->name);
		return true;
	}
	return false;
}

static int
send_snapshots(struct run *run, struct err *err)
{
	const struct catalog_entry *const first = run->base != NULL ?
	    run->base : begun_whole(run);
	bool between;
	char *base = NULL;
	struct chain chain;
	int rc;

	if (run->base != NULL)
		run->result->base = run->base->seal.id;
	if (first != NULL) {
		base = store_file_path(&run->place.store, first->kept,
		    first->name);
		if (base == NULL)
			return err_sys(err, ERR_FAILED, "%s", run->path);
	}
	/* The name of a broken one is taken: what was taken between is not sent. */
	between = base != NULL && !run->broken &&
	    !run->options->newest_only && !broken_between(run, first);
	rc = run->options->probe != NULL ?
	    chain_open_to(base, run->options->probe, between,
	    run->options->notify, &chain, err) :
	    chain_open(base, run->path, between, run->options->notify, &chain,
	    err);
	free(base);
	if (rc != 0)
		return rc;
	chain.based = run->base != NULL;
	if (run->base == NULL && !run->options->dry_run)
		rc = hold_begun(run, first, err);
	if (rc != 0) {
		chain_close(&chain);
		return rc;
	}
	if (run->options->dry_run)
		rc = pretend(run, &chain, err);
	else
		rc = send_to_peer(run, &chain, err);
	if (rc == 0)
		tell_sent(run);
	chain_close(&chain);
	return rc;
}

static int
push_run(struct run *run, struct err *err)
{
	const bool dry = run->options->dry_run;
	int rc;

	rc = look_here(run, err);
	if (rc == 0)
		rc = look_there(run, err);
	if (rc != 0)
		return rc;
	run->result->full = run->base == NULL && !run->result->present;
	event_base(run->options->notify, run->base != NULL ?
	    &run->base->seal.id : &(struct uuid){ { 0 } }, run->result->full,
	    run->result->present);
	if (run->result->full)
		rc = announce_full(run, err);
	/* Holds only go forward: what the next run needs is the newest. */
	if (rc == 0 && run->base != NULL && !dry && !run->result->present &&
	    !run->passed)
		rc = hold_both(run, &run->base->seal.id, err);
	if (rc == 0 && !run->result->present && !dry)
		rc = tokens_fetch(run->peer, &run->tokens, err);
	if (rc == 0 && !run->result->present)
		rc = send_snapshots(run, err);
	else if (rc == 0 && run->options->live && !dry)
		rc = peer_publish(run->peer, &run->seal.id, run->options->as,
		    err);
	if (rc == 0 && !dry && !run->passed)
		rc = hold_both(run, &run->seal.id, err);
	run->result->holds = rc == 0 && !run->passed;
	return rc;
}

int
push(struct peer *peer, const char *path, const struct push_options *options,
    struct push_result *result, struct err *err)
{
	struct run run = {
		.peer = peer, .options = options, .result = result,
		.path = path, .place = PLACE_INIT,
	};
	int rc;

	memset(result, 0, sizeof(*result));
	rc = push_run(&run, err);
	tokens_free(&run.tokens);
	catalog_free(&run.catalog);
	place_close(&run.place);
	if (options->probe != NULL)
		snapshot_close(options->probe);
	return rc;
}
