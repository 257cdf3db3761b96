/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sha256.h - SHA-256; the only door to libcrypto.
 *
 * Where "the same" must be proven to somebody who cannot compare bytes.
 */
#ifndef COMMON_SHA256_H
#define COMMON_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32

struct sha256 {
	uint8_t bytes[SHA256_SIZE];
};

/* The hash of a buffer.  Returns 0, or -1 if the library cannot. */
int sha256(const void *data, size_t length, struct sha256 *hash);

#endif
