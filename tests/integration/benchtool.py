# SPDX-License-Identifier: BSD-2-Clause
"""benchtool.py - the plainest way to do what the tools do, to compare with.

Usage: benchtool.py COMMAND ARGUMENT...
  make PATH             a file of 1 GiB, a quarter of it data
  change PATH           overwrite 100 MiB of the data, in 1,600 ranges
  read PATH LIST        write the ranges that refdiff printed to stdout
  receive BASE PATH DATA LIST
                        clone BASE, write what read once wrote, sync
"""
import os
import random
import sys

import filetool

MIB = 1 << 20
PIECE = 65536
PIECES = 4096                   # of data, each followed by a hole


def piece(rng):
    """Random, but compressible 1:2."""
    return rng.randbytes(PIECE // 2).hex().encode()


def make(path):
    rng = random.Random(1)
    with open(path, "wb") as f:
        for i in range(PIECES):
            f.seek(4 * PIECE * i)
            f.write(piece(rng))
        f.truncate(1024 * MIB)


def change(path):
    rng = random.Random(2)
    with open(path, "r+b") as f:
        for i in sorted(rng.sample(range(PIECES), 1600)):
            f.seek(4 * PIECE * i)
            f.write(piece(rng))


def read_list(path):
    with open(path, encoding="ascii") as f:
        return [tuple(map(int, line.split())) for line in f]


def read(path, ranges):
    fd = os.open(path, os.O_RDONLY)
    for offset, length in read_list(ranges):
        sys.stdout.buffer.write(os.pread(fd, length, offset))


def receive(base, path, data, ranges):
    open(path, "wb").close()
    filetool.clone_range(base, 0, 0, path, 0)
    with open(data, "rb") as source, open(path, "r+b") as f:
        for offset, length in read_list(ranges):
            f.seek(offset)
            f.write(source.read(length))
        f.flush()
        os.fsync(f.fileno())


def main():
    commands = {f.__name__: f for f in (make, change, read, receive)}
    return commands[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
