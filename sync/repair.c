/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * repair.c - send a damaged replica what differs.
 */
#include "config.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/hash.h"
#include "common/io.h"
#include "common/pace.h"
#include "snapshot/snapshot.h"
#include "sync/repair.h"

#define AHEAD 32u		/* patches that wait for their answers */

struct run {
	struct peer *peer;
	const struct verify_result *verified;
	const struct notify *notify;
	struct snapshot snapshot;
	unsigned waiting;	/* patches that were not answered yet */
	uint64_t sent;		/* bytes */
	struct pace pace;
};

int
ranges_add(struct ranges *ranges, uint64_t offset, uint64_t length)
{
	struct range_of_file *grown = realloc(ranges->items,
	    (ranges->count + 1) * sizeof(*grown));

	if (grown == NULL)
		return -1;
	ranges->items = grown;
	grown[ranges->count++] = (struct range_of_file){ offset, length };
	return 0;
}

void
ranges_free(struct ranges *ranges)
{
	free(ranges->items);
	memset(ranges, 0, sizeof(*ranges));
}

/* Is the snapshot here what it was, as far as that can be known? */
static int
check_here(struct run *run, struct err *err)
{
	const struct snapshot *snapshot = &run->snapshot;
	const struct digest *sealed = &snapshot->seal.digest;
	struct digest computed;

	if (!snapshot->sealed)
		return err_set(err, ERR_IDENTITY, "%s has no seal: nothing is "
		    "repaired from it", snapshot->path);
	if (!digest_is_known(sealed))
		return 0;
	if (digest_file(snapshot->fd, snapshot->identity.size, run->notify,
	    &computed) != 0)
		return err_sys(err, ERR_FAILED, "cannot read %s",
		    snapshot->path);
	if (!hash_matches(sealed->value, computed.value, DIGEST_BYTES))
		return err_set(err, ERR_IDENTITY, "%s is damaged itself: its "
		    "contents are not those that its seal records",
		    snapshot->path);
	return 0;
}

/* Wait for answers until no more than so many are missing. */
static int
await(struct run *run, unsigned most, struct err *err)
{
	int rc = 0;

	while (rc == 0 && run->waiting > most) {
		rc = talk_expect(run->peer->talk, DIALOGUE_DONE,
		    &run->peer->message, err);
		run->waiting--;
	}
	return rc;
}

/* Send the message, and leave so many answers for later. */
static int
put(struct run *run, enum dialogue_type type, unsigned most, struct err *err)
{
	struct err failed = ERR_INIT;
	int rc;

	run->peer->message.type = type;
	rc = talk_put(run->peer->talk, &run->peer->message, &failed);
	run->waiting++;
	if (rc == 0)
		return await(run, most, err);
	/* What it could not take it may have told the reason of. */
	rc = await(run, 0, err);
	if (rc == 0)
		*err = failed;
	return -(int)err->code;
}

static int
send_range(struct run *run, const struct range_of_file *range, struct err *err)
{
	struct dialogue_patch *patch = &run->peer->message.u.patch;
	const uint64_t size = run->snapshot.identity.size;
	const uint64_t end = bytes_min(range->offset + range->length, size);
	uint64_t offset = range->offset;
	int rc = 0;

	while (rc == 0 && offset < end) {
		memset(&run->peer->message, 0, sizeof(run->peer->message));
		patch->offset = offset;
		patch->length = (uint32_t)bytes_min(end - offset,
		    DIALOGUE_PATCH_MAX);
		if (io_pread_zeros(run->snapshot.fd, patch->bytes,
		    patch->length, offset) != 0)
			return err_sys(err, ERR_FAILED, "cannot read %s at byte "
			    "%" PRIu64, run->snapshot.path, offset);
		for (size_t left = patch->length; left > 0;)
			left -= pace_wait(&run->pace, left);
		offset += patch->length;
		run->sent += patch->length;
		rc = put(run, DIALOGUE_PATCH, AHEAD, err);
		notify_progress(run->notify, run->sent,
		    run->verified->differing);
	}
	return rc;
}

static int
repair_with(struct run *run, const struct ranges *ranges, struct err *err)
{
	struct dialogue *message = &run->peer->message;
	int rc = check_here(run, err);

	if (rc != 0)
		return rc;
	memset(message, 0, sizeof(*message));
	message->u.mend.id = run->verified->id;
	message->u.mend.size = run->snapshot.identity.size;
	message->u.mend.whole = run->verified->whole;
	rc = put(run, DIALOGUE_MEND, 0, err);
	for (size_t i = 0; rc == 0 && i < ranges->count; i++)
		rc = send_range(run, &ranges->items[i], err);
	if (rc == 0)
		rc = put(run, DIALOGUE_SEAL, 0, err);
	return rc;
}

int
repair(struct peer *peer, const struct verify_result *verified,
    const struct ranges *ranges, uint64_t rate, const struct notify *notify,
    struct err *err)
{
	struct run run = {
		.peer = peer, .verified = verified, .notify = notify,
		.pace = { .rate = rate },
	};
	int rc;

	rc = snapshot_open(AT_FDCWD, verified->snapshot, verified->snapshot,
	    notify, &run.snapshot, err);
	if (rc == 0)
		rc = repair_with(&run, ranges, err);
	snapshot_close(&run.snapshot);
	return rc;
}
