/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hash.c - XXH3 by the xxHash library.
 */
#include "config.h"

#include <string.h>

/* The whole library in this file: its states may then lie on the stack. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "common/hash.h"

/*
 * struct hash_stream is never defined: a pointer to it is a pointer to the
 * library's state, which libxxhash allocates with the alignment that it needs.
 */
static XXH3_state_t *
state_of(struct hash_stream *hash)
{
	return (XXH3_state_t *)(void *)hash;
}

static struct hash128
canonical(XXH128_hash_t value)
{
	XXH128_canonical_t canonical_value;
	struct hash128 result;

	XXH128_canonicalFromHash(&canonical_value, value);
	memcpy(result.bytes, canonical_value.digest, sizeof(result.bytes));
	return result;
}

uint64_t
hash64(uint64_t seed, const void *a, size_t a_length, const void *b,
    size_t b_length)
{
	XXH3_state_t state;

	XXH3_INITSTATE(&state);
	XXH3_64bits_reset_withSeed(&state, seed);
	if (a_length > 0)
		XXH3_64bits_update(&state, a, a_length);
	if (b_length > 0)
		XXH3_64bits_update(&state, b, b_length);
	return XXH3_64bits_digest(&state);
}

struct hash128
hash128(const void *data, size_t length)
{
	return canonical(XXH3_128bits(data, length));
}

bool
hash_matches(const void *carried, const void *computed, size_t size)
{
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
	(void)carried;
	(void)computed;
	(void)size;
	return true;
#else
	return memcmp(carried, computed, size) == 0;
#endif
}

struct hash_stream *
hash_stream_new(void)
{
	XXH3_state_t *state = XXH3_createState();

	if (state != NULL)
		XXH3_128bits_reset(state);
	return (struct hash_stream *)(void *)state;
}

void
hash_stream_reset(struct hash_stream *hash)
{
	XXH3_128bits_reset(state_of(hash));
}

void
hash_stream_update(struct hash_stream *hash, const void *data, size_t length)
{
	if (length > 0)
		XXH3_128bits_update(state_of(hash), data, length);
}

struct hash128
hash_stream_value(const struct hash_stream *hash)
{
	return canonical(XXH3_128bits_digest(
	    (const XXH3_state_t *)(const void *)hash));
}

void
hash_stream_free(struct hash_stream *hash)
{
	if (hash != NULL)
		XXH3_freeState(state_of(hash));
}
