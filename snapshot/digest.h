/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * digest.h - a hash of the contents of a file that does not depend on how its
 * zeros are stored; the algorithm of refstream(5), DIGESTS.
 */
#ifndef SNAPSHOT_DIGEST_H
#define SNAPSHOT_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/notify.h"

#define DIGEST_ALGORITHM_NONE 0
#define DIGEST_ALGORITHM_XXH3 1
#define DIGEST_BYTES 32
#define DIGEST_BLOCK 65536u

struct digest {
	uint16_t algorithm;
	uint32_t block_size;
	uint8_t value[DIGEST_BYTES];
};

/* A digest being computed. */
struct digest_state;

/* A new computation over a file of size bytes; NULL without memory. */
struct digest_state *digest_new(uint64_t size);

/*
 * Take in bytes at offset.  Calls go in ascending order and do not overlap;
 * what is left out is zeros.
 */
void digest_update(struct digest_state *state, uint64_t offset,
    const void *data, size_t length);

/*
 * Take in bytes from to to of the open file fd, likewise; holes are not read.
 * Returns 0, or -1 with errno.
 */
int digest_update_file(struct digest_state *state, int fd, uint64_t from,
    uint64_t to);

/* The digest of everything; the state can only be freed after this. */
void digest_final(struct digest_state *state, struct digest *digest);

void digest_free(struct digest_state *state);

/*
 * The digest of the open file fd, of size bytes; holes are not read, and the
 * page cache is left as it was found.  notify, which may be NULL, is told of
 * progress.  Returns 0, or -1 with errno.
 */
int digest_file(int fd, uint64_t size, const struct notify *notify,
    struct digest *digest);

/* Is it one that digest_file() computes? */
bool digest_is_known(const struct digest *digest);

#define DIGEST_TEXT_SIZE 80

/* Write "xxh3-128:" and 32 hexadecimal digits, or "none"; returns out. */
char *digest_format(const struct digest *digest, char out[DIGEST_TEXT_SIZE]);

/* The form that seals hold. */
void digest_put(struct buf_writer *w, const struct digest *digest);
void digest_get(struct buf_reader *r, struct digest *digest);

#endif
