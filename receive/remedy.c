/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * remedy.c - put a damaged replica right with what the near side sends.
 */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/beneath.h"
#include "common/hash.h"
#include "common/io.h"
#include "common/metadata.h"
#include "receive/remedy.h"
#include "snapshot/blocks.h"
#include "snapshot/catalog.h"
#include "snapshot/partial_kept.h"

#define RESERVE_EVERY ((uint64_t)64 << 20)	/* bytes written between checks */

struct remedy {
	const struct receive_options *options;
	struct store store;
	char *name;		/* of the damaged file */
	bool kept;
	char *path;		/* likewise, for messages */
	struct seal seal;
	struct snapshot_guard guard;	/* the damaged file */
	struct partial partial;
	uint64_t size;
	struct sha256 whole;
	uint64_t unchecked;	/* bytes written since the reserve was checked */
	uint64_t unseen;	/* see reserve_check() */
};

/* The file of the snapshot, the one that VERIFY reads. */
static int
find(struct remedy *remedy, const struct uuid *id, struct err *err)
{
	const struct catalog_entry *entry;
	struct catalog catalog;
	char text[UUID_TEXT_SIZE];
	int rc = catalog_read(&remedy->store, &catalog, err);

	if (rc != 0)
		return rc;
	entry = catalog_find(&catalog, id);
	if (entry != NULL) {
		remedy->seal = entry->seal;
		remedy->kept = entry->kept;
		remedy->name = strdup(entry->name);
		remedy->path = store_file_path(&remedy->store, entry->kept,
		    entry->name);
	}
	catalog_free(&catalog);
	if (entry == NULL)
		return err_set(err, ERR_NOBASE, "there is no snapshot %s",
		    uuid_format(id, text));
	return remedy->name != NULL && remedy->path != NULL ? 0 :
	    err_sys(err, ERR_FAILED, "%s", uuid_format(id, text));
}

static int
directory_of(const struct remedy *remedy)
{
	return remedy->kept ? remedy->store.snapshots : remedy->store.dir;
}

/* Is it what the digest in its seal says, as far as there is one? */
static bool
has_digest(const struct remedy *remedy, int fd)
{
	const struct digest *sealed = &remedy->seal.digest;
	struct digest computed;

	return digest_is_known(sealed) &&
	    digest_file(fd, remedy->size, NULL, &computed) == 0 &&
	    hash_matches(sealed->value, computed.value, DIGEST_BYTES);
}

/* Whoever is right, this one is. */
static int
check_damaged(const struct remedy *remedy, struct err *err)
{
	struct stat st;

	if (remedy->seal.identity.size != remedy->size)
		return err_set(err, ERR_IDENTITY, "%s: it should have another "
		    "size than its seal says: it stays as it is", remedy->path);
	if (fstat(remedy->guard.fd, &st) == 0 &&
	    (uint64_t)st.st_size == remedy->size &&
	    has_digest(remedy, remedy->guard.fd))
		return err_set(err, ERR_IDENTITY, "%s has the contents that "
		    "its seal records: it is the other side that is damaged",
		    remedy->path);
	return 0;
}

/* Keep the reserve, and look now. */
static int
check_room(struct remedy *remedy, struct err *err)
{
	remedy->unchecked = 0;
	return reserve_check(&remedy->options->reserve, remedy->store.dir,
	    DIALOGUE_PATCH_MAX, &remedy->unseen, err);
}

static int
clone(struct remedy *remedy, struct err *err)
{
	bool cloned;
	int rc = check_room(remedy, err);

	if (rc == 0)
		rc = partial_create(&remedy->store, &remedy->partial, err);
	if (rc == 0)
		rc = content_duplicate(remedy->guard.fd, remedy->partial.fd,
		    remedy->options->reflink, remedy->path, &cloned, err);
	if (rc != 0)
		return rc;
	if (ftruncate(remedy->partial.fd, (off_t)remedy->size) != 0)
		return err_sys(err, ERR_FAILED, "%s", remedy->path);
	if (cloned)
		return 0;
	remedy->unseen += remedy->size;
	return check_room(remedy, err);
}

static int
open_all(struct remedy *remedy, const char *directory, const struct uuid *id,
    struct err *err)
{
	int fd, rc;

	rc = store_open(directory, false, ERR_STREAM, &remedy->store, err);
	if (rc == 0)
		rc = store_lock(&remedy->store, remedy->options->wait, err);
	if (rc == 0)
		rc = store_make(&remedy->store, err);
	if (rc != 0)
		return rc;
	partial_sweep(&remedy->store);
	rc = find(remedy, id, err);
	if (rc != 0)
		return rc;
	fd = beneath_open(directory_of(remedy), remedy->name, O_RDONLY, 0);
	if (fd < 0)
		return err_sys(err, ERR_FAILED, "%s", remedy->path);
	return snapshot_guard(fd, remedy->path, &remedy->guard, err);
}

