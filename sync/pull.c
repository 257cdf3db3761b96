/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pull.c - bring a snapshot from one peer to another.
 */
#include "config.h"

#include <string.h>

#include "common/text.h"
#include "send/gather.h"
#include "sync/events.h"
#include "sync/held.h"
#include "sync/listen.h"
#include "sync/pass.h"
#include "sync/pull.h"
#include "sync/tokens.h"

struct run {
	struct peer *source, *target;
	const struct pull_options *options;
	struct pull_result *result;
	struct dialogue_held snapshot;	/* what is to be brought */
	bool between;		/* and what was taken between base and it */
	struct held there, here;	/* its lineage */
	struct tokens tokens;	/* what is here in part */
};

static int
ask_create(struct run *run, struct err *err)
{
	struct peer *source = run->source;
	int rc;

	memset(&source->message, 0, sizeof(source->message));
	source->message.type = DIALOGUE_CREATE;
	strcpy(source->message.u.create.origin, run->options->origin);
	rc = talk_put(source->talk, &source->message, err);
	if (rc == 0)
		rc = talk_expect(source->talk, DIALOGUE_HELD, &source->message,
		    err);
	if (rc != 0)
		return rc;
	run->snapshot = source->message.u.held;
	rc = talk_expect(source->talk, DIALOGUE_DONE, &source->message, err);
	return rc > 0 ? 0 : rc;
}

static int
ask_which(struct run *run, struct err *err)
{
	const struct pull_options *options = run->options;
	const struct dialogue_held *found;
	const struct uuid all = { { 0 } };
	struct held held;
	int rc = held_fetch(run->source, &all, &held, err);

	if (rc == 0) {
		found = held_of_file(&held, options->origin, options->name);
		if (found != NULL && !found->valid)
			rc = err_set(err, ERR_IDENTITY, "%s: %s of %s there is "
			    "not what its seal says; name an older one, as "
			    "FILE@SNAP", run->source->name, found->name,
			    found->origin);
		else if (found != NULL)
			run->snapshot = *found;
		else
			rc = err_set(err, ERR_FAILED, "%s: there is no "
			    "snapshot%s%s of %s", run->source->name,
			    options->name != NULL ? " " : "",
			    options->name != NULL ? options->name : "",
			    options->origin);
	}
	held_free(&held);
	return rc;
}

/* Where one is not what it was, its name is taken: nothing comes there. */
static bool
any_broken(const struct run *run)
{
	for (size_t i = 0; i < run->here.count; i++) {
		if (!run->here.items[i].valid)
			return true;
	}
	return false;
}

/* What of it is needed, and onto what. */
static int
choose(struct run *run, struct err *err)
{
	const struct uuid *lineage = &run->snapshot.lineage;
	const struct dialogue_held *base;
	char size[TEXT_SIZE_SIZE];
	int rc;

	run->result->id = run->snapshot.id;
	strcpy(run->result->name, run->snapshot.name);
	rc = held_fetch(run->source, lineage, &run->there, err);
	if (rc == 0)
		rc = held_fetch(run->target, lineage, &run->here, err);
	if (rc != 0)
		return rc;
	run->result->present = held_find(&run->here, &run->snapshot.id) != NULL;
	base = held_base(&run->there, &run->snapshot, &run->here);
	if (base != NULL) {
		run->result->base = base->id;
		run->between = !run->options->newest_only &&
		    held_older(base, &run->snapshot) && !any_broken(run);
	}
	run->result->full = base == NULL && !run->result->present;
	if (!run->result->full)
		return 0;
	if (run->options->no_full)
		return err_set(err, ERR_NOBASE, "%s: no base here for %s, and "
		    "--no-full says not to send it whole", run->source->name,
		    run->options->origin);
	notify_line(run->options->notify, run->here.count > 0 ?
	    NOTIFY_WARNING : NOTIFY_VERBOSE, "%s: no base here: bringing %s "
	    "whole, %s", run->source->name, run->options->origin,
	    text_size(run->snapshot.size, size));
	return 0;
}

/* The one that was taken there. */
static void
tell_snapshot(const struct run *run)
{
	char id[UUID_TEXT_SIZE];
	const struct notify_field fields[] = {
		notify_text("snapshot", run->snapshot.name),
		notify_text("id", uuid_format(&run->snapshot.id, id)),
	};

	notify_event(run->options->notify, "snapshot", fields, 2);
}

static void
tell_sent(const struct run *run)
{
	const struct notify_field fields[] = {
		notify_number("snapshots", run->result->snapshots),
		notify_number("stream_bytes", run->result->wire),
		notify_flag("dry_run", false),
	};

	notify_event(run->options->notify, "sent", fields, 3);
}

