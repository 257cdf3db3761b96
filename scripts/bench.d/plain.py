#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""How long would a stream be if nothing in it were compressed with a prefix?

    plain.py STREAM SNAPSHOT LEVEL

The bytes of each DATA record, read from the snapshot, are compressed by
themselves, at the same level, in a frame of their own; raw if that is no
shorter.  All else of the stream counts as it is.  See refstream(5).
"""

import os
import struct
import sys

import zstandard

STREAM_HEADER = 64
FRAME = struct.Struct("<4sHHQI4x8x")
DATA = struct.Struct("<IBBHIII16sQI")
PIECE = struct.Struct("<QI")
KIND_DATA = 2


def plain_length(payload, snapshot, compressor):
    """Of the encoded bytes of this record: what they are, and would be."""
    fields = DATA.unpack_from(payload)
    count, raw_length, encoded_length = fields[4:7]
    raw = b"".join(
        os.pread(snapshot, length, offset) for offset, length in
        PIECE.iter_unpack(payload[DATA.size:DATA.size + count * PIECE.size]))
    if len(raw) != raw_length:
        sys.exit("plain.py: the snapshot is shorter than the stream says")
    return encoded_length, min(len(compressor.compress(raw)), raw_length)


def main():
    stream, snapshot, level = sys.argv[1:]
    fd = os.open(snapshot, os.O_RDONLY)
    compressor = zstandard.ZstdCompressor(level=int(level))
    total = os.path.getsize(stream)
    with open(stream, "rb") as f:
        f.seek(STREAM_HEADER)
        while header := f.read(FRAME.size):
            magic, kind, _, _, length = FRAME.unpack(header)
            if magic != b"RFfr":
                sys.exit("plain.py: this is no stream of refsend")
            payload = f.read(length)
            if kind == KIND_DATA:
                is_now, would_be = plain_length(payload, fd, compressor)
                total += would_be - is_now
    print(total)


if __name__ == "__main__":
    main()
