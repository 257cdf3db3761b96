/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * digest.c - hash the contents of a file, leaving out what is zero.
 */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/cache.h"
#include "common/hash.h"
#include "common/io.h"
#include "common/le.h"
#include "snapshot/content.h"
#include "snapshot/digest.h"

#define READ_BUFFER_SIZE ((size_t)1 << 20)
#define DROP_EVERY ((uint64_t)32 << 20)	/* see read_range() */

struct digest_state {
	struct hash_stream *hash;
	uint64_t size;
	uint64_t block;		/* offset of the block that is being filled */
	bool filled;		/* the block holds bytes */
	uint8_t data[DIGEST_BLOCK];	/* zeros but for what was taken in */
};

struct digest_state *
digest_new(uint64_t size)
{
	struct digest_state *state = calloc(1, sizeof(*state));

	if (state == NULL)
		return NULL;
	state->size = size;
	state->hash = hash_stream_new();
	if (state->hash == NULL) {
		free(state);
		return NULL;
	}
	return state;
}

/* Hash one block, which ends at the end of the file at the latest. */
static void
hash_block(struct digest_state *state, uint64_t offset, const uint8_t *data)
{
	const uint64_t left = state->size - offset;
	const size_t length = left < DIGEST_BLOCK ? (size_t)left : DIGEST_BLOCK;
	uint8_t place[8];

	if (bytes_are_zero(data, length))
		return;
	le64_put(place, offset);
	hash_stream_update(state->hash, place, sizeof(place));
	hash_stream_update(state->hash, data, length);
}

/* Hash the block that is being filled, if there is one. */
static void
flush(struct digest_state *state)
{
	if (!state->filled)
		return;
	hash_block(state, state->block, state->data);
	memset(state->data, 0, sizeof(state->data));
	state->filled = false;
}

void
digest_update(struct digest_state *state, uint64_t offset, const void *data,
    size_t length)
{
	const uint8_t *p = data;

	while (length > 0) {
		const size_t inside = (size_t)(offset % DIGEST_BLOCK);
		const uint64_t block = offset - inside;
		size_t n = DIGEST_BLOCK - inside;

		if (n > length)
			n = length;
		if (block != state->block)
			flush(state);
		state->block = block;
		if (n == DIGEST_BLOCK) {
			hash_block(state, block, p);
		} else {
			memcpy(state->data + inside, p, n);
			state->filled = true;
		}
		p += n;
		offset += n;
		length -= n;
	}
}

void
digest_final(struct digest_state *state, struct digest *digest)
{
	struct hash128 value;
	uint8_t size[8];

	flush(state);
	le64_put(size, state->size);
	hash_stream_update(state->hash, size, sizeof(size));
	value = hash_stream_value(state->hash);
	memset(digest, 0, sizeof(*digest));
	digest->algorithm = DIGEST_ALGORITHM_XXH3;
	digest->block_size = DIGEST_BLOCK;
	memcpy(digest->value, value.bytes, sizeof(value.bytes));
}

void
digest_free(struct digest_state *state)
{
	if (state == NULL)
		return;
	hash_stream_free(state->hash);
	free(state);
}

/* A file whose digest is being computed. */
struct reading {
	int fd;
	uint64_t size;
	const struct notify *notify;
	struct digest_state *state;
	uint8_t *buffer;	/* READ_BUFFER_SIZE bytes */
	bool cold;		/* its pages may be dropped once they were read */
	uint64_t dropped;	/* up to there they were */
};

/* Take in bytes start to end. */
static int
read_range(struct reading *reading, uint64_t start, uint64_t end)
{
	while (start < end) {
		const size_t n = (size_t)bytes_min(end - start,
		    READ_BUFFER_SIZE);

		if (io_pread_zeros(reading->fd, reading->buffer, n,
		    start) != 0)
			return -1;
		digest_update(reading->state, start, reading->buffer, n);
		start += n;
		notify_progress(reading->notify, start, reading->size);
		if (reading->cold && start - reading->dropped >= DROP_EVERY) {
			cache_drop(reading->fd, reading->dropped,
			    start - reading->dropped);
			reading->dropped = start;
		}
	}
	return 0;
}

static int
read_data(struct reading *reading, uint64_t from, uint64_t to)
{
	uint64_t start, end;
	int rc;

	while ((rc = content_next_data(reading->fd, from, to, &start,
	    &end)) > 0) {
		if (read_range(reading, start, end) != 0)
			return -1;
		from = end;
	}
	return rc;
}

int
digest_update_file(struct digest_state *state, int fd, uint64_t from,
    uint64_t to)
{
	struct reading reading = {
		.fd = fd, .size = to, .state = state,
		.buffer = malloc(READ_BUFFER_SIZE),
	};
	const int rc = reading.buffer == NULL ? -1 :
	    read_data(&reading, from, to);

	free(reading.buffer);
	return rc;
}

int
digest_file(int fd, uint64_t size, const struct notify *notify,
    struct digest *digest)
{
	struct reading reading = {
		.fd = fd, .size = size, .notify = notify,
		.state = digest_new(size), .buffer = malloc(READ_BUFFER_SIZE),
		.cold = cache_is_cold(fd),
	};
	int error, rc = -1;

	if (reading.state != NULL && reading.buffer != NULL)
		rc = read_data(&reading, 0, size);
	error = errno;
	if (rc == 0)
		digest_final(reading.state, digest);
	if (reading.cold)
		cache_drop(fd, reading.dropped, 0);
	free(reading.buffer);
	digest_free(reading.state);
	errno = error;
	return rc;
}

bool
digest_is_known(const struct digest *digest)
{
	return digest->algorithm == DIGEST_ALGORITHM_XXH3 &&
	    digest->block_size == DIGEST_BLOCK;
}

char *
digest_format(const struct digest *digest, char out[DIGEST_TEXT_SIZE])
{
	size_t used;

	if (digest->algorithm == DIGEST_ALGORITHM_NONE) {
		snprintf(out, DIGEST_TEXT_SIZE, "none");
		return out;
	}
	if (!digest_is_known(digest)) {
		snprintf(out, DIGEST_TEXT_SIZE, "algorithm %u, unknown here",
		    digest->algorithm);
		return out;
	}
	used = (size_t)snprintf(out, DIGEST_TEXT_SIZE, "xxh3-128:");
	for (size_t i = 0; i < HASH128_SIZE; i++)
		used += (size_t)snprintf(out + used, DIGEST_TEXT_SIZE - used,
		    "%02x", digest->value[i]);
	return out;
}

void
digest_put(struct buf_writer *w, const struct digest *digest)
{
	buf_put16(w, digest->algorithm);
	buf_put32(w, digest->block_size);
	buf_put(w, digest->value, sizeof(digest->value));
}

void
digest_get(struct buf_reader *r, struct digest *digest)
{
	const uint8_t *bytes;

	memset(digest, 0, sizeof(*digest));
	digest->algorithm = buf_get16(r);
	digest->block_size = buf_get32(r);
	bytes = buf_get(r, DIGEST_BYTES);
	if (bytes != NULL)
		memcpy(digest->value, bytes, DIGEST_BYTES);
}
