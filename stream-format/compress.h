/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * compress.h - zstd with an optional prefix; the only door to libzstd.
 */
#ifndef STREAM_FORMAT_COMPRESS_H
#define STREAM_FORMAT_COMPRESS_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define COMPRESS_LEVEL_MIN 1
#define COMPRESS_LEVEL_MAX 19
#define COMPRESS_LEVEL_DEFAULT 2

struct compressor;
struct decompressor;

/* A compressor, or NULL without memory. */
struct compressor *compressor_new(void);
void compressor_free(struct compressor *compressor);

/* The most bytes that length bytes (at most RECORD_RAW_MAX) can become. */
size_t compress_bound(size_t length);

/*
 * Compress length bytes at a level as one zstd frame that states its content
 * size.
 *
 * prefix, of prefix_length bytes, may be NULL.  Window and hash table are made
 * large enough that the far end of the prefix is not forgotten (level 1 by
 * itself forgets a prefix of 1 MiB).  out has room for compress_bound(length)
 * bytes.  Returns 0 with *out_length set, or ERR_FAILED.
 */
int compress(struct compressor *compressor, int level, const uint8_t *data,
    size_t length, const uint8_t *prefix, size_t prefix_length, uint8_t *out,
    size_t *out_length, struct err *err);

/* A decompressor, or NULL without memory. */
struct decompressor *decompressor_new(void);
void decompressor_free(struct decompressor *decompressor);

/*
 * Decode exactly one zstd frame of in_length bytes to exactly length bytes.
 * The frame's own claims are checked first; anything else is ERR_STREAM.  A
 * wrong prefix may go unnoticed here: check the hash of the result.
 */
int decompress(struct decompressor *decompressor, const uint8_t *in,
    size_t in_length, const uint8_t *prefix, size_t prefix_length,
    uint8_t *out, size_t length, struct err *err);

#endif
