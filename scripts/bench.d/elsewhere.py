#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""How much of a change lies elsewhere in the base already?

    elsewhere.py BASE SNAPSHOT LIST

Prints the bytes of the changed blocks of 4 KiB, those of the ranges in LIST,
that the base has at any multiple of 4 KiB: what a tool could save that knows a
hash of each block of the base.  Blocks of zeros do not count.
"""

import errno
import hashlib
import os
import sys

BLOCK = 4096
STEP = 1 << 20
ZEROS = bytes(BLOCK)


def blocks(fd, offset, end):
    """The whole blocks of a range that hold data."""
    while offset < end:
        data = os.pread(fd, min(STEP, end - offset), offset)
        if not data:
            return
        for at in range(0, len(data) - BLOCK + 1, BLOCK):
            block = data[at:at + BLOCK]
            if block != ZEROS:
                yield hashlib.blake2b(block, digest_size=12).digest()
        offset += len(data)


def data_blocks(fd):
    """The blocks of a file, holes left out."""
    end = 0
    while True:
        try:
            start = os.lseek(fd, end, os.SEEK_DATA)
        except OSError as e:
            if e.errno == errno.ENXIO:
                return
            raise
        end = os.lseek(fd, start, os.SEEK_HOLE)
        yield from blocks(fd, start - start % BLOCK, end)


def main():
    base, snapshot, listed = sys.argv[1:]
    known = set(data_blocks(os.open(base, os.O_RDONLY)))
    fd = os.open(snapshot, os.O_RDONLY)
    found = 0
    with open(listed, encoding="ascii") as f:
        for line in f:
            offset, length = map(int, line.split()[:2])
            found += sum(block in known
                         for block in blocks(fd, offset, offset + length))
    print(found * BLOCK)


if __name__ == "__main__":
    main()
