/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mend.c - make a bent stream obey again most of the rules that span frames.
 *
 * Offsets in payloads are those of refstream(5).
 */
#include "config.h"

#include <string.h>

#include "common/bytes.h"
#include "common/le.h"
#include "stream-format/record.h"
#include "tests/fuzz/frames.h"
#include "tests/fuzz/mend.h"

#define BEGIN_SNAPSHOT 16u
#define BEGIN_SIZE 80u
#define BEGIN_MTIME 108u
#define BEGIN_RESULT_DIGEST 176u
#define BEGIN_LENGTH 222u
#define META_MTIME 28u
#define META_LENGTH 60u
#define CHECKPOINT_LENGTH 24u
#define RESUME_SNAPSHOT 16u
#define RESUME_FILE 32u
#define RESUME_OFFSET 40u
#define RESUME_LENGTH 48u
#define END_DIGEST 48u
#define END_LAST 88u
#define END_LENGTH 96u
#define TIME_LENGTH 12u
#define DIGEST_LENGTH 40u
#define SIZE_MENDED (1u << 20)	/* a size is not raised above */

struct mender {
	unsigned what;
	const uint8_t *header;
	uint8_t *begin;		/* payload of the current BEGIN, or NULL */
	uint8_t *end;		/* payload of the last END, or NULL */
	uint64_t records;
	uint64_t sums[3];	/* data, zeros, holes */
	uint64_t position;
};

static void
mend_header(uint8_t *header)
{
	static const uint8_t start[16] = {
		0x89, 'R', 'F', 'S', '\r', '\n', 0x1a, '\n',
		STREAM_VERSION, 0, STREAM_HEADER_SIZE, 0, 0, 0, 0, 0,
	};

	memcpy(header, start, sizeof(start));
	le64_put(header + 16, FEATURES_SUPPORTED);
	if (bytes_are_zero(header + 32, UUID_SIZE))
		header[32] = 1;
	memset(header + 48, 0, 8);
}

static void
mend_begin(struct mender *m, uint8_t *payload, size_t length)
{
	m->records = 0;
	memset(m->sums, 0, sizeof(m->sums));
	m->position = 0;
	m->begin = length < BEGIN_LENGTH ? NULL : payload;
	if (m->begin != NULL && (m->what & MEND_BEGIN) != 0)
		memcpy(payload, m->header + 32, UUID_SIZE);
}

/* Move what overlaps up; DATA: its lengths follow from pieces and payload. */
static void
mend_ranges(struct mender *m, uint16_t type, uint8_t *payload, size_t length)
{
	const size_t count = frame_ranges(type, payload, length);
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		uint8_t *at = payload + frame_range(type, i);

		if ((m->what & MEND_RANGES) != 0 && le64_get(at) < m->position)
			le64_put(at, m->position);
		sum += frame_range_length(type, at);
		m->position = le64_get(at) + frame_range_length(type, at);
	}
	if (type != RECORD_CLONE)
		m->sums[type == RECORD_DATA ? 0 : type - RECORD_ZERO + 1] +=
		    sum;
	if (type == RECORD_DATA && count > 0 &&
	    (m->what & MEND_LENGTHS) != 0) {
		le32_put(payload + 12, (uint32_t)sum);
		le32_put(payload + 16,
		    (uint32_t)(length - frame_range(type, count)));
	}
	if (m->begin != NULL && (m->what & MEND_BEGIN) != 0 &&
	    m->position > le64_get(m->begin + BEGIN_SIZE) &&
	    m->position <= SIZE_MENDED)
		le64_put(m->begin + BEGIN_SIZE, m->position);
}

/* Another stream than this, the snapshot of BEGIN, an offset within it. */
static void
mend_resume(struct mender *m, uint8_t *payload)
{
	if ((m->what & MEND_BEGIN) == 0 || m->begin == NULL)
		return;
	if (bytes_are_zero(payload, UUID_SIZE) ||
	    memcmp(payload, m->header + 32, UUID_SIZE) == 0)
		payload[0] ^= 1;
	memcpy(payload + RESUME_SNAPSHOT, m->begin + BEGIN_SNAPSHOT,
	    UUID_SIZE);
	memset(payload + RESUME_FILE, 0, RESUME_OFFSET - RESUME_FILE);
	if (le64_get(payload + RESUME_OFFSET) >
	    le64_get(m->begin + BEGIN_SIZE))
		memcpy(payload + RESUME_OFFSET, m->begin + BEGIN_SIZE, 8);
	m->position = le64_get(payload + RESUME_OFFSET);
}

static void
mend_end(struct mender *m, uint8_t *payload)
{
	static const uint8_t unknown[DIGEST_VALUE_SIZE];

	le64_put(payload, m->records);
	for (size_t i = 0; i < 3; i++)
		le64_put(payload + 8 + 8 * i, m->sums[i]);
	if (m->begin != NULL && memcmp(m->begin + BEGIN_RESULT_DIGEST + 8,
	    unknown, sizeof(unknown)) != 0)
		memcpy(payload + END_DIGEST, m->begin + BEGIN_RESULT_DIGEST,
		    DIGEST_LENGTH);
	le32_put(payload + END_LAST, 0);
	le32_put(payload + END_LAST + 4, 0);
	m->end = payload;
}

static void
mend_frame(struct mender *m, const struct frame *frame, uint8_t *payload,
    uint64_t offset)
{
	if (frame->type == RECORD_BEGIN)
		mend_begin(m, payload, frame->length);
	else if (frame->type == RECORD_META && frame->length >= META_LENGTH &&
	    m->begin != NULL && (m->what & MEND_META) != 0)
		memcpy(payload + META_MTIME, m->begin + BEGIN_MTIME,
		    TIME_LENGTH);
	else if (frame->type == RECORD_DATA || frame->type == RECORD_ZERO ||
	    frame->type == RECORD_HOLE || frame->type == RECORD_CLONE)
		mend_ranges(m, frame->type, payload, frame->length);
	else if (frame->type == RECORD_CHECKPOINT &&
	    frame->length == CHECKPOINT_LENGTH &&
	    (m->what & MEND_RANGES) != 0) {
		if (le64_get(payload + 8) < m->position)
			le64_put(payload + 8, m->position);
		m->position = le64_get(payload + 8);
		le64_put(payload + 16, offset);
	} else if (frame->type == RECORD_RESUME &&
	    frame->length == RESUME_LENGTH)
		mend_resume(m, payload);
	else if (frame->type == RECORD_END && frame->length == END_LENGTH &&
	    (m->what & MEND_END) != 0)
		mend_end(m, payload);
	m->records++;
}

void
mend(uint8_t *stream, size_t size, unsigned what)
{
	struct mender m = { .what = what, .header = stream };
	struct frames frames;

	if (size < STREAM_HEADER_SIZE)
		return;
	if ((what & MEND_HEADER) != 0)
		mend_header(stream);
	frames_take(stream, size, &frames);
	for (size_t i = 0; i < frames.count; i++) {
		const size_t at =
		    (size_t)(frames.frame[i].payload - stream);

		mend_frame(&m, &frames.frame[i], stream + at,
		    at - FRAME_HEADER_SIZE);
	}
	if (m.end != NULL)
		le32_put(m.end + END_LAST, 1);
}
