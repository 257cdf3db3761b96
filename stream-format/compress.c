/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * compress.c - zstd frames, made and decoded in one step each.
 */
#include "config.h"

#include <stdbool.h>
#include <stdlib.h>

#include <zstd.h>
#include <zstd_errors.h>

#include "common/le.h"
#include "stream-format/compress.h"

/*
 * zstd makes the hash tables of low levels too small to remember a prefix to
 * its far end.  Of what was tried - a database and a disk image, prefixes of 128
 * KiB to 1 MiB - a table of an eighth of the window costs at most 2 % of size
 * against a larger one, which slows LEVEL_FAST and those below down; levels
 * above LEVEL_HASHED remember.
 */
#define LEVEL_FAST 4
#define LEVEL_HASHED 8
#define TABLE_LOG_MIN 17

struct compressor {
	ZSTD_CCtx *context;
};

struct decompressor {
	ZSTD_DCtx *context;
};

struct compressor *
compressor_new(void)
{
	struct compressor *compressor = malloc(sizeof(*compressor));

	if (compressor == NULL)
		return NULL;
	compressor->context = ZSTD_createCCtx();
	if (compressor->context == NULL) {
		free(compressor);
		return NULL;
	}
	return compressor;
}

void
compressor_free(struct compressor *compressor)
{
	if (compressor != NULL) {
		ZSTD_freeCCtx(compressor->context);
		free(compressor);
	}
}

size_t
compress_bound(size_t length)
{
	return ZSTD_compressBound(length);
}

/* The smallest n with 2^n >= length. */
static int
log2_above(size_t length)
{
	int n = 0;

	while (((size_t)1 << n) < length)
		n++;
	return n;
}

/*
 * Parameters for length bytes after a prefix: a window that spans both, and a
 * hash table that still knows the prefix when its last byte was read.
 */
static size_t
choose_tables(ZSTD_CCtx *context, int level, size_t prefix_length,
    size_t length)
{
	int window_log = log2_above(prefix_length + length);
	size_t ret;

	if (window_log < TABLE_LOG_MIN + 1)
		window_log = TABLE_LOG_MIN + 1;
	ret = ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
	if (ZSTD_isError(ret) || level > LEVEL_HASHED)
		return ret;
	return ZSTD_CCtx_setParameter(context, ZSTD_c_hashLog,
	    level > LEVEL_FAST ? window_log : window_log - 3 >
	    TABLE_LOG_MIN ? window_log - 3 : TABLE_LOG_MIN);
}

/* Parameters for the next frame; a ZSTD error if one is refused. */
static size_t
prepare(ZSTD_CCtx *context, int level, const uint8_t *prefix,
    size_t prefix_length, size_t length)
{
	static const struct {
		ZSTD_cParameter parameter;
		int value;
	} fixed[] = {
		{ ZSTD_c_contentSizeFlag, 1 },
		{ ZSTD_c_checksumFlag, 0 },	/* DATA has a hash */
		{ ZSTD_c_dictIDFlag, 0 },
	};
	size_t ret;

	ret = ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
	if (ZSTD_isError(ret))
		return ret;
	ret = ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel,
	    level);
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		if (ZSTD_isError(ret))
			return ret;
		ret = ZSTD_CCtx_setParameter(context, fixed[i].parameter,
		    fixed[i].value);
	}
	if (ZSTD_isError(ret) || prefix_length == 0)
		return ret;
	ret = choose_tables(context, level, prefix_length, length);
	if (ZSTD_isError(ret))
		return ret;
	return ZSTD_CCtx_refPrefix(context, prefix, prefix_length);
}

int
compress(struct compressor *compressor, int level, const uint8_t *data,
    size_t length, const uint8_t *prefix, size_t prefix_length, uint8_t *out,
    size_t *out_length, struct err *err)
{
	size_t ret;

	ret = prepare(compressor->context, level, prefix,
	    prefix == NULL ? 0 : prefix_length, length);
	if (!ZSTD_isError(ret))
		ret = ZSTD_compress2(compressor->context, out,
		    compress_bound(length), data, length);
	if (ZSTD_isError(ret))
		return err_set(err, ERR_FAILED, "cannot compress: %s",
		    ZSTD_getErrorName(ret));
	*out_length = ret;
	return 0;
}

struct decompressor *
decompressor_new(void)
{
	struct decompressor *decompressor = malloc(sizeof(*decompressor));

	if (decompressor == NULL)
		return NULL;
	decompressor->context = ZSTD_createDCtx();
	if (decompressor->context == NULL) {
		free(decompressor);
		return NULL;
	}
	return decompressor;
}

void
decompressor_free(struct decompressor *decompressor)
{
	if (decompressor != NULL) {
		ZSTD_freeDCtx(decompressor->context);
		free(decompressor);
	}
}

/*
 * What the frame says of itself.  The magic number comes first: a library may
 * know older and skippable frames too, which have no place in a stream.
 */
static int
check_frame(const uint8_t *in, size_t in_length, size_t length,
    struct err *err)
{
	if (in_length < 4 || le32_get(in) != ZSTD_MAGICNUMBER)
		return err_set(err, ERR_STREAM,
		    "the encoded bytes are not a zstd frame");
	if (ZSTD_getFrameContentSize(in, in_length) != length)
		return err_set(err, ERR_STREAM, "the zstd frame does not "
		    "claim the %zu bytes that are due", length);
	if (ZSTD_findFrameCompressedSize(in, in_length) != in_length)
		return err_set(err, ERR_STREAM,
		    "the encoded bytes are not exactly one zstd frame");
	if (ZSTD_getDictID_fromFrame(in, in_length) != 0)
		return err_set(err, ERR_STREAM,
		    "the zstd frame asks for a dictionary");
	return 0;
}

int
decompress(struct decompressor *decompressor, const uint8_t *in,
    size_t in_length, const uint8_t *prefix, size_t prefix_length,
    uint8_t *out, size_t length, struct err *err)
{
	ZSTD_DCtx *const context = decompressor->context;
	size_t ret;

	if (check_frame(in, in_length, length, err) < 0)
		return -ERR_STREAM;
	/* A prefix of an earlier frame that failed must not be used. */
	ret = ZSTD_DCtx_reset(context, ZSTD_reset_session_and_parameters);
	if (!ZSTD_isError(ret) && prefix != NULL && prefix_length > 0)
		ret = ZSTD_DCtx_refPrefix(context, prefix, prefix_length);
	if (!ZSTD_isError(ret))
		ret = ZSTD_decompressDCtx(context, out, length, in, in_length);
	if (ZSTD_isError(ret)) {
		/* A lack of memory here is no fault of the stream. */
		const bool memory = ZSTD_getErrorCode(ret) ==
		    ZSTD_error_memory_allocation;

		return err_set(err, memory ? ERR_FAILED : ERR_STREAM,
		    "the zstd frame cannot be decoded: %s",
		    ZSTD_getErrorName(ret));
	}
	if (ret != length)
		return err_set(err, ERR_STREAM,
		    "the zstd frame holds %zu bytes instead of %zu", ret,
		    length);
	return 0;
}
