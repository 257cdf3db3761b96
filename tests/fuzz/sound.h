/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sound.h - rules of refstream(5) for what is accepted, told a second time: a
 * check that the product forgets shows here.
 */
#ifndef TESTS_FUZZ_SOUND_H
#define TESTS_FUZZ_SOUND_H

#include <stdbool.h>
#include <stdint.h>

#include "stream-format/record.h"

/* The records of a stream so far; all zeros before the first. */
struct sound {
	bool started;		/* a BEGIN and no END */
	bool described;		/* and a META */
	bool done;		/* the last END */
	bool later;		/* not the first BEGIN */
	bool begun;		/* something comes behind META */
	bool based;
	struct uuid snapshot;
	uint64_t size;
	uint64_t base_size;
	uint64_t position;
	uint64_t data;
	uint64_t zeros;
	uint64_t holes;
};

/* Demand that a record by itself keeps the rules. */
void sound_record(const struct record *record);

/* Demand that it also keeps those that span records. */
void sound_next(struct sound *sound, const struct record *record);

#endif
