/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hash.h - XXH3 checksums; the only door to libxxhash.
 *
 * They find damage, never prove that two contents are equal.
 */
#ifndef COMMON_HASH_H
#define COMMON_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HASH128_SIZE 16

/* XXH3-128 in canonical form: most significant byte first. */
struct hash128 {
	uint8_t bytes[HASH128_SIZE];
};

/* A running XXH3-128 (seed 0). */
struct hash_stream;

/* XXH3-64 of two buffers, one after the other; either length may be 0. */
uint64_t hash64(uint64_t seed, const void *a, size_t a_length,
    const void *b, size_t b_length);

/* XXH3-128 (seed 0) of a buffer. */
struct hash128 hash128(const void *data, size_t length);

/*
 * Is the checksum, hash or digest that a stream carries the one that was
 * computed?  They are compared nowhere else, since a fuzzer cannot guess them:
 * a build with FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION, which must never read
 * anything that matters, takes each for right.
 */
bool hash_matches(const void *carried, const void *computed, size_t size);

/* A new running hash, or NULL without memory. */
struct hash_stream *hash_stream_new(void);

/* Start again as if new. */
void hash_stream_reset(struct hash_stream *hash);

void hash_stream_update(struct hash_stream *hash, const void *data,
    size_t length);

/* The hash of everything since the start; the stream may go on. */
struct hash128 hash_stream_value(const struct hash_stream *hash);

void hash_stream_free(struct hash_stream *hash);

#endif
