/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fingerprint.h - a sample of fingerprints of bytes.
 *
 * A fingerprint is a rolling hash of 64 bytes (gear, as in content defined
 * chunking).  Which ones are in the sample depends on their bits alone, so the
 * same bytes at another distance yield the same fingerprints.
 */
#ifndef SEND_FINGERPRINT_H
#define SEND_FINGERPRINT_H

#include <stddef.h>
#include <stdint.h>

/* One of so many fingerprints is in the sample. */
#define FINGERPRINT_SPACING 256u

#define FINGERPRINTS_MAX 128u

/* What turns bytes into words; read only after fingerprint_gear(). */
struct gear {
	uint64_t words[256];
};

/* They come many at a time, so that what they are looked up in may be slow. */
struct fingerprints {
	size_t count;
	uint64_t values[FINGERPRINTS_MAX];
	uint32_t at[FINGERPRINTS_MAX];	/* where the 64 bytes end */
};

typedef void fingerprints_use(void *cookie,
    const struct fingerprints *fingerprints);

void fingerprint_gear(struct gear *gear);

/*
 * Have use called for those of length bytes, below 4 GiB: of the first run bytes
 * of every step bytes, run being at most step.
 */
void fingerprint_scan(const struct gear *gear, const uint8_t *bytes,
    size_t length, size_t step, size_t run, fingerprints_use *use,
    void *cookie);

#endif
