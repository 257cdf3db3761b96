/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verify.c - read a snapshot and compare it with the digest in its seal.
 */
#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/hash.h"
#include "snapshot/snapshot.h"
#include "snapshot/verify.h"

/* The digest of what is there, which nobody changed while it was read. */
static int
compute(const struct snapshot *snapshot, const struct notify *notify,
    struct digest *digest, struct err *err)
{
	if (digest_file(snapshot->fd, snapshot->identity.size, notify,
	    digest) != 0)
		return err_sys(err, ERR_FAILED, "cannot read %s",
		    snapshot->path);
	return snapshot_recheck(snapshot, err);
}

static int
compare(const struct snapshot *snapshot, const struct notify *notify,
    struct verify_result *result, struct err *err)
{
	const struct digest *recorded = &snapshot->seal.digest;
	char text[DIGEST_TEXT_SIZE];
	int rc;

	if (!digest_is_known(recorded))
		return err_set(err, ERR_FAILED, "%s records a digest that this "
		    "version of refsnap cannot check (%s)", snapshot->path,
		    digest_format(recorded, text));
	rc = compute(snapshot, notify, &result->computed, err);
	if (rc != 0)
		return rc;
	if (hash_matches(recorded->value, result->computed.value,
	    DIGEST_BYTES)) {
		result->outcome = VERIFY_EQUAL;
		return 0;
	}
	result->outcome = VERIFY_DIFFERENT;
	return err_set(err, ERR_DIFFERENT, "%s is damaged: its contents are "
	    "not those that its seal records", snapshot->path);
}

static int
record_digest(struct snapshot *snapshot, const struct notify *notify,
    struct verify_result *result, struct err *err)
{
	int rc;

	/* Asked before all is read, which can take hours. */
	if (faccessat(AT_FDCWD, snapshot->path, W_OK, AT_EACCESS) != 0)
		return err_sys(err, ERR_FAILED, "cannot record a digest for "
		    "%s, which takes root and no immutable flag",
		    snapshot->path);
	rc = compute(snapshot, notify, &result->computed, err);
	if (rc == 0)
		rc = seal_record_digest(snapshot->fd, snapshot->path,
		    &snapshot->identity, &result->computed, &snapshot->seal,
		    err);
	if (rc == 0)
		result->outcome = VERIFY_RECORDED;
	return rc;
}

static int
verify_open(struct snapshot *snapshot, bool record,
    const struct notify *notify, struct verify_result *result,
    struct err *err)
{
	if (!snapshot->sealed)
		return err_set(err, ERR_IDENTITY, "%s: no snapshot of refsnap "
		    "(it has no seal)", snapshot->path);
	if (snapshot->seal.digest.algorithm != DIGEST_ALGORITHM_NONE)
		return compare(snapshot, notify, result, err);
	if (record)
		return record_digest(snapshot, notify, result, err);
	result->outcome = VERIFY_NO_DIGEST;
	return err_set(err, ERR_FAILED, "%s records no digest; 'refsnap verify "
	    "--record SNAP' records one", snapshot->path);
}

int
verify_snapshot(const char *path, bool record, const struct notify *notify,
    struct verify_result *result, struct err *err)
{
	struct snapshot snapshot = SNAPSHOT_INIT;
	int rc;

	memset(result, 0, sizeof(*result));
	rc = snapshot_open(AT_FDCWD, path, path, notify, &snapshot, err);
	if (rc == 0)
		rc = verify_open(&snapshot, record, notify, result, err);
	result->seal = snapshot.seal;
	snapshot_close(&snapshot);
	return rc;
}
