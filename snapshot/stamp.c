/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stamp.c - remember that a live file holds what a snapshot holds.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/beneath.h"
#include "common/hash.h"
#include "common/io.h"
#include "snapshot/stamp.h"

#define STAMP_SIZE (IDENTITY_ENCODED_SIZE + UUID_SIZE)
#define STAMP_NAME_SIZE 64

static void
stamp_name(const char *name, const char *suffix, char out[STAMP_NAME_SIZE])
{
	const struct hash128 hash = hash128(name, strlen(name));
	size_t used;

	used = (size_t)snprintf(out, STAMP_NAME_SIZE, "live.");
	for (size_t i = 0; i < sizeof(hash.bytes); i++)
		used += (size_t)snprintf(out + used, STAMP_NAME_SIZE - used,
		    "%02x", hash.bytes[i]);
	snprintf(out + used, STAMP_NAME_SIZE - used, "%s", suffix);
}

void
stamp_write(const struct store *store, const char *name,
    const struct identity *identity, const struct uuid *snapshot)
{
	char final[STAMP_NAME_SIZE], fresh[STAMP_NAME_SIZE];
	uint8_t bytes[STAMP_SIZE];
	struct buf_writer w = { .data = bytes, .size = sizeof(bytes) };
	bool written;
	int fd;

	if (store->state < 0)
		return;
	stamp_name(name, "", final);
	stamp_name(name, ".new", fresh);
	identity_put(&w, identity);
	buf_put(&w, snapshot->bytes, UUID_SIZE);
	fd = beneath_open(store->state, fresh, O_WRONLY | O_CREAT | O_TRUNC,
	    0666);
	if (fd < 0)
		return;
	written = io_write(fd, bytes, sizeof(bytes)) == 0 && fsync(fd) == 0;
	close(fd);
	if (!written || renameat(store->state, fresh, store->state, final) != 0)
		unlinkat(store->state, fresh, 0);
}

bool
stamp_matches(const struct store *store, const char *name,
    const struct identity *identity, struct uuid *snapshot)
{
	char final[STAMP_NAME_SIZE];
	uint8_t bytes[STAMP_SIZE];
	struct buf_reader r = { .data = bytes, .size = sizeof(bytes) };
	struct identity recorded;
	ssize_t n;
	int fd;

	stamp_name(name, "", final);
	fd = store->state < 0 ? -1 :
	    beneath_open(store->state, final, O_RDONLY, 0);
	if (fd < 0)
		return false;
	n = io_read(fd, bytes, sizeof(bytes));
	close(fd);
	if (n != (ssize_t)sizeof(bytes))
		return false;
	identity_get(&r, &recorded);
	memcpy(snapshot->bytes, buf_get(&r, UUID_SIZE), UUID_SIZE);
	return identity_same(&recorded, identity);
}
