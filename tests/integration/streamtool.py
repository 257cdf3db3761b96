# SPDX-License-Identifier: BSD-2-Clause
"""streamtool.py - compare what streams brought.

Usage: streamtool.py COMMAND ARGUMENT...
  same A B              exit code 1 if they differ; holes are not read
  holes A B             exit code 1 if B has data in a hole of A
  agree READER JSON     exit code 1 if what refstream.py restored into READER
                        is not what refrecv, by its --json, received
  extents PATH COUNT SIZE       make a file of so many extents of a block
  patch PATH COUNT SEED SIZE    overwrite so many of them
  noise PATH SIZE PARTS         make a file; of PARTS MiB only one is noise
  scatter PATH COUNT SEED       overwrite so many blocks; prints where
  covers RECORDS PLACES         is DATA, of refstream.py records, for these
                                blocks and no other bytes?
  peak COMMAND...       run it, and print the most memory it had, in KiB
"""
import json
import os
import random
import resource
import struct
import subprocess
import sys

import filetool

BLOCK = 4096


def same(a, b):
    sizes = os.stat(a).st_size, os.stat(b).st_size
    if sizes[0] != sizes[1]:
        print(f"{a}: {sizes[0]} bytes, {b}: {sizes[1]}")
        return 1
    found = filetool.differences(a, b)
    if found:
        print(f"{a} and {b} differ:", found[:10])
    return 1 if found else 0


def ranges(path):
    with open(path, "rb") as source:
        size = os.fstat(source.fileno()).st_size
        return list(filetool.data_ranges(source.fileno(), size)), size


def holes(a, b):
    """Data of A, rounded out to blocks, covers the data of B."""
    data, _ = ranges(a)
    allowed = filetool.union([start // BLOCK * BLOCK,
                              -(-end // BLOCK) * BLOCK]
                             for start, end in data)
    at = 0
    for start, end in ranges(b)[0]:
        while at < len(allowed) and allowed[at][1] <= start:
            at += 1
        if at == len(allowed) or start < allowed[at][0] or (
                end > allowed[at][1]):
            print(f"{b}: data from {start} to {end}; {a}: {allowed[:20]}")
            return 1
    return 0


def agree(reader, report):
    """Contents, size, mode and mtime of each snapshot of the stream."""
    with open(os.path.join(reader, ".refstream-index.json")) as source:
        index = json.load(source)
    with open(report, "rb") as source:
        received = json.loads(source.read().decode("utf-8",
                                                   "surrogateescape"))
    for snapshot in received["snapshots"]:
        entry = index[snapshot["id"]]
        path = os.path.join(reader, entry["path"])
        status = os.stat(snapshot["path"])
        if same(snapshot["path"], path):
            return 1
        if status.st_mtime_ns != entry["begin"]["mtime"] or (
                status.st_mode & 0o777 & ~entry["meta"]["mode"]):
            print(f"{snapshot['path']}: {status}; {entry['meta']}")
            return 1
    return 0 if received["snapshots"] else 1


def block(number, seed, size):
    return struct.pack("<QQ", number, seed) * (size // 16)


def extents(path, count, size):
    size = int(size)
    with open(path, "xb", buffering=0) as out:
        for number in range(int(count)):
            os.pwrite(out.fileno(), block(number, 0, size), 2 * size * number)


def patch(path, count, seed, size):
    size = int(size)
    places = os.stat(path).st_size // size // 2
    with open(path, "r+b", buffering=0) as out:
        for number in random.Random(seed).sample(range(places), int(count)):
            os.pwrite(out.fileno(), block(number, int(seed), size),
                      2 * size * number)


def noise(path, size, parts):
    """Each block another; it compresses to about 1 of PARTS."""
    some = os.urandom(BLOCK // int(parts) // 16 * 16 - 16)
    with open(path, "xb", buffering=0) as out:
        for at in range(0, int(size), 1 << 20):
            out.write(b"".join(
                (struct.pack("<Q", number) * 2 + some).ljust(BLOCK, b"x")
                for number in range(at // BLOCK, (at + (1 << 20)) // BLOCK)))


def scatter(path, count, seed):
    places = range(os.stat(path).st_size // BLOCK)
    with open(path, "r+b", buffering=0) as out:
        for place in sorted(random.Random(seed).sample(places, int(count))):
            os.pwrite(out.fileno(), os.urandom(BLOCK), place * BLOCK)
            print(place * BLOCK)


def covers(report, places):
    with open(report) as source:
        records = json.load(source)
    with open(places) as source:
        wanted = filetool.union([int(line), int(line) + BLOCK]
                                for line in source)
    found = filetool.union([at, at + length] for record in records
                           for at, length in record.get("ranges", []))
    print(found[:10], wanted[:10])
    return 0 if found == wanted else 1


def peak(*command):
    code = subprocess.run(command, stdout=subprocess.DEVNULL).returncode
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
    return code


def main():
    command, arguments = sys.argv[1], sys.argv[2:]
    commands = {"same": same, "holes": holes, "agree": agree,
                "extents": extents, "patch": patch, "noise": noise,
                "scatter": scatter, "covers": covers, "peak": peak}
    return commands[command](*arguments) or 0


if __name__ == "__main__":
    sys.exit(main())