static int
hold_both(struct run *run, const struct uuid *id, struct err *err)
{
	int rc;

	if (run->options->tag == NULL)
		return 0;
	rc = peer_hold(run->source, id, run->options->tag, err);
	if (rc == 0)
		rc = peer_hold(run->target, id, run->options->tag, err);
	if (rc == 0)
		event_held(run->options->notify, id, run->options->tag);
	return rc;
}

/*
 * Can the stream go on with what is here in part?  It has what comes next upon
 * the base; or, without one, a snapshot that is complete first, be it an older
 * one.
 */
static const struct token *
choose_token(const struct run *run)
{
	for (size_t i = 0; i < run->tokens.count; i++) {
		const struct token *token = &run->tokens.items[i];
		const struct dialogue_held *snapshot =
		    held_find(&run->there, &token->snapshot);

		if (snapshot == NULL ||
		    !uuid_equal(&token->base, &run->result->base))
			continue;
		if (uuid_equal(&token->snapshot, &run->snapshot.id) ||
		    ((run->between || run->result->full) &&
		    held_older(snapshot, &run->snapshot)))
			return token;
	}
	return NULL;
}

/* Ask one to send and the other to receive. */
static int
ask_stream(struct run *run, struct err *err)
{
	const struct token *token;
	struct dialogue *asked = &run->source->message;
	const int level = run->options->level;
	int rc;

	rc = tokens_fetch(run->target, &run->tokens, err);
	if (rc != 0)
		return rc;
	token = choose_token(run);
	memset(asked, 0, sizeof(*asked));
	asked->type = DIALOGUE_SEND;
	if (token != NULL) {
		asked->u.send.resume = true;
		asked->u.send.token = *token;
		run->result->resumed = token->offset;
	}
	asked->u.send.id = run->snapshot.id;
	asked->u.send.base = run->result->base;
	asked->u.send.between = run->between;
	asked->u.send.level = level == GATHER_AUTO ? DIALOGUE_LEVEL_AUTO :
	    (uint32_t)level;
	rc = talk_put(run->source->talk, asked, err);
	if (rc == 0)
		rc = talk_expect(run->source->talk, DIALOGUE_STREAM, asked,
		    err);
	if (rc != 0)
		return rc;
	asked = &run->target->message;
	memset(asked, 0, sizeof(*asked));
	asked->type = DIALOGUE_STREAM;
	asked->u.stream.live = run->options->live;
	if (run->options->as != NULL)
		strcpy(asked->u.stream.as, run->options->as);
	rc = talk_beat(run->target->talk, false, err);
	return rc == 0 ? talk_put(run->target->talk, asked, err) : rc;
}

/*
 * The source is lost.  The target shall see an end, not be broken off: it keeps
 * what came.  What it says of that is not what happened.
 */
static void
end_target(struct run *run, struct listener *listener, int rc)
{
	struct err ignored = ERR_INIT;

	transport_finish(&run->target->transport);
	listen_end(listener, rc, &ignored);
}

static int
carry(struct run *run, struct err *err)
{
	struct err failed = ERR_INIT;
	struct listener listener;
	int rc;

	rc = ask_stream(run, err);
	if (rc == 0)
		rc = listen_begin(&listener, run->target, err);
	if (rc != 0)
		return rc;
	rc = pass_stream(run->source, run->target, run->options->rate,
	    run->options->notify, &run->result->wire, &failed);
	if (run->source->lost)
		end_target(run, &listener, rc);
	else
		rc = listen_end(&listener, rc, &failed);
	run->result->snapshots = listener.received;
	run->result->durable = listener.durable || listener.received > 0;
	if (rc != 0) {
		*err = failed;
		return rc;
	}
	rc = talk_expect(run->source->talk, DIALOGUE_DONE,
	    &run->source->message, err);
	return rc >= 0 ? talk_beat(run->target->talk, true, err) : rc;
}

int
pull(struct peer *source, struct peer *target,
    const struct pull_options *options, struct pull_result *result,
    struct err *err)
{
	struct run run = {
		.source = source, .target = target, .options = options,
		.result = result,
	};
	int rc;

	memset(result, 0, sizeof(*result));
	rc = options->create ? ask_create(&run, err) : ask_which(&run, err);
	if (rc == 0 && options->create)
		tell_snapshot(&run);
	if (rc == 0)
		rc = choose(&run, err);
	if (rc == 0)
		event_base(options->notify, &result->base, result->full,
		    result->present);
	if (rc == 0 && !result->present && !result->full)
		rc = hold_both(&run, &result->base, err);
	if (rc == 0 && !result->present)
		rc = carry(&run, err);
	else if (rc == 0 && options->live)
		rc = peer_publish(target, &result->id, options->as, err);
	if (rc == 0 && !result->present)
		tell_sent(&run);
	if (rc == 0)
		rc = hold_both(&run, &result->id, err);
	tokens_free(&run.tokens);
	held_free(&run.there);
	held_free(&run.here);
	return rc;
}
