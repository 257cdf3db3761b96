/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * remedy.h - put a damaged replica right with what the near side sends.
 */
#ifndef RECEIVE_REMEDY_H
#define RECEIVE_REMEDY_H

#include "common/err.h"
#include "receive/receive.h"
#include "stream-format/dialogue.h"

struct remedy;

/*
 * Begin with the snapshot that the request names, in a directory that is locked
 * meanwhile: patches go into a clone of it.
 *
 * ERR_NOBASE if it is not there; ERR_IDENTITY if it is to have another size than
 * its seal says, or has the contents of the digest in its seal: then it is not
 * the one that is damaged.
 */
int remedy_begin(const char *directory, const struct dialogue_mend *request,
    const struct receive_options *options, struct remedy **remedy,
    struct err *err);

/* Write one range. */
int remedy_patch(struct remedy *remedy, const struct dialogue_patch *patch,
    struct err *err);

/*
 * If the clone is now what the request said, and what the digest in the seal
 * says if there is one, it takes the place of the damaged file in one step,
 * sealed as the same snapshot; else ERR_IDENTITY, and nothing has changed.
 */
int remedy_finish(struct remedy *remedy, struct err *err);

/* What was not finished is removed.  NULL is harmless. */
void remedy_free(struct remedy *remedy);

#endif