int
remedy_begin(const char *directory, const struct dialogue_mend *request,
    const struct receive_options *options, struct remedy **result,
    struct err *err)
{
	struct remedy *remedy = calloc(1, sizeof(*remedy));
	int rc;

	if (remedy == NULL)
		return err_sys(err, ERR_FAILED, "%s", directory);
	remedy->options = options;
	remedy->store = (struct store)STORE_INIT;
	remedy->guard = (struct snapshot_guard)SNAPSHOT_GUARD_INIT;
	remedy->partial = (struct partial)PARTIAL_INIT;
	remedy->size = request->size;
	remedy->whole = request->whole;
	rc = open_all(remedy, directory, &request->id, err);
	if (rc == 0)
		rc = check_damaged(remedy, err);
	if (rc == 0)
		rc = clone(remedy, err);
	if (rc == 0)
		*result = remedy;
	else
		remedy_free(remedy);
	return rc;
}

int
remedy_patch(struct remedy *remedy, const struct dialogue_patch *patch,
    struct err *err)
{
	int rc = 0;

	if (patch->offset > remedy->size ||
	    patch->length > remedy->size - patch->offset)
		return err_set(err, ERR_STREAM, "a PATCH leads past the end of "
		    "%s", remedy->path);
	remedy->unchecked += patch->length;
	remedy->unseen += patch->length;
	if (remedy->unchecked >= RESERVE_EVERY)
		rc = check_room(remedy, err);
	if (rc == 0 && io_pwrite(remedy->partial.fd, patch->bytes, patch->length,
	    patch->offset) != 0)
		rc = err_sys(err, ERR_FAILED, "cannot write the clone of %s",
		    remedy->path);
	return rc;
}

/* Is the clone what the request, and the seal, say? */
static int
check_mended(const struct remedy *remedy, struct err *err)
{
	struct blocks *blocks = blocks_new(remedy->partial.fd, remedy->size,
	    remedy->path);
	struct sha256 whole = { { 0 } }, block;
	int rc;

	if (blocks == NULL)
		return err_sys(err, ERR_FAILED, "%s", remedy->path);
	while ((rc = blocks_next(blocks, &block, err)) == 0) {
		if (blocks_chain(&whole, &block) != 0) {
			rc = err_set(err, ERR_FAILED, "libcrypto has no "
			    "SHA-256");
			break;
		}
	}
	blocks_free(blocks);
	if (rc < 0)
		return rc;
	if (!hash_matches(whole.bytes, remedy->whole.bytes, SHA256_SIZE))
		return err_set(err, ERR_IDENTITY, "%s would not be what it "
		    "should be with what came: it stays as it is", remedy->path);
	if (digest_is_known(&remedy->seal.digest) &&
	    !has_digest(remedy, remedy->partial.fd))
		return err_set(err, ERR_IDENTITY, "%s would not have the "
		    "contents that its seal records: it stays as it is",
		    remedy->path);
	return 0;
}

/* All that the damaged file has beside its contents, and its seal. */
static int
seal_clone(struct remedy *remedy, struct err *err)
{
	const int fd = remedy->partial.fd;
	const mode_t mode = remedy->seal.identity.mode & 0777;
	struct metadata metadata;
	mode_t unused;
	int rc;

	rc = metadata_capture(remedy->guard.fd, remedy->path, &metadata, err);
	if (rc != 0)
		return rc;
	metadata.mtime = remedy->seal.identity.mtime;
	rc = metadata_apply(fd, remedy->path, &metadata, true,
	    remedy->options->notify, &unused, err);
	if (rc == 0)
		rc = metadata_apply_times(fd, remedy->path, &metadata, err);
	metadata_free(&metadata);
	if (rc == 0)
		rc = seal_write(fd, remedy->path, &remedy->seal, mode, err);
	if (rc == 0 && (fchmod(fd, mode) != 0 || fsync(fd) != 0))
		rc = err_sys(err, ERR_FAILED, "cannot sync %s", remedy->path);
	return rc;
}

int
remedy_finish(struct remedy *remedy, struct err *err)
{
	int rc = check_mended(remedy, err);

	if (rc == 0)
		rc = seal_clone(remedy, err);
	if (rc == 0)
		rc = partial_replace(&remedy->partial, directory_of(remedy),
		    remedy->name, remedy->path, &remedy->guard, err);
	return rc;
}

void
remedy_free(struct remedy *remedy)
{
	if (remedy == NULL)
		return;
	partial_discard(&remedy->partial);
	snapshot_guard_release(&remedy->guard);
	store_close(&remedy->store);
	free(remedy->name);
	free(remedy->path);
	free(remedy);
}
