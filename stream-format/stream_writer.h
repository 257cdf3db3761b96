/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream_writer.h - write a stream to a file descriptor, record by record.
 *
 * The writer numbers and checksums frames, writes CHECKPOINTs when they are
 * due, and fills counts and hash of END.  It checks its own records with the
 * same rules as a reader: breaking them is a bug and fails with ERR_FAILED.
 */
#ifndef STREAM_FORMAT_STREAM_WRITER_H
#define STREAM_FORMAT_STREAM_WRITER_H

#include <stdint.h>

#include "common/err.h"
#include "stream-format/frame.h"
#include "stream-format/record.h"

struct stream_writer;

/*
 * Start a stream: writes its header.
 *
 * fd stays the caller's; -1 counts bytes and writes nothing (a dry run).
 * required are the FEATURE_* bits that the stream will use; stream its id.
 */
int stream_writer_new(int fd, uint64_t required, const struct uuid *stream,
    struct stream_writer **writer, struct err *err);

/* From now on write so many bytes a second at most; 0: no limit. */
void stream_writer_pace(struct stream_writer *writer, uint64_t rate);

/*
 * Write one record.  For RECORD_DATA, record->u.data.data are the encoded
 * bytes.  For RECORD_END, records, data, zeros, holes and hash are filled in.
 * For RECORD_BEGIN, stream is.  ERR_FAILED with the reason of the system if
 * the stream cannot be written.
 */
int stream_writer_put(struct stream_writer *writer, struct record *record,
    struct err *err);

/* Bytes of the stream so far. */
uint64_t stream_writer_bytes(const struct stream_writer *writer);

void stream_writer_free(struct stream_writer *writer);

#endif
