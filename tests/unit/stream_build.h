/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream_build.h - build streams in memory for tests, hostile ones too.
 *
 * Frames get right sequence numbers and checksums whatever their payload; a
 * failure of the builder itself fails the test.
 */
#ifndef TESTS_UNIT_STREAM_BUILD_H
#define TESTS_UNIT_STREAM_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "stream-format/record.h"

struct stream_build {
	uint8_t *bytes;
	size_t length;
	uint64_t sequence;	/* of the next frame */
	uint64_t first;		/* sequence number of the current BEGIN */
	size_t begin;		/* and where its frame begins */
};

#define BUILD_SIZE 65536	/* of the snapshots that build_begin() makes */

/* The ids that all built streams have. */
struct uuid build_stream_id(void);
struct uuid build_snapshot_id(void);

/* Legal records to start from: sent whole, of BUILD_SIZE bytes. */
struct record build_begin(void);
struct record build_meta(void);
struct record build_end(void);

/* One piece, raw, at offset; hash set. data must outlive the record. */
struct record build_data(const struct record_range *piece, const void *data);

/* A base for a BEGIN. */
void build_based(struct record_begin *begin);

/* Start with a stream header; free bytes with build_free(). */
void build_start(struct stream_build *build, uint64_t required);
void build_free(struct stream_build *build);

void build_bytes(struct stream_build *build, const void *bytes, size_t length);
void build_frame(struct stream_build *build, unsigned type, unsigned flags,
    const void *payload, size_t length);

/*
 * A record in its frame.  END gets the number of frames and the hash; its sums
 * stay as they are.
 */
void build_record(struct stream_build *build, const struct record *record);

/* BEGIN and META; END. */
void build_open(struct stream_build *build);
void build_close(struct stream_build *build);

/* A file descriptor from which length bytes can be read. */
int build_fd(const void *bytes, size_t length);

/* Read length bytes as a stream to its end.  Returns what the reader does. */
int build_read_bytes(const void *bytes, size_t length, struct err *err);

/* Read the built stream; it must be refused with a text that holds word. */
void build_refused(const struct stream_build *build, const char *word);
/* The same, but it must be accepted. */
void build_accepted(const struct stream_build *build);

#endif
