/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uuid.h - the ids of snapshots, lineages and streams.
 */
#ifndef COMMON_UUID_H
#define COMMON_UUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define UUID_SIZE 16
#define UUID_TEXT_SIZE 37	/* 36 characters and a NUL */

struct uuid {
	uint8_t bytes[UUID_SIZE];
};

/* Make a random uuid (RFC 9562, version 4). */
int uuid_random(struct uuid *uuid, struct err *err);

/* The uuid (version 8) that always follows from the same bytes. */
struct uuid uuid_derive(const void *data, size_t length);

bool uuid_equal(const struct uuid *a, const struct uuid *b);

/* All bytes zero: no uuid. */
bool uuid_is_nil(const struct uuid *uuid);

/* Write the usual 36 characters and a NUL to text; returns text. */
char *uuid_format(const struct uuid *uuid, char text[UUID_TEXT_SIZE]);

#endif
