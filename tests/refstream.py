#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A second reader of refsend's streams, written from refstream(5) alone.

    refstream.py restore [--base FILE]... [--partial FILE] DIR [STREAM...]
    refstream.py verdict [STREAM]
    refstream.py records [STREAM]

restore   restores every snapshot into DIR, as DIR/.snapshot/ORIGIN.NAME or,
          if plain, as DIR/NAME.  A base is looked up by its id among what was
          restored into DIR before (DIR/.refstream-index.json), then among the
          files given with --base, by size and digest.  What lies below the
          offset of RESUME is taken from the file given with --partial.
verdict   checks all that can be checked without a base or partial; prints
          "good" or why the stream is refused.
records   prints the records as JSON.

Without STREAM, standard input is read.  Exit codes: 0 done, 1 failed, 2
usage, 3 stream refused, 4 base unknown, or no partial to go on with.
"""

import argparse
import contextlib
import errno
import json
import os
import sys
import uuid
from typing import NamedTuple

import xxhash
import zstandard

STREAM_MAGIC = bytes.fromhex("895246530d0a1a0a")
FRAME_MAGIC = b"RFfr"
ZSTD_MAGIC = bytes.fromhex("28b52ffd")
HEADER_LENGTH = 64
FRAME_HEADER_LENGTH = 32
PAYLOAD_MAX = 2162688
RAW_MAX = 1 << 20
PIECES_MAX = 65536
PREFIX_RANGES_MAX = 1024
SIZE_MAX = (1 << 63) - 1
CHECKPOINT_EVERY = 32 << 20

FEATURE_ZSTD = 1 << 0
FEATURE_PREFIX = 1 << 1
FEATURE_CLONE = 1 << 2
FEATURE_RESUME = 1 << 4
FEATURES_KNOWN = (FEATURE_ZSTD | FEATURE_PREFIX | FEATURE_CLONE |
                  FEATURE_RESUME)

FLAG_OPTIONAL = 1 << 0
DIGEST = 9              # the type that a reader of this version skips
BEGIN_PLAIN = 1 << 0

DIGEST_NONE, DIGEST_XXH3 = 0, 1
DIGEST_BLOCK = 65536

INDEX = b".refstream-index.json"
NIL = uuid.UUID(int=0)


class Refused(Exception):
    """The stream breaks the specification: exit code 3."""


class BaseUnknown(Exception):
    """The stream needs a base that is not here: exit code 4."""


class NothingToResume(Exception):
    """The stream goes on with what is not here: exit code 4."""


def require(condition, reason):
    """Refuse the stream for this reason unless the condition holds."""
    if not condition:
        raise Refused(reason)


@contextlib.contextmanager
def located(sequence, offset):
    """Say in which frame it was that the stream was refused."""
    try:
        yield
    except Refused as e:
        raise Refused(f"frame {sequence} at byte {offset}: {e}") from e


# ---------------------------------------------------------------- fields


class Fields:
    """Takes the fields of a payload, one after the other."""

    def __init__(self, payload):
        self.payload = payload
        self.at = 0

    def bytes(self, length):
        require(length <= len(self.payload) - self.at,
                "the payload is shorter than its fields say")
        self.at += length
        return self.payload[self.at - length:self.at]

    def done(self):
        require(self.at == len(self.payload),
                "the payload is longer than its fields say")

    def integer(self, length):
        return int.from_bytes(self.bytes(length), "little")

    def u8(self):
        return self.integer(1)

    def u16(self):
        return self.integer(2)

    def u32(self):
        return self.integer(4)

    def u64(self):
        return self.integer(8)

    def string(self):
        return self.bytes(self.u16())

    def uuid(self):
        return uuid.UUID(bytes=self.bytes(16))

    def reserved(self, length):
        require(self.integer(length) == 0, "a reserved field is not zero")

    def time(self):
        """A time, as nanoseconds since 1970."""
        seconds = int.from_bytes(self.bytes(8), "little", signed=True)
        nanoseconds = self.u32()
        require(nanoseconds < 10**9, "a time has too many nanoseconds")
        return seconds * 10**9 + nanoseconds

    def digest(self):
        algorithm = self.u16()
        self.reserved(2)
        block_size = self.u32()
        value = self.bytes(32)
        if algorithm == DIGEST_NONE:
            require(block_size == 0 and not any(value),
                    "a digest of no algorithm has a block size or a value")
        if algorithm == DIGEST_XXH3:
            require(block_size == DIGEST_BLOCK and not any(value[16:]),
                    "a digest has a wrong block size or too long a value")
        return {"algorithm": algorithm, "block_size": block_size,
                "value": value.hex()}

    def count(self, limit, what, least=1):
        count = self.u32()
        require(least <= count <= limit, f"the number of {what} is {count}")
        return count

    def file_zero(self):
        require(self.u32() == 0, "a record is for a file other than file 0")


def check_component(name, what):
    """Refuse what is not a single component of a path."""
    require(len(name) <= 255, f"the {what} is longer than 255 bytes")
    require(b"/" not in name and b"\0" not in name and
            name not in (b".", b".."), f"the {what} is not a file name")


def check_names(begin):
    """The three names of BEGIN, each and together."""
    origin, name = begin["origin"], begin["name"]
    plain = bool(begin["flags"] & BEGIN_PLAIN)
    require(plain == (not origin),
            "there is an origin and plain is set, or neither")
    require(name, "the name of the snapshot is empty")
    check_component(origin, "origin")
    check_component(name, "name of the snapshot")
    check_component(begin["base_name"], "name of the base")
    require(b".snapshot" not in (origin, name),
            "a name is that of the snapshot directory")
    require(plain or len(origin + b"." + name) <= 255,
            "origin and name together are longer than 255 bytes")
    require((begin["base"] == NIL) == (not begin["base_name"]),
            "there is a base or a name of it, not both")


# --------------------------------------------------------------- records
#
# Each function reads one record and checks all that the record alone can
# tell.  What depends on other records is checked by SnapshotCheck.


def read_begin(f):
    r = {"stream": f.uuid(), "snapshot": f.uuid(), "base": f.uuid(),
         "lineage": f.uuid(), "generation": f.u64(), "cut": f.u64(),
         "size": f.u64(), "base_size": f.u64(), "created": f.time(),
         "mtime": f.time(), "block_size": f.u32(), "source_type": f.u32(),
         "files": f.u32(), "flags": f.u32(), "base_digest": f.digest(),
         "result_digest": f.digest(), "origin": f.string(),
         "name": f.string(), "base_name": f.string()}
    require(r["snapshot"] != NIL, "the id of the snapshot is nil")
    require(r["size"] <= SIZE_MAX and r["base_size"] <= SIZE_MAX,
            "a size is above 2^63 - 1")
    require(r["base"] != r["snapshot"], "the snapshot is its own base")
    require(r["base"] != NIL or (
        r["base_size"] == 0 and
        r["base_digest"]["algorithm"] == DIGEST_NONE),
            "there is no base, but a size or a digest of it")
    require(r["files"] == 1, "the number of files is not 1")
    require(r["flags"] & ~BEGIN_PLAIN == 0, "BEGIN has an unknown flag")
    check_names(r)
    return r


def read_data(f):
    f.file_zero()
    r = {"encoding": f.u8(), "prefix": f.u8(), "source": f.u16(),
         "pieces": f.count(PIECES_MAX, "pieces"),
         "raw_length": f.count(RAW_MAX, "raw bytes"),
         "encoded_length": f.u32(), "hash": f.bytes(16).hex(),
         "prefix_count": f.u32(), "reserved": f.u32(),
         "prefix_length": f.u32()}
    r["ranges"] = [(f.u64(), f.u32()) for _ in range(r["pieces"])]
    require(r["prefix_count"] <= PREFIX_RANGES_MAX,
            "the prefix has too many ranges")
    r["prefix_ranges"] = [(f.u64(), f.u32())
                          for _ in range(r["prefix_count"])]
    r["data"] = f.bytes(r["encoded_length"])
    require(r["encoding"] <= 1, "the encoding is unknown")
    require(r["prefix"] <= 3, "the kind of prefix is unknown")
    require(r["reserved"] == 0, "a reserved field is not zero")
    require(r["source"] == 0, "the source of the prefix is not the base")
    require(sum(length for _, length in r["ranges"]) == r["raw_length"],
            "the pieces do not add up to the raw length")
    require((r["prefix"] >= 2) == (r["prefix_count"] > 0),
            "a prefix has ranges and no use for them, or none")
    require(all(length > 0 and offset + length <= SIZE_MAX
                for offset, length in r["prefix_ranges"]),
            "the prefix is out of bounds")
    require(sum(length for _, length in r["prefix_ranges"]) ==
            r["prefix_length"], "the prefix has another length")
    require(r["prefix_length"] +
            (r["raw_length"] if r["prefix"] == 3 else 0) <= RAW_MAX,
            "the prefix is too long")
    if r["encoding"] == 0:
        require(r["encoded_length"] == r["raw_length"],
                "raw data is not as long as the raw length")
        require(r["prefix"] == 0, "raw data has a prefix")
    else:
        check_zstd(r["data"], r["raw_length"])
    return r


def read_ranges(f):
    f.file_zero()
    count = f.count(PIECES_MAX, "ranges")
    return {"ranges": [(f.u64(), f.u64()) for _ in range(count)]}


def read_meta(f):
    f.file_zero()
    r = {"mode": f.u32(), "uid": f.u32(), "gid": f.u32(), "atime": f.time(),
         "mtime": f.time(), "btime": f.time()}
    require(r["mode"] & ~0o7777 == 0, "the mode has bits above 07777")
    f.reserved(4)
    count = f.count(1024, "attributes", least=0)
    r["user"], r["group"] = f.string(), f.string()
    for name in r["user"], r["group"]:
        require(len(name) <= 255 and b"\0" not in name,
                "the name of the owner or group is too long or holds a NUL")
    r["attributes"] = [read_attribute(f) for _ in range(count)]
    require(len({name for name, _ in r["attributes"]}) == count,
            "two attributes have one name")
    return r


def read_attribute(f):
    name = f.string()
    require(1 <= len(name) <= 255 and b"\0" not in name,
            "the name of an attribute is empty, too long or holds a NUL")
    require(not name.startswith(b"user.refsend."),
            "an attribute is one of refsend's own")
    length = f.u32()
    require(length <= 65536, "the value of an attribute is too long")
    return name, f.bytes(length).hex()


def read_checkpoint(f):
    f.file_zero()
    f.reserved(4)
    return {"offset": f.u64(), "wire": f.u64()}


def read_clone(f):
    f.file_zero()
    require(f.u32() == 0, "the source of CLONE is not the base")
    offset, length, source = f.u64(), f.u64(), f.u64()
    require(source + length <= SIZE_MAX, "the source of CLONE is too far")
    return {"ranges": [(offset, length)], "source_offset": source}


def read_resume(f):
    r = {"stream": f.uuid(), "snapshot": f.uuid()}
    f.file_zero()
    f.reserved(4)
    r["offset"] = f.u64()
    require(r["stream"] != NIL, "the stream that goes on has no id")
    return r


def read_skipped(f):
    f.bytes(len(f.payload))
    return {}


def read_end(f):
    r = {"records": f.u64(), "data": f.u64(), "zeros": f.u64(),
         "holes": f.u64(), "hash": f.bytes(16).hex(),
         "result_digest": f.digest(), "last": f.u32()}
    f.reserved(4)
    require(r["last"] <= 1, "END is neither the last nor not the last")
    return r


RECORDS = {
    1: ("BEGIN", read_begin), 2: ("DATA", read_data),
    3: ("ZERO", read_ranges), 4: ("HOLE", read_ranges),
    5: ("CLONE", read_clone), 6: ("META", read_meta),
    7: ("CHECKPOINT", read_checkpoint), 8: ("RESUME", read_resume),
    9: ("DIGEST", read_skipped), 10: ("END", read_end),
}


# ---------------------------------------------------------- encoded data


def compress_bound(length):
    """ZSTD_COMPRESSBOUND."""
    margin = (131072 - length) >> 11 if length < 131072 else 0
    return length + (length >> 8) + margin


def check_zstd(data, raw_length):
    """Check the outside of exactly one zstd frame."""
    require(len(data) <= compress_bound(raw_length),
            "the encoded length is above the bound of zstd")
    require(data[:4] == ZSTD_MAGIC, "the encoded data is no zstd frame")
    try:
        frame = zstandard.get_frame_parameters(data)
        at = zstandard.frame_header_size(data)
    except zstandard.ZstdError as e:
        raise Refused(f"the header of the zstd frame is bad: {e}") from e
    require(frame.content_size == raw_length,
            "the zstd frame does not state the raw length")
    require(frame.dict_id == 0, "the zstd frame names a dictionary")
    last = False
    while not last:     # the blocks: last, 1 bit; type, 2; size, 21
        block = int.from_bytes(data[at:at + 3], "little")
        last, kind, size = block & 1, block >> 1 & 3, block >> 3
        require(at + 3 <= len(data) and kind != 3,
                "the zstd frame is cut short or has a bad block")
        at += 3 + (1 if kind == 1 else size)
    at += 4 if frame.has_checksum else 0
    require(at == len(data), "the encoded data is not exactly one zstd frame")


def decode(data, prefix):
    """The raw bytes of a DATA record, checked; prefix is b"" if none."""
    raw = data["data"]
    if data["encoding"] == 1:
        kind = zstandard.DICT_TYPE_RAWCONTENT
        base = (zstandard.ZstdCompressionDict(prefix, dict_type=kind)
                if prefix else None)
        try:
            raw = zstandard.ZstdDecompressor(dict_data=base).decompress(raw)
        except zstandard.ZstdError as e:
            raise Refused(f"zstd cannot decode a DATA record: {e}") from e
    require(len(raw) == data["raw_length"] and
            xxhash.xxh3_128_hexdigest(raw) == data["hash"],
            "decoded bytes do not have the hash of their DATA record")
    return raw


def split(data, raw):
    """Each offset of a DATA record with the bytes that go there."""
    at = 0
    for offset, length in data["ranges"]:
        yield offset, raw[at:at + length]
        at += length


class ContentDigest:
    """Digest algorithm 1 of a file of which only data is given, ascending."""

    ZEROS = bytes(DIGEST_BLOCK)

    def __init__(self, size):
        self.size = size
        self.hash = xxhash.xxh3_128()
        self.number = -1                # of the block that is being filled
        self.block = b""

    def flush(self):
        if self.block != self.ZEROS[:len(self.block)]:
            start = self.number * DIGEST_BLOCK
            self.hash.update(start.to_bytes(8, "little"))
            self.hash.update(self.block)

    def add(self, offset, data):
        at = 0
        while at < len(data):
            number, inside = divmod(offset + at, DIGEST_BLOCK)
            if number != self.number:
                self.flush()
                self.number = number
                self.block = bytearray(
                    min(DIGEST_BLOCK, self.size - number * DIGEST_BLOCK))
            part = data[at:at + DIGEST_BLOCK - inside]
            self.block[inside:inside + len(part)] = part
            at += len(part)

    def value(self):
        self.flush()
        self.hash.update(self.size.to_bytes(8, "little"))
        return (self.hash.digest() + bytes(16)).hex()


def check_result(begin, end, value):
    """Compare the digest of the contents with those of BEGIN and END."""
    promised = begin["result_digest"]
    unknown_yet = int(promised["value"], 16) == 0
    require(promised["algorithm"] != DIGEST_XXH3 or unknown_yet or
            promised["value"] == value,
            "the contents do not have the digest of BEGIN")
    require(end["result_digest"]["algorithm"] != DIGEST_XXH3 or
            end["result_digest"]["value"] == value,
            "the contents do not have the digest of END")


# ---------------------------------------------------------------- stream


class Frame(NamedTuple):
    """One frame, whose checksum is right, and its record."""
    offset: int
    sequence: int
    optional: bool
    kind: int
    name: str
    record: dict
    wire: bytes             # header and payload

    def json(self):
        fields = dict(self.record)
        if self.name == "DATA":
            del fields["data"]          # the encoded bytes
        return {"type": self.name, "sequence": self.sequence,
                "optional": self.optional, "offset": self.offset,
                "length": len(self.wire) - FRAME_HEADER_LENGTH, **fields}


class SnapshotCheck:
    """What the records from BEGIN to END owe each other."""

    def __init__(self, begin, features, first):
        self.begin = begin
        self.features = features
        self.first = first          # of the stream
        self.meta_seen = False
        self.end_of_last = 0        # end of the last range
        self.floor = 0              # where the next range may begin
        self.records = 0
        self.since_checkpoint = 0
        self.sums = {"DATA": 0, "ZERO": 0, "HOLE": 0, "CLONE": 0}
        self.hash = xxhash.xxh3_128()

    def add(self, frame):
        """Check and count a frame; END is not counted."""
        record = frame.record
        if frame.name == "END":
            self.check_end(record)
            return
        self.check_order(frame)
        if "ranges" in record:
            self.check_ranges(frame.name, record["ranges"])
        if frame.name == "DATA":
            self.check_features(record)
        if frame.name == "CLONE":
            self.check_clone(record)
        if frame.name == "RESUME":
            self.check_resume(record)
        self.check_checkpoint(frame)
        self.records += 1
        self.hash.update(frame.wire)

    def check_order(self, frame):
        if frame.name == "BEGIN":
            require(self.records == 0, "BEGIN inside a snapshot")
        elif frame.name == "META":
            require(not self.meta_seen, "a second META")
            require(frame.record["mtime"] == self.begin["mtime"],
                    "META and BEGIN differ in mtime")
            self.meta_seen = True
        else:
            require(self.meta_seen, f"{frame.name} before META")

    def check_ranges(self, name, ranges):
        for offset, length in ranges:
            require(length > 0, "a range is empty")
            require(offset >= self.floor, "ranges do not ascend")
            require(offset + length <= self.begin["size"],
                    "a range ends past the size of the snapshot")
            self.floor = self.end_of_last = offset + length
            self.sums[name] += length

    def check_features(self, data):
        require(data["encoding"] == 0 or self.features & FEATURE_ZSTD,
                "zstd is used, but not among the required features")
        if data["prefix"]:
            require(self.features & FEATURE_PREFIX,
                    "a prefix is used, but not among the required features")
            require(self.begin["base"] != NIL, "a prefix without a base")

    def check_clone(self, clone):
        require(self.features & FEATURE_CLONE,
                "CLONE comes, but is not among the required features")
        require(self.begin["base"] != NIL, "CLONE without a base")
        require(clone["source_offset"] + clone["ranges"][0][1] <=
                self.begin["base_size"], "CLONE ends past the base")

    def check_resume(self, resume):
        require(self.features & FEATURE_RESUME,
                "RESUME comes, but is not among the required features")
        require(self.first and self.records == 2,
                "RESUME is not right behind the first META of the stream")
        require(resume["snapshot"] == self.begin["snapshot"],
                "RESUME is of another snapshot")
        require(resume["stream"] != self.begin["stream"],
                "RESUME goes on with its own stream")
        require(resume["offset"] <= self.begin["size"],
                "the offset of RESUME is above the size")
        self.end_of_last = self.floor = resume["offset"]

    def check_checkpoint(self, frame):
        """Refuse a wrong checkpoint, and one that is clearly overdue."""
        if frame.name == "CHECKPOINT":
            record = frame.record
            require(record["wire"] == frame.offset,
                    "CHECKPOINT is not at the byte that it tells")
            require(record["offset"] >= self.end_of_last,
                    "a range ends above the offset of CHECKPOINT")
            require(record["offset"] <= self.begin["size"],
                    "the offset of CHECKPOINT is above the size")
            self.floor = max(self.floor, record["offset"])
            self.since_checkpoint = 0
        slack = FRAME_HEADER_LENGTH + PAYLOAD_MAX
        require(self.since_checkpoint <= CHECKPOINT_EVERY + slack,
                "more than 32 MiB without a CHECKPOINT")
        self.since_checkpoint += len(frame.wire)

    def check_end(self, end):
        require(self.meta_seen, "END before META")
        require(end["records"] == self.records and
                end["data"] == self.sums["DATA"] and
                end["zeros"] == self.sums["ZERO"] and
                end["holes"] == self.sums["HOLE"],
                "the counts of END are wrong")
        require(end["hash"] == self.hash.hexdigest(),
                "the hash of END is wrong")
        require(self.begin["base"] != NIL or
                end["result_digest"]["algorithm"] != DIGEST_NONE,
                "a whole snapshot has no digest in END")
        promised = self.begin["result_digest"]
        require(int(promised["value"], 16) == 0 or
                promised == end["result_digest"],
                "BEGIN and END differ in the digest of the snapshot")


class Stream:
    """Iterates over the frames of a stream and checks all but contents."""

    def __init__(self, source):
        self.source = source
        self.at = 0
        header = self.read(HEADER_LENGTH)
        f = Fields(header)
        require(f.bytes(8) == STREAM_MAGIC, "this is no refstream")
        version = f.u16()
        require(version == 1, f"the version of the stream is {version}")
        require(int.from_bytes(header[56:], "little") ==
                xxhash.xxh3_64_intdigest(header[:56]),
                "the checksum of the stream header is wrong")
        require(f.u16() == HEADER_LENGTH,
                "the length of the stream header is wrong")
        f.reserved(4)
        self.features = f.u64()
        require(self.features & ~FEATURES_KNOWN == 0,
                "a required feature is unknown")
        f.u64()                         # optional features
        self.id = f.uuid()
        require(self.id != NIL, "the id of the stream is nil")
        f.reserved(8)
        self.seed = (int.from_bytes(self.id.bytes[:8], "little") ^
                     int.from_bytes(self.id.bytes[8:], "little"))

    def read(self, length):
        """Read so many bytes; a pipe may give them in parts."""
        parts = []
        while length > 0:
            part = self.source.read(length)
            require(part, "the stream ends too early")
            parts.append(part)
            length -= len(part)
            self.at += len(part)
        return b"".join(parts)

    def read_frame(self, sequence):
        offset = self.at
        header = self.read(FRAME_HEADER_LENGTH)
        f = Fields(header)
        require(f.bytes(4) == FRAME_MAGIC, "the magic of a frame is missing")
        kind, flags, number, length = f.u16(), f.u16(), f.u64(), f.u32()
        require(length <= PAYLOAD_MAX, "the payload is too long")
        payload = self.read(length)
        require(int.from_bytes(header[24:], "little") ==
                xxhash.xxh3_64_intdigest(header[:24] + payload, self.seed),
                "the checksum of the frame is wrong")
        require(number == sequence, "the sequence number is wrong")
        f.reserved(4)
        require(flags & ~FLAG_OPTIONAL == 0, "the frame has an unknown flag")
        skipped = kind not in RECORDS or kind == DIGEST
        require(skipped == bool(flags & FLAG_OPTIONAL),
                f"a frame of type {kind} must be optional, or must not")
        name, read_record = RECORDS.get(kind, (str(kind), read_skipped))
        f = Fields(payload)
        record = read_record(f)
        f.done()
        return Frame(offset, sequence, bool(flags & FLAG_OPTIONAL), kind,
                     name, record, header + payload)

    def frames(self):
        """Every frame in turn; the last END only if the stream ends there."""
        sequence, check, last = 0, None, False
        while not last:
            with located(sequence, self.at):
                frame = self.read_frame(sequence)
                if check is None:
                    require(frame.name == "BEGIN",
                            f"{frame.name} where BEGIN should be")
                    require(frame.record["stream"] == self.id,
                            "BEGIN is that of another stream")
                    check = SnapshotCheck(frame.record, self.features,
                                          sequence == 0)
                check.add(frame)
                if frame.name == "END":
                    last = frame.record["last"] == 1
                    check = None
                    require(not last or not self.source.read(1),
                            "bytes follow the end of the stream")
            yield frame
            sequence += 1


# ----------------------------------------------------------------- files


def data_segments(fd, start, end):
    """The parts of a file between start and end that are not holes."""
    while start < end:
        try:
            start = os.lseek(fd, start, os.SEEK_DATA)
        except OSError as e:
            if e.errno == errno.ENXIO:
                return
            raise
        stop = min(os.lseek(fd, start, os.SEEK_HOLE), end)
        while start < stop:
            data = os.pread(fd, min(RAW_MAX, stop - start), start)
            if not data:
                return
            yield start, data
            start += len(data)


def write_all(fd, data, offset):
    while data:
        written = os.pwrite(fd, data, offset)
        data, offset = data[written:], offset + written


def file_digest(fd):
    size = os.fstat(fd).st_size
    digest = ContentDigest(size)
    for offset, data in data_segments(fd, 0, size):
        digest.add(offset, data)
    return digest.value()


def read_padded(fd, offset, length):
    """Bytes of a base; past its end there are zeros."""
    size = os.fstat(fd).st_size
    data = bytearray(length)
    for start, part in data_segments(fd, offset, min(offset + length, size)):
        data[start - offset:start - offset + len(part)] = part
    return bytes(data)


class Store:
    """The directory that snapshots are restored to, and its index."""

    def __init__(self, directory, bases, partial):
        self.directory = os.fsencode(directory)
        self.bases = bases
        self.partial = partial      # of a snapshot that goes on, or None
        os.makedirs(self.directory, exist_ok=True)
        try:
            with open(os.path.join(self.directory, INDEX),
                      encoding="ascii") as f:
                self.index = json.load(f)
        except FileNotFoundError:
            self.index = {}

    def path(self, name):
        return os.path.join(self.directory, name)

    def open_base(self, begin):
        """Open the base of a snapshot; the caller closes it."""
        entry = self.index.get(str(begin["base"]))
        if entry is None:
            return self.open_given_base(begin)
        fd = os.open(self.path(to_bytes(entry["path"])), os.O_RDONLY)
        try:
            if file_digest(fd) != entry["digest"]:
                raise BaseUnknown(f"the base {begin['base']} was changed")
            require(fits(begin, fd, entry["digest"]),
                    f"the base {begin['base']} is not that of the sender")
        except BaseException:
            os.close(fd)
            raise
        return fd

    def open_given_base(self, begin):
        for path in self.bases:
            fd = os.open(path, os.O_RDONLY)
            if fits(begin, fd, file_digest(fd)):
                return fd
            os.close(fd)
        raise BaseUnknown(f"the base {begin['base']} is unknown here")

    def publish(self, partial, begin, meta, digest):
        """Give a finished file its name and enter it in the index."""
        name = begin["name"]
        if not begin["flags"] & BEGIN_PLAIN:
            os.makedirs(self.path(b".snapshot"), exist_ok=True)
            name = b".snapshot/" + begin["origin"] + b"." + name
        known = self.index.get(str(begin["snapshot"]), {})
        if (os.path.lexists(self.path(name)) or name == INDEX) and (
                known.get("path") != to_text(name)):
            raise FileExistsError(errno.EEXIST, "the name is taken",
                                  to_text(name))
        os.rename(partial, self.path(name))
        self.index[str(begin["snapshot"])] = {
            "path": to_text(name), "digest": digest, "begin": begin,
            "meta": meta}
        temporary = self.path(INDEX + b".new")
        with open(temporary, "w", encoding="ascii") as f:
            f.write(to_json(self.index) + "\n")
        os.rename(temporary, self.path(INDEX))
        self.index = json.loads(to_json(self.index))


def fits(begin, fd, digest):
    """Is an open file, as far as BEGIN tells, the base of the snapshot?"""
    wanted = begin["base_digest"]
    return begin["base_size"] == os.fstat(fd).st_size and (
        wanted["algorithm"] != DIGEST_XXH3 or wanted["value"] == digest)


class Restore:
    """One snapshot that is being put together in a private file.

    Ranges ascend, so the file is written from front to back: between two
    ranges goes what the base has there, and a ZERO or a HOLE is left out.
    """

    def __init__(self, store, begin):
        self.store = store
        self.begin = begin
        self.meta = None
        self.at = 0                     # all below is done
        self.base = None
        self.out = None
        self.partial = store.path(b".refstream-partial.%d" % os.getpid())

    def __enter__(self):
        if self.begin["base"] != NIL:
            self.base = self.store.open_base(self.begin)
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
            self.out = os.open(self.partial, flags, 0o600)
            os.ftruncate(self.out, self.begin["size"])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *unused):
        if self.base is not None:
            os.close(self.base)
        if self.out is not None:
            os.close(self.out)
            if os.path.lexists(self.partial):
                os.unlink(self.partial)

    def resume(self, offset):
        """Take what another stream brought."""
        if self.store.partial is None:
            raise NothingToResume("the stream goes on with a snapshot: give "
                                  "what is there of it with --partial")
        fd = os.open(self.store.partial, os.O_RDONLY)
        try:
            if os.fstat(fd).st_size < offset:
                raise NothingToResume(f"the stream goes on at byte {offset}, "
                                      "which the partial does not reach")
            for start, data in data_segments(fd, 0, offset):
                write_all(self.out, data, start)
        finally:
            os.close(fd)
        self.at = offset

    def keep_base_up_to(self, offset):
        if self.base is not None:
            stop = min(offset, self.begin["base_size"])
            for start, data in data_segments(self.base, self.at, stop):
                write_all(self.out, data, start)

    def take_moved(self, offset, length, source):
        """Bytes of the base that lie elsewhere in the snapshot."""
        for start, data in data_segments(self.base, source, source + length):
            write_all(self.out, data, start - source + offset)

    def prefix(self, data):
        ranges = list(data["prefix_ranges"])
        if data["prefix"] in (1, 3):
            ranges += data["ranges"]
        return b"".join(read_padded(self.base, offset, length)
                        for offset, length in ranges)

    def apply(self, frame):
        record = frame.record
        if frame.name == "META":
            self.meta = record
        if frame.name == "RESUME":
            self.resume(record["offset"])
        if frame.name == "DATA":
            raw = decode(record, self.prefix(record))
            for offset, part in split(record, raw):
                self.keep_base_up_to(offset)
                write_all(self.out, part, offset)
                self.at = offset + len(part)
        if frame.name == "CLONE":
            offset, length = record["ranges"][0]
            self.keep_base_up_to(offset)
            self.take_moved(offset, length, record["source_offset"])
            self.at = offset + length
        if frame.name in ("ZERO", "HOLE"):
            for offset, length in record["ranges"]:
                self.keep_base_up_to(offset)
                self.at = offset + length
        if frame.name == "END":
            self.keep_base_up_to(self.begin["size"])
            digest = file_digest(self.out)
            check_result(self.begin, record, digest)
            self.store.publish(self.partial, self.begin, self.meta, digest)


# -------------------------------------------------------------- commands


def to_text(name):
    return name.decode("utf-8", "surrogateescape")


def to_bytes(text):
    return text.encode("utf-8", "surrogateescape")


def to_json(value):
    """JSON in ASCII; names that are not UTF-8 become lone surrogates."""
    def other(v):
        return to_text(v) if isinstance(v, bytes) else str(v)
    return json.dumps(value, default=other, indent=1)


def restore(store, source):
    """Restore every snapshot of one stream."""
    frames = Stream(source).frames()
    for frame in frames:                # a BEGIN
        with Restore(store, frame.record) as snapshot:
            while frame.name != "END":
                frame = next(frames)
                with located(frame.sequence, frame.offset):
                    snapshot.apply(frame)


def verdict(source):
    """Check one stream as far as that goes without a base or partial."""
    for frame in Stream(source).frames():
        record = frame.record
        with located(frame.sequence, frame.offset):
            if frame.name == "BEGIN":
                begin, digest = record, ContentDigest(record["size"])
                whole = record["base"] == NIL
            if frame.name == "RESUME":
                whole = False           # what came before is not here
            if frame.name == "DATA" and record["prefix"] == 0:
                for offset, part in split(record, decode(record, b"")):
                    digest.add(offset, part)
            if frame.name == "END" and whole:
                check_result(begin, record, digest.value())


def records(source):
    """Print the records, of a bad stream those before the bad one."""
    found = []
    try:
        for frame in Stream(source).frames():
            found.append(frame.json())
    finally:
        print(to_json(found))


def open_source(path):
    return sys.stdin.buffer if path is None else open(path, "rb")


def run(args):
    if args.command == "restore":
        store = Store(args.directory, args.base, args.partial)
        for path in args.streams or [None]:
            with open_source(path) as source:
                restore(store, source)
        return 0
    with open_source(args.stream) as source:
        if args.command == "records":
            records(source)
            return 0
        try:
            verdict(source)
        except Refused as e:
            print(e)
            return 3
        print("good")
        return 0


def main():
    parser = argparse.ArgumentParser(
        description="read a refstream, as refstream(5) tells")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("restore")
    command.add_argument("--base", action="append", default=[],
                         metavar="FILE")
    command.add_argument("--partial", metavar="FILE")
    command.add_argument("directory", metavar="DIR")
    command.add_argument("streams", nargs="*", metavar="STREAM")
    for name in ("verdict", "records"):
        command = commands.add_parser(name)
        command.add_argument("stream", nargs="?", metavar="STREAM")
    try:
        return run(parser.parse_args())
    except Refused as e:
        print(f"refstream.py: stream refused: {e}", file=sys.stderr)
        return 3
    except (BaseUnknown, NothingToResume) as e:
        print(f"refstream.py: {e}", file=sys.stderr)
        return 4
    except OSError as e:
        print(f"refstream.py: {e}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
