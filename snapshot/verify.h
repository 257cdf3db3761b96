/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verify.h - read a snapshot and compare it with the digest in its seal.
 */
#ifndef SNAPSHOT_VERIFY_H
#define SNAPSHOT_VERIFY_H

#include <stdbool.h>

#include "common/err.h"
#include "common/notify.h"
#include "snapshot/seal.h"

enum verify_outcome {
	VERIFY_UNKNOWN,		/* nothing was found out */
	VERIFY_EQUAL,
	VERIFY_DIFFERENT,
	VERIFY_NO_DIGEST,	/* its seal records none */
	VERIFY_RECORDED,	/* it recorded none, and does now */
};

struct verify_result {
	enum verify_outcome outcome;
	struct seal seal;	/* unless VERIFY_UNKNOWN */
	struct digest computed;	/* unless VERIFY_NO_DIGEST */
};

/*
 * Verify one snapshot, which is locked as for every other reader.
 *
 * ERR_IDENTITY if it has no seal or is not what its seal says; ERR_DIFFERENT
 * if its contents are not those that the seal records; ERR_FAILED if it was
 * changed meanwhile, and if no digest is recorded or not of a kind that is
 * known.  record says to record one where there is none; one that is there is
 * checked, never replaced.
 */
int verify_snapshot(const char *path, bool record,
    const struct notify *notify, struct verify_result *result,
    struct err *err);

#endif
