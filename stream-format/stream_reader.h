/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream_reader.h - read a stream from a file descriptor, record by record.
 *
 * What it hands out has passed frame checksum, sequence, limits, order of
 * records, counts and stream hash.  The content hash of DATA is left to the
 * consumer, who decodes it.  The stream is taken as hostile.
 */
#ifndef STREAM_FORMAT_STREAM_READER_H
#define STREAM_FORMAT_STREAM_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "stream-format/frame.h"
#include "stream-format/record.h"

struct stream_reader;

/* Where the reader is: for messages and dumps. */
struct stream_position {
	uint64_t sequence;	/* of the record that was read last */
	uint64_t offset;	/* of its frame, in bytes from the magic on */
	uint64_t next;		/* of the next frame */
	uint32_t payload;	/* length of its payload */
};

/*
 * Read and check the stream header.  fd stays the caller's.  ERR_STREAM if it
 * is refused; ERR_FAILED if reading failed.
 */
int stream_reader_new(int fd, struct stream_reader **reader, struct err *err);

const struct stream_header *stream_reader_header(
    const struct stream_reader *reader);

/*
 * Read the next record; optional records of unknown type, and DIGEST, are
 * skipped.  The record is good until the next call.
 *
 * Returns 0; 1 after the last END, once the end of the input was seen; or
 * ERR_STREAM, with the record's number and byte position in the text.  After
 * an error the reader can only be freed.
 */
int stream_reader_next(struct stream_reader *reader, struct record **record,
    struct err *err);

struct stream_position stream_reader_position(
    const struct stream_reader *reader);

/*
 * After an error of stream_reader_next(): did the input end too early, or could
 * it not be read?  Then nothing of what came is wrong: it only is not all.
 */
bool stream_reader_broke_off(const struct stream_reader *reader);

void stream_reader_free(struct stream_reader *reader);

#endif
