/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sha256.c - SHA-256.
 */
#include "config.h"

#include <openssl/evp.h>

#include "common/sha256.h"

int
sha256(const void *data, size_t length, struct sha256 *hash)
{
	return EVP_Digest(data, length, hash->bytes, NULL, EVP_sha256(),
	    NULL) == 1 ? 0 : -1;
}
