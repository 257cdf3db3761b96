/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resume_plan.h - build streams of one whole snapshot that break off, or go on.
 */
#ifndef TESTS_UNIT_RESUME_PLAN_H
#define TESTS_UNIT_RESUME_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/uuid.h"
#include "tests/unit/stream_build.h"

#define PIECE 10000u		/* a CHECKPOINT comes behind each */
#define PIECES 5u
#define WHOLE SIZE_MAX		/* do not cut */

struct plan {
	size_t from;		/* resumed there, if above 0 */
	size_t cut;		/* bytes behind the last whole CHECKPOINT */
	size_t pieces;		/* that come before the cut, or WHOLE */
	bool damaged;		/* a bit is flipped behind the cut */
	bool kept;		/* --resumable */
	uint64_t snapshot;	/* the cut of another one; 0: the usual one */
};

/* The stream that RESUME names. */
struct uuid plan_earlier(void);

/* Build it; content has BUILD_SIZE bytes, zeros behind the last piece. */
struct stream_build plan_build(const struct plan *plan,
    const uint8_t *content);

#endif
