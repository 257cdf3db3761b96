# SPDX-License-Identifier: BSD-2-Clause
"""damagetool.py - give refrecv damaged streams; each must be refused.

Usage: damagetool.py cuts STREAM DIR    cut at each frame boundary and at 200
                                        random bytes
       damagetool.py flips STREAM DIR   turn each bit of the stream header and
                                        of each frame header, and 2,000 others

refrecv has to exit with 3 and one line of error, and to leave DIR as it was;
the second reader has to refuse as well.
"""
import io
import os
import random
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))

import refstream
import stream_edit

FRAME_HEADER = 32


def cuts(stream):
    places = {0, *stream_edit.boundaries(stream)} - {len(stream)}
    places |= set(random.Random(1).sample(range(len(stream)), 200))
    for place in sorted(places):
        yield f"cut at byte {place}", stream[:place]


def flips(stream):
    bits = set(range(stream_edit.HEADER * 8))
    for at in stream_edit.boundaries(stream)[:-1]:
        bits |= set(range(at * 8, (at + FRAME_HEADER) * 8))
    others = sorted(set(range(len(stream) * 8)) - bits)
    bits |= set(random.Random(1).sample(others, 2000))
    for bit in sorted(bits):
        damaged = bytearray(stream)
        damaged[bit // 8] ^= 1 << bit % 8
        yield f"bit {bit % 8} of byte {bit // 8}", bytes(damaged)


def state(directory):
    """Names, modes, sizes and times of all that lies there."""
    found = []
    for where, folders, files in os.walk(directory):
        for name in folders + files:
            path = os.path.join(where, name)
            status = os.lstat(path)
            is_folder = name in folders
            found.append((path, status.st_mode, status.st_ino,
                          None if is_folder else
                          (status.st_size, status.st_mtime_ns)))
    return sorted(found)


def refrecv(stream, directory):
    fd = os.memfd_create("stream")
    try:
        os.write(fd, stream)
        os.lseek(fd, 0, os.SEEK_SET)
        return subprocess.run(["refrecv", directory], stdin=fd,
                              capture_output=True)
    finally:
        os.close(fd)


def second_reader_refuses(stream):
    try:
        refstream.verdict(io.BytesIO(stream))
    except refstream.Refused:
        return True
    return False


def check(what, stream, directory, before):
    done = refrecv(stream, directory)
    lines = [line for line in done.stderr.splitlines()
             if b": warning: " not in line]
    if done.returncode != 3 or len(lines) != 1 or done.stdout:
        return f"{what}: exit code {done.returncode}, {done.stderr}"
    if state(directory) != before:
        return f"{what}: {directory} was changed"
    if not second_reader_refuses(stream):
        return f"{what}: the second reader takes it"
    return None


def main():
    damage = {"cuts": cuts, "flips": flips}[sys.argv[1]]
    with open(sys.argv[2], "rb") as source:
        stream = source.read()
    directory = sys.argv[3]
    if second_reader_refuses(stream):
        sys.exit("the stream is damaged already")
    before = state(directory)
    failures, count = 0, 0
    for what, damaged in damage(stream):
        count += 1
        problem = check(what, damaged, directory, before)
        if problem:
            failures += 1
            if failures <= 10:
                print(problem)
    print(f"{count} damaged streams, {failures} problems")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
