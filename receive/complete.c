/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * complete.c - check, seal and publish a snapshot that was received.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cache.h"
#include "common/hash.h"
#include "common/io.h"
#include "receive/receiver.h"
#include "snapshot/partial_kept.h"

/*
 * Is the result what the sender read?  A snapshot that came whole was digested
 * on the way; one that came as a difference, or with an interruption, is read
 * for it.
 */
static int
check_digest(struct receiver *r, const struct record_digest *sent,
    struct digest *mine, struct err *err)
{
	const bool known = sent->algorithm == DIGEST_XXH3_128;

	memset(mine, 0, sizeof(*mine));
	if (r->blind)
		return 0;
	if (r->digest != NULL)
		digest_final(r->digest, mine);
	else if (r->options->dry_run || (!known && r->target.based))
		return 0;
	else if (digest_file(r->partial.fd, r->begin.size, NULL, mine) != 0)
		return err_sys(err, ERR_FAILED, "cannot read %s",
		    r->target.path);
	if (known &&
	    !hash_matches(sent->value, mine->value, sizeof(mine->value)))
		return err_set(err, ERR_STREAM, "%s does not have the digest "
		    "that the sender gives it", r->target.path);
	return 0;
}

/*
 * What is whole is no partial to go on with any more, and must not say so when
 * it has its name.  An interruption from here on loses it: so that this does not
 * take long, the contents are synced before.
 */
static int
end_checkpoints(const struct receiver *r, struct err *err)
{
	if (!r->keeping)
		return 0;
	if (fsync(r->partial.fd) != 0)
		return err_sys(err, ERR_FAILED, "cannot sync %s",
		    r->target.path);
	return partial_state_remove(r->partial.fd, r->target.path, err);
}

/* Metadata, seal, mode; then everything to disk. */
static int
seal_partial(struct receiver *r, const struct digest *digest, struct err *err)
{
	const int fd = r->partial.fd;
	const char *path = r->target.path;
	struct seal seal = {
		.id = r->begin.snapshot,
		.lineage = r->begin.lineage,
		.generation = r->begin.generation,
		.cut = r->begin.cut,
		.created = r->begin.created,
		.digest = *digest,
	};
	int rc;

	memcpy(seal.origin, r->target.origin, sizeof(seal.origin));
	memcpy(seal.name, r->target.snapshot_name, sizeof(seal.name));
	rc = end_checkpoints(r, err);
	if (rc == 0)
		rc = metadata_apply(fd, path, &r->metadata,
		    r->options->trusted, r->options->notify, &seal.mode, err);
	if (rc == 0)
		rc = metadata_apply_times(fd, path, &r->metadata, err);
	if (rc == 0)
		rc = seal_write(fd, path, &seal, seal.mode & 0444, err);
	if (rc != 0)
		return rc;
	if (fchmod(fd, seal.mode & 0444) != 0 || fsync(fd) != 0)
		return err_sys(err, ERR_FAILED, "cannot sync %s", path);
	cache_drop(fd, 0, 0);
	return 0;
}

/* What else is left of it, and of older snapshots, nobody will send any more. */
static void
forget_older(const struct receiver *r)
{
	struct seal received = {
		.lineage = r->begin.lineage,
		.generation = r->begin.generation,
		.cut = r->begin.cut,
		.created = r->begin.created,
	};

	memcpy(received.origin, r->target.origin, sizeof(received.origin));
	partial_kept_remove(&r->store, &r->begin.snapshot);
	partial_kept_remove_older(&r->store, &received);
}

/* Account for a snapshot that is there now, or was. */
static int
add_result(struct receiver *r, struct err *err)
{
	struct receive_result *result = r->result;
	struct received *grown = realloc(result->snapshots,
	    (result->count + 1) * sizeof(*grown));

	if (grown == NULL)
		return err_sys(err, ERR_FAILED, "%s", r->received.path);
	result->snapshots = grown;
	grown[result->count++] = r->received;
	memset(&r->received, 0, sizeof(r->received));
	return 0;
}

int
receiver_complete(struct receiver *r, const struct record_digest *sent,
    struct err *err)
{
	const struct target *target = &r->target;
	const int dirfd = target->kept ? r->store.snapshots : r->store.dir;
	struct digest digest;
	int rc = 0;

	if (target->present &&
	    target_digest_differs(&target->digest, sent))
		return err_set(err, ERR_IDENTITY, "%s is this snapshot, but "
		    "has another digest than the sender's", target->path);
	if (!target->present) {
		rc = check_digest(r, sent, &digest, err);
		if (rc == 0 && target->based)
			rc = snapshot_recheck(&target->base, err);
	}
	if (rc == 0 && !target->present && !r->options->dry_run) {
		rc = seal_partial(r, &digest, err);
		if (rc == 0)
			rc = partial_publish(&r->partial, dirfd, target->name,
			    target->path, err);
		if (rc == 0)
			forget_older(r);
	}
	/* Whoever published it may not have come to sync its name. */
	if (rc == 0 && target->present && !r->options->dry_run &&
	    io_sync_directory(dirfd) != 0)
		rc = err_sys(err, ERR_FAILED, "cannot sync the directory of "
		    "%s", target->path);
	if (rc == 0)
		rc = add_result(r, err);
	return rc;
}
