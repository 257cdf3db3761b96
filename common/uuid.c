/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uuid.c - make, compare and print ids.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "common/hash.h"
#include "common/uuid.h"

/* Set the version and variant bits of RFC 9562, section 4. */
static void
mark(struct uuid *uuid, unsigned version)
{
	uuid->bytes[6] = (uint8_t)((uuid->bytes[6] & 0x0f) | version << 4);
	uuid->bytes[8] = (uint8_t)((uuid->bytes[8] & 0x3f) | 0x80);
}

int
uuid_random(struct uuid *uuid, struct err *err)
{
	if (getrandom(uuid->bytes, sizeof(uuid->bytes), 0) !=
	    (ssize_t)sizeof(uuid->bytes))
		return err_sys(err, ERR_FAILED, "cannot get random bytes");
	mark(uuid, 4);
	return 0;
}

struct uuid
uuid_derive(const void *data, size_t length)
{
	const struct hash128 hash = hash128(data, length);
	struct uuid uuid;

	memcpy(uuid.bytes, hash.bytes, sizeof(uuid.bytes));
	mark(&uuid, 8);
	return uuid;
}

bool
uuid_equal(const struct uuid *a, const struct uuid *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool
uuid_is_nil(const struct uuid *uuid)
{
	static const struct uuid nil;

	return uuid_equal(uuid, &nil);
}

char *
uuid_format(const struct uuid *uuid, char text[UUID_TEXT_SIZE])
{
	char *p = text;

	for (size_t i = 0; i < sizeof(uuid->bytes); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		p += sprintf(p, "%02x", uuid->bytes[i]);
	}
	return text;
}
