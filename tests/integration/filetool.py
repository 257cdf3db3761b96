# SPDX-License-Identifier: BSD-2-Clause
"""filetool.py - make, change, list and compare files for the tests.

Usage: filetool.py COMMAND ARGUMENT...
  make PATH SIZE SEED             a new file
  patch PATH OFFSET LENGTH SEED   overwrite a range
  list DIRECTORY                  everything below it, one line each
  same-metadata A B [mode]        exit code 1 if they differ
  ranges A B                      where B differs from A, by reading both
  check-diff A B CODE             is stdin, JSON of refdiff, those ranges?
  clone-range A OFFSET LENGTH B OFFSET   FICLONERANGE
  map PATH [sync]                 extents by FIEMAP: offset address length flags
"""
import bisect
import fcntl
import hashlib
import json
import os
import random
import stat
import struct
import sys

BLOCK = 4096
STEP = 1 << 20


def content(offset, length, seed):
    """Bytes of a range of the endless text SEED; no two blocks are equal."""
    first = offset // BLOCK
    last = (offset + length + BLOCK - 1) // BLOCK
    blocks = []
    for number in range(first, last):
        source = random.Random(f"{seed}/{number}")
        blocks.append(source.randbytes(512) * (BLOCK // 512))
    start = offset - first * BLOCK
    return b"".join(blocks)[start:start + length]


def make(path, size, seed):
    with open(path, "wb", buffering=0) as out:
        for offset in range(0, int(size), STEP):
            out.write(content(offset, min(STEP, int(size) - offset), seed))


def patch(path, offset, length, seed):
    offset, end = int(offset), int(offset) + int(length)
    with open(path, "r+b", buffering=0) as out:
        out.seek(offset)
        while offset < end:
            data = content(offset, min(STEP, end - offset), seed)
            out.write(data)
            offset += len(data)


def file_hash(path):
    state = hashlib.sha256()
    with open(path, "rb") as source:
        while data := source.read(STEP):
            state.update(data)
    return state.hexdigest()[:16]


def list_tree(directory):
    lines = []
    for where, folders, files in os.walk(os.fsencode(directory)):
        for name in folders + files:
            path = os.path.join(where, name)
            status = os.lstat(path)
            inner = "-"
            if stat.S_ISREG(status.st_mode):
                inner = f"{status.st_size} {file_hash(path)}"
            elif stat.S_ISLNK(status.st_mode):
                inner = repr(os.readlink(path))
            shown = os.path.relpath(path, os.fsencode(directory))
            lines.append(f"{shown!r} {stat.filemode(status.st_mode)} {inner}")
    print("\n".join(sorted(lines)))


def access_list(value, with_mode):
    """Entries of a POSIX access list; permissions of named ones are kept."""
    entries = []
    for at in range(4, len(value), 8):
        tag, perm, who = struct.unpack_from("<HHI", value, at)
        named = tag in (0x02, 0x08)
        entries.append((tag, perm if named or with_mode else None, who))
    return entries


def metadata(path, with_mode):
    status = os.stat(path)
    attributes = {}
    for name in os.listxattr(path):
        value = os.getxattr(path, name)
        # The second is how XFS shows the access list to root.
        if name.startswith("user.refsend.") or name == "trusted.SGI_ACL_FILE":
            continue
        if name == "system.posix_acl_access":
            value = access_list(value, with_mode)
        attributes[name] = value
    found = {"uid": status.st_uid, "gid": status.st_gid,
             "mtime": status.st_mtime_ns, "attributes": attributes}
    if with_mode:
        found["mode"] = oct(status.st_mode)
    return found


def same_metadata(a, b, mode=""):
    a, b = metadata(a, mode == "mode"), metadata(b, mode == "mode")
    for key in a:
        if a[key] != b[key]:
            print(f"{key}: {a[key]} and {b[key]}")
    return 0 if a == b else 1


def data_ranges(fd, size):
    offset = 0
    while offset < size:
        try:
            start = os.lseek(fd, offset, os.SEEK_DATA)
        except OSError:
            return
        offset = min(os.lseek(fd, start, os.SEEK_HOLE), size)
        yield start, offset


def union(ranges):
    merged = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    return merged


def byte_ranges(a, b, start):
    """Of each block that differs in two equally long pieces, which start at a
    multiple of BLOCK: the range from its first to its last such byte."""
    if a == b:
        return
    for at in range(0, len(a), BLOCK):
        x, y = a[at:at + BLOCK], b[at:at + BLOCK]
        if x != y:
            bits = int.from_bytes(x, "big") ^ int.from_bytes(y, "big")
            first = len(x) - (bits.bit_length() + 7) // 8
            last = len(x) - 1 - ((bits & -bits).bit_length() - 1) // 8
            yield [start + at + first, start + at + last + 1]


def differences(a, b):
    """Where B differs from A, as [start, end) pairs inside of blocks; what A
    lacks counts as zeros."""
    with open(a, "rb", buffering=0) as fa, open(b, "rb", buffering=0) as fb:
        size_a = os.fstat(fa.fileno()).st_size
        size_b = os.fstat(fb.fileno()).st_size
        found = []
        pieces = union(list(data_ranges(fa.fileno(), size_a)) +
                       list(data_ranges(fb.fileno(), size_b)))
        for start, end in pieces:
            start, end = start // BLOCK * BLOCK, min(end, size_b)
            for at in range(start, end, STEP):
                length = min(STEP, end - at)
                bytes_a = os.pread(fa.fileno(), length, at)
                bytes_a += bytes(length - len(bytes_a))
                bytes_b = os.pread(fb.fileno(), length, at)
                found += byte_ranges(bytes_a, bytes_b, at)
        return union(found)


FLAGS = {0x1: "last", 0x2: "unknown", 0x4: "delalloc", 0x8: "encoded",
         0x80: "encrypted", 0x100: "not-aligned", 0x200: "inline",
         0x400: "tail", 0x800: "unwritten", 0x1000: "merged",
         0x2000: "shared"}


def extents(path, sync=False):
    """The records of FIEMAP."""
    count = 512
    with open(path, "rb") as source:
        offset = 0
        while True:
            request = bytearray(struct.pack("=QQIIII", offset, 2**63 - offset,
                                            1 if sync else 0, 0, count, 0))
            request += bytes(56 * count)
            fcntl.ioctl(source.fileno(), 0xC020660B, request)
            mapped = struct.unpack_from("=I", request, 20)[0]
            if mapped == 0:
                return
            for i in range(mapped):
                logical, physical, length, _, _, flags = struct.unpack_from(
                    "=QQQQQI", request, 32 + 56 * i)
                yield logical, physical, length, flags
                offset = logical + length
            if flags & 1:
                return


def print_map(path, sync=""):
    for logical, physical, length, flags in extents(path, sync == "sync"):
        words = [word for bit, word in FLAGS.items() if flags & bit]
        print(logical, physical, length, ",".join(words) or "-")


def print_ranges(a, b):
    for start, end in differences(a, b):
        print(start, end - start)


def subset(inner, outer):
    """Does every range lie in one of the other, merged ranges?"""
    starts = [start for start, _ in outer]
    for start, end in inner:
        at = bisect.bisect_right(starts, start) - 1
        if at < 0 or end > outer[at][1]:
            return False
    return True


def check_diff(a, b, code):
    """refdiff may round a changed byte to its block, no more and no less."""
    size = os.stat(b).st_size
    true = differences(a, b)
    rounded = union([start // BLOCK * BLOCK,
                     min(-(-end // BLOCK) * BLOCK, size)]
                    for start, end in true)
    report = json.load(sys.stdin)
    reported = union([item["offset"], item["offset"] + item["length"]]
                     for item in report["ranges"])
    differ = bool(true) or size != os.stat(a).st_size
    changed = sum(end - start for start, end in reported)
    if subset(true, reported) and subset(reported, rounded) and \
            int(code) == differ and report["changed_bytes"] == changed and \
            report["range_count"] == len(report["ranges"]):
        return 0
    print("refdiff:", reported[:20], "by", report["method"])
    print("true:   ", true[:20])
    return 1


def clone_range(source, offset, length, target, to):
    with open(source, "rb") as a, open(target, "r+b") as b:
        fcntl.ioctl(b.fileno(), 0x4020940D, struct.pack(
            "=qQQQ", a.fileno(), int(offset), int(length), int(to)))


def main():
    command, arguments = sys.argv[1], sys.argv[2:]
    commands = {"make": make, "patch": patch, "list": list_tree,
                "same-metadata": same_metadata, "ranges": print_ranges,
                "check-diff": check_diff, "clone-range": clone_range,
                "map": print_map}
    return commands[command](*arguments) or 0


if __name__ == "__main__":
    sys.exit(main())
