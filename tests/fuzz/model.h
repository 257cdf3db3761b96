/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model.h - what the snapshots of an accepted stream must hold, worked out in
 * memory.
 */
#ifndef TESTS_FUZZ_MODEL_H
#define TESTS_FUZZ_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "common/uuid.h"
#include "tests/fuzz/frames.h"

#define MODEL_CONTENTS 16
#define MODEL_SIZE_MAX (1u << 20)	/* of a snapshot that is worked out */

struct model_content {
	struct uuid id;
	uint8_t *bytes;		/* NULL: it has the id, but is not worked out */
	size_t size;
};

/* Bases and results; the first of an id counts: the others are not received. */
struct model {
	struct model_content content[MODEL_CONTENTS];
	size_t count;
	/* What is there for RESUME, of so many bytes; NULL if nothing fits. */
	const uint8_t *partial;
	size_t partial_length;
};

/* Take in what is there already. */
void model_base(struct model *model, const struct uuid *id,
    const uint8_t *bytes, size_t size);

/*
 * Take in the first snapshots of a stream, so many as were received, as far as
 * they are not too large.  One more for a stream that broke off: what the last
 * one holds so far.
 */
void model_stream(struct model *model, const struct frames *frames,
    size_t received);

/* The contents that a snapshot must have, or NULL if they are not known. */
const struct model_content *model_known(const struct model *model,
    const struct uuid *id);

void model_free(struct model *model);

#endif
