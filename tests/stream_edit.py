#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Change fields of a refstream and make all its checksums right again.

    stream_edit.py [FIELD=VALUE]... <STREAM >STREAM
    stream_edit.py --frames <STREAM

For streams that a careful reader must refuse for what they say, not for how
they arrived.  FIELD is one of

    version, required       of the stream header; numbers
    origin, name, base-name of every BEGIN; bytes, with Python's escapes
    size, flags             of every BEGIN; numbers
    snapshot, lineage       of every BEGIN; uuids
    uid, gid, mode          of every META; numbers
    user, group             of every META; bytes, likewise
    extra                   "yes": adds a CHECKPOINT and a DIGEST, which is
                            skipped, behind every META and a CHECKPOINT in
                            front of every END

--frames prints where each frame begins, and the end, a number a line.
"""

import ast
import struct
import sys
import uuid

import xxhash

HEADER = 64
FRAME = struct.Struct("<4sHHQIIQ")
BEGIN, META, CHECKPOINT, DIGEST, END = 1, 6, 7, 9, 10
OPTIONAL = 1

# Places in the payload of BEGIN.
UUIDS_AT = {"snapshot": 16, "lineage": 48}
SIZE_AT = 4 * 16 + 2 * 8
FLAGS_AT = SIZE_AT + 2 * 8 + 2 * 12 + 3 * 4
STRINGS_AT = FLAGS_AT + 4 + 2 * 40
END_HASH_AT = 4 * 8

STRINGS = ("origin", "name", "base-name")

# Places in the payload of META.
META_AT = {"mode": 4, "uid": 8, "gid": 12}
META_STRINGS_AT = 16 + 3 * 12 + 8
META_STRINGS = ("user", "group")

FIELDS = {"version", "required", "extra", "size", "flags", *UUIDS_AT, *STRINGS,
          *META_AT, *META_STRINGS}


def frames(stream):
    """The offset, type, flags and payload of each frame."""
    at = HEADER
    while at < len(stream):
        _, kind, flags, _, length, _, _ = FRAME.unpack_from(stream, at)
        end = at + FRAME.size + length
        yield at, kind, flags, stream[at + FRAME.size:end]
        at = end


def boundaries(stream):
    """Where a frame begins, or the last one ends."""
    return [at for at, *_ in frames(stream)] + [len(stream)]


def stream_header(old, changes):
    header = bytearray(old[:HEADER - 8])
    if "version" in changes:
        struct.pack_into("<H", header, 8, int(changes["version"], 0))
    if "required" in changes:
        struct.pack_into("<Q", header, 16, int(changes["required"], 0))
    return bytes(header) + struct.pack("<Q", xxhash.xxh3_64_intdigest(header))


def strings(payload, at, names, changes):
    """The strings from there on, changed, and all that follows."""
    out = b""
    for name in names:
        end = at + 2 + struct.unpack_from("<H", payload, at)[0]
        value = payload[at + 2:end]
        if name in changes:
            value = ast.literal_eval(f'b"""{changes[name]}"""')
        out += struct.pack("<H", len(value)) + value
        at = end
    return out + payload[at:]


def begin(payload, changes):
    fixed = bytearray(payload[:STRINGS_AT])
    for name, at in UUIDS_AT.items():
        if name in changes:
            fixed[at:at + 16] = uuid.UUID(changes[name]).bytes
    if "size" in changes:
        struct.pack_into("<Q", fixed, SIZE_AT, int(changes["size"], 0))
    if "flags" in changes:
        struct.pack_into("<I", fixed, FLAGS_AT, int(changes["flags"], 0))
    return bytes(fixed) + strings(payload, STRINGS_AT, STRINGS, changes)


def meta(payload, changes):
    fixed = bytearray(payload[:META_STRINGS_AT])
    for name, at in META_AT.items():
        if name in changes:
            struct.pack_into("<I", fixed, at, int(changes[name], 0))
    return bytes(fixed) + strings(payload, META_STRINGS_AT, META_STRINGS,
                                  changes)


def with_extra(old):
    """The frames, with more of them in between."""
    for at, kind, flags, payload in old:
        if kind == BEGIN:
            size, = struct.unpack_from("<Q", payload, SIZE_AT)
        if kind == END:
            yield at, CHECKPOINT, 0, struct.pack("<IIQQ", 0, 0, size, 0)
            records, = struct.unpack_from("<Q", payload)
            payload = struct.pack("<Q", records + 3) + payload[8:]
        yield at, kind, flags, payload
        if kind == META:
            yield at, CHECKPOINT, 0, bytes(24)
            yield at, DIGEST, OPTIONAL, b"digest"


def edit(stream, changes):
    """The stream with the changes, and right sums."""
    header = stream_header(stream, changes)
    low, high = struct.unpack_from("<QQ", header, 32)
    out = [header]
    since_begin = xxhash.xxh3_128()
    old = frames(stream)
    if "extra" in changes:
        old = with_extra(old)
    for sequence, (_, kind, flags, payload) in enumerate(old):
        if kind == BEGIN:
            since_begin.reset()
            payload = begin(payload, changes)
        if kind == META:
            payload = meta(payload, changes)
        if kind == CHECKPOINT:
            payload = payload[:-8] + struct.pack("<Q", sum(map(len, out)))
        if kind == END:
            payload = (payload[:END_HASH_AT] + since_begin.digest() +
                       payload[END_HASH_AT + 16:])
        head = FRAME.pack(b"RFfr", kind, flags, sequence, len(payload), 0,
                          0)[:24]
        checksum = xxhash.xxh3_64_intdigest(head + payload, seed=low ^ high)
        frame = head + struct.pack("<Q", checksum) + payload
        since_begin.update(frame)
        out.append(frame)
    return b"".join(out)


def main(args):
    stream = sys.stdin.buffer.read()
    if args == ["--frames"]:
        print(*boundaries(stream), sep="\n")
        return
    changes = dict(arg.split("=", 1) for arg in args)
    unknown = changes.keys() - FIELDS
    if unknown:
        sys.exit(f"stream_edit.py: no such field: {', '.join(unknown)}")
    sys.stdout.buffer.write(edit(stream, changes))


if __name__ == "__main__":
    main(sys.argv[1:])
