/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * blocks.c - the SHA-256 of each block of a file.
 */
#include "config.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/cache.h"
#include "common/io.h"
#include "snapshot/blocks.h"
#include "snapshot/content.h"

#define DROP_EVERY ((uint64_t)32 << 20)	/* bytes */

struct blocks {
	int fd;
	uint64_t size, done;
	const char *path;
	/* The next data at or behind what is done; as content_next_data(). */
	uint64_t start, end;
	bool more;		/* there is some */
	bool cold;
	uint64_t dropped;
	bool known;		/* zeros has the hash of a block of zeros */
	struct sha256 zeros;
	uint8_t bytes[BLOCKS_SIZE];
};

struct blocks *
blocks_new(int fd, uint64_t size, const char *path)
{
	struct blocks *blocks = calloc(1, sizeof(*blocks));

	if (blocks == NULL)
		return NULL;
	blocks->fd = fd;
	blocks->size = size;
	blocks->path = path;
	blocks->more = true;
	blocks->cold = cache_is_cold(fd);
	return blocks;
}

void
blocks_free(struct blocks *blocks)
{
	if (blocks == NULL)
		return;
	if (blocks->cold)
		cache_drop(blocks->fd, blocks->dropped, 0);
	free(blocks);
}

uint64_t
blocks_done(const struct blocks *blocks)
{
	return blocks->done;
}

/* Does a block that begins at what is done hold data? */
static int
has_data(struct blocks *blocks, size_t length, bool *data)
{
	while (blocks->more && blocks->end <= blocks->done) {
		const int found = content_next_data(blocks->fd, blocks->done,
		    blocks->size, &blocks->start, &blocks->end);

		if (found < 0)
			return -1;
		blocks->more = found > 0;
	}
	*data = blocks->more && blocks->start < blocks->done + length;
	return 0;
}

static int
hash_block(struct blocks *blocks, size_t length, struct sha256 *hash,
    struct err *err)
{
	bool data;

	if (has_data(blocks, length, &data) != 0)
		return err_sys(err, ERR_FAILED, "cannot find the data of %s",
		    blocks->path);
	if (!data && blocks->known && length == BLOCKS_SIZE) {
		*hash = blocks->zeros;
		return 0;
	}
	memset(blocks->bytes, 0, length);
	if (data && io_pread_zeros(blocks->fd, blocks->bytes, length,
	    blocks->done) != 0)
		return err_sys(err, ERR_FAILED, "cannot read %s at byte %"
		    PRIu64, blocks->path, blocks->done);
	if (sha256(blocks->bytes, length, hash) != 0)
		return err_set(err, ERR_FAILED, "libcrypto has no SHA-256");
	if (!data && length == BLOCKS_SIZE) {
		blocks->zeros = *hash;
		blocks->known = true;
	}
	return 0;
}

int
blocks_next(struct blocks *blocks, struct sha256 *hash, struct err *err)
{
	const size_t length = (size_t)bytes_min(blocks->size - blocks->done,
	    BLOCKS_SIZE);
	int rc;

	if (length == 0)
		return 1;
	rc = hash_block(blocks, length, hash, err);
	if (rc != 0)
		return rc;
	blocks->done += length;
	if (blocks->cold && blocks->done - blocks->dropped >= DROP_EVERY) {
		cache_drop(blocks->fd, blocks->dropped,
		    blocks->done - blocks->dropped);
		blocks->dropped = blocks->done;
	}
	return 0;
}
