/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * buf.h - read and write typed fields in a bounded buffer.
 *
 * A reader or writer that runs out of room does nothing and remembers it: a
 * codec puts or gets all its fields and asks once, at the end.  A get that
 * fails yields zeros.
 */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes being written; data is the caller's, of size bytes. */
struct buf_writer {
	uint8_t *data;
	size_t size;
	size_t used;
	bool overflow;
};

/* Bytes being read; data stays the caller's and must outlive what was got. */
struct buf_reader {
	const uint8_t *data;
	size_t size;
	size_t pos;
	bool underrun;
};

void buf_put(struct buf_writer *w, const void *bytes, size_t length);
void buf_put8(struct buf_writer *w, uint8_t value);
void buf_put16(struct buf_writer *w, uint16_t value);
void buf_put32(struct buf_writer *w, uint32_t value);
void buf_put64(struct buf_writer *w, uint64_t value);
/* A u16 length and the bytes; a length above 65,535 counts as overflow. */
void buf_put_string(struct buf_writer *w, const void *bytes, size_t length);

/* The next length bytes, not copied; NULL if there are not so many. */
const uint8_t *buf_get(struct buf_reader *r, size_t length);
/* The same, copied to out, which is left as it is if there are not so many. */
void buf_get_copy(struct buf_reader *r, void *out, size_t length);
uint8_t buf_get8(struct buf_reader *r);
uint16_t buf_get16(struct buf_reader *r);
uint32_t buf_get32(struct buf_reader *r);
uint64_t buf_get64(struct buf_reader *r);
/* A u16 length and the bytes, not copied, not NUL-terminated. */
const uint8_t *buf_get_string(struct buf_reader *r, size_t *length);

/*
 * A string, copied to out, of size bytes, with a NUL; one that does not fit
 * counts as an underrun.
 */
void buf_get_text(struct buf_reader *r, char *out, size_t size);

/* True if every get succeeded and nothing is left. */
bool buf_complete(const struct buf_reader *r);

#endif
