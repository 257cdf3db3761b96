/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * place_partial.c - a partial for a stream to go on with, and what must be true
 * of one that stays.
 */
#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "common/le.h"
#include "snapshot/partial.h"
#include "stream-format/record.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/place.h"

#define NAME PARTIAL_PREFIX "fuzz"

/* Where fields are in payloads, see refstream(5). */
#define BEGIN_SNAPSHOT 16u
#define BEGIN_BASE 32u
#define BEGIN_LINEAGE 48u
#define BEGIN_SIZE 80u
#define BEGIN_LENGTH 222u
#define RESUME_OFFSET 40u
#define RESUME_LENGTH 48u

/* The first frame of a type, of a length at least; NULL if there is none. */
static const uint8_t *
find(const struct frames *frames, uint16_t type, size_t length)
{
	for (size_t i = 0; i < frames->count; i++) {
		if (frames->frame[i].type == type)
			return frames->frame[i].length >= length ?
			    frames->frame[i].payload : NULL;
	}
	return NULL;
}

static struct partial_state
describe(const uint8_t *begin, const uint8_t *resume, enum place_wrong wrong)
{
	struct partial_state state = {
		.size = le64_get(begin + BEGIN_SIZE),
		.offset = le64_get(resume + RESUME_OFFSET),
		.origin = "fuzz", .name = "partial",
	};

	memcpy(state.snapshot.bytes, begin + BEGIN_SNAPSHOT, UUID_SIZE);
	memcpy(state.base.bytes, begin + BEGIN_BASE, UUID_SIZE);
	memcpy(state.lineage.bytes, begin + BEGIN_LINEAGE, UUID_SIZE);
	memcpy(state.stream.bytes, resume, UUID_SIZE);
	clock_gettime(CLOCK_REALTIME, &state.written);
	if (wrong == PLACE_STREAM)
		state.stream.bytes[5] ^= 1;
	else if (wrong == PLACE_BASE)
		state.base.bytes[5] ^= 1;
	else if (wrong == PLACE_SIZE)
		state.size++;
	else if (wrong == PLACE_OFFSET && state.offset > 0)
		state.offset--;
	else if (wrong == PLACE_SNAPSHOT)
		state.snapshot.bytes[5] ^= 1;
	return state;
}

bool
place_interrupt(struct place_of_fuzz *place, const struct frames *frames,
    enum place_wrong wrong, struct model *model)
{
	const uint8_t *begin = find(frames, RECORD_BEGIN, BEGIN_LENGTH);
	const uint8_t *resume = find(frames, RECORD_RESUME, RESUME_LENGTH);
	struct partial_state *state = &place->state;
	struct err err = ERR_INIT;
	int fd;

	if (begin == NULL || resume == NULL)
		return false;
	*state = describe(begin, resume, wrong);
	if (state->size > PLACE_PARTIAL_SIZE || state->offset > state->size)
		return false;
	for (size_t i = 0; i < PLACE_PARTIAL_SIZE; i++)
		place->partial[i] = (uint8_t)(i * 31 + i / 256);
	fd = openat(place->dirs[PLACE_STATE], NAME,
	    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	fuzz_demand(fd >= 0 && io_pwrite(fd, place->partial,
	    (size_t)state->size, 0) == 0 &&
	    partial_state_write(fd, NAME, state, &err) == 0,
	    "cannot leave a partial: %s", err.text);
	close(fd);
	if (wrong == PLACE_FITS ||
	    (wrong == PLACE_OFFSET && le64_get(resume + RESUME_OFFSET) == 0)) {
		model->partial = place->partial;
		model->partial_length = (size_t)state->offset;
	}
	return true;
}

/* It holds what was there, or what was received. */
static void
check_content(const struct place_of_fuzz *place, int fd,
    const struct partial_state *state, const struct model *model)
{
	static uint8_t bytes[MODEL_SIZE_MAX];
	const bool as_left = uuid_equal(&state->stream, &place->state.stream);
	const struct model_content *wanted = as_left ? NULL :
	    model_known(model, &state->snapshot);
	const uint8_t *content = as_left ? place->partial :
	    wanted != NULL ? wanted->bytes : NULL;

	if (content == NULL || state->offset > MODEL_SIZE_MAX)
		return;
	fuzz_demand(io_pread(fd, bytes, (size_t)state->offset, 0) ==
	    (ssize_t)state->offset &&
	    memcmp(bytes, content, (size_t)state->offset) == 0,
	    "a partial does not hold what its state says");
}

static void
check_one(const struct place_of_fuzz *place, const char *name,
    const struct model *model)
{
	const int fd = openat(place->dirs[PLACE_STATE], name,
	    O_RDONLY | O_CLOEXEC);
	struct partial_state state;
	struct err err = ERR_INIT;
	struct stat st;

	fuzz_demand(fd >= 0 && fstat(fd, &st) == 0 &&
	    (st.st_mode & 07777) == 0600, "a partial has the mode %o",
	    (unsigned)st.st_mode);
	fuzz_demand(partial_state_read(fd, name, &state, &err) == 0,
	    "a partial without a state stays");
	check_content(place, fd, &state, model);
	close(fd);
	fuzz_demand(unlinkat(place->dirs[PLACE_STATE], name, 0) == 0,
	    "a partial cannot be removed");
}

void
place_check_partial(struct place_of_fuzz *place, bool may_stay,
    const struct model *model)
{
	DIR *dir = place->lists[PLACE_STATE];
	struct dirent *entry;

	rewinddir(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, PARTIAL_PREFIX,
		    strlen(PARTIAL_PREFIX)) != 0)
			continue;
		fuzz_demand(may_stay, "%s was left there", entry->d_name);
		check_one(place, entry->d_name, model);
	}
	memset(&place->state, 0, sizeof(place->state));
}
