# SPDX-License-Identifier: BSD-2-Clause
"""racechange.py - what racetool.py does to a snapshot that is being read."""
import fcntl
import mmap
import os
import struct
import subprocess

import filetool

SIZE = 300000
FICLONE = 0x40049409
FIDEDUPERANGE = 0xC0189436
EXIT_LOCKED = 8


def read(path):
    with open(path, "rb") as source:
        return source.read()


def run(*argv, **options):
    return subprocess.run(argv, capture_output=True, **options)


def succeed(*argv, **options):
    done = run(*argv, **options)
    assert done.returncode == 0, f"{argv}: {done.stderr}"
    return done.stdout


def open_writable(path):
    """A descriptor, which outlives the permission."""
    mode = os.stat(path).st_mode
    os.chmod(path, mode | 0o200)
    fd = os.open(path, os.O_RDWR)
    os.chmod(path, mode)
    return fd


class Change:
    """begin() is called before the tool that is watched starts, make() while it
    is stopped."""
    spoils = True               # what is read, or how it looks
    late = False                # the tool may have closed the files

    def __init__(self, path, chance):
        self.path = path
        self.at = chance.randrange(SIZE - 5000)

    def begin(self):
        pass

    def make(self):
        fd = open_writable(self.path)
        os.pwrite(fd, b"overwritten", self.at)
        os.close(fd)

    def end(self):
        pass


class OldDescriptor(Change):
    """A write by who had it open all the time."""

    def begin(self):
        self.fd = open_writable(self.path)

    def make(self):
        os.pwrite(self.fd, b"overwritten", self.at)

    def end(self):
        os.close(self.fd)


class OldMapping(Change):
    """The same through memory."""

    def begin(self):
        fd = open_writable(self.path)
        self.map = mmap.mmap(fd, SIZE)
        os.close(fd)

    def make(self):
        self.map[self.at:self.at + 11] = b"overwritten"

    def end(self):
        self.map.close()


class DirtyMapping(OldMapping):
    """Another page was written to, and is dirty all the time."""

    def begin(self):
        super().begin()
        self.make()


class Shorter(Change):
    def make(self):
        fd = open_writable(self.path)
        os.ftruncate(fd, self.at)
        os.close(fd)


class Punched(Change):
    def make(self):
        succeed("fallocate", "-p", "-o", str(self.at), "-l", "5000",
                self.path)


class Cloned(Change):
    """Blocks of another file, where there is reflink."""

    def make(self):
        fd = open_writable(self.path)
        other = os.path.join(os.path.dirname(self.path), "../other")
        with open(other, "rb") as source:
            try:
                fcntl.ioctl(fd, FICLONE, source.fileno())
            except OSError:
                os.pwrite(fd, source.read(), 0)
        os.close(fd)


class Touched(Change):
    def make(self):
        os.utime(self.path)


class Deleted(Change):
    """refsnap refuses as long as it is in use."""
    spoils = False

    def make(self):
        done = run("refsnap", "delete", self.path)
        assert done.returncode == EXIT_LOCKED or \
            self.late and done.returncode == 0, done


class Unlinked(Change):
    spoils = False

    def make(self):
        os.unlink(self.path)


class Replaced(Change):
    """Another file takes the name."""
    spoils = False

    def make(self):
        filetool.make(self.path + "~", SIZE, "another")
        os.rename(self.path + "~", self.path)


class Renamed(Change):
    spoils = False

    def make(self):
        os.rename(self.path, self.path + "~")


class Deduped(Change):
    """Other blocks, of the same contents."""
    spoils = False

    def begin(self):
        self.spare = self.path + "~"
        with open(self.spare, "wb") as out:
            out.write(read(self.path))
            os.fsync(out.fileno())

    def make(self):
        before = list(filetool.extents(self.path, True))
        length = SIZE // filetool.BLOCK * filetool.BLOCK
        fd = os.open(self.path, os.O_RDWR)
        with open(self.spare, "rb") as source:
            request = bytearray(struct.pack("=QQHHIqQQiI", 0, length, 1, 0, 0,
                                            fd, 0, 0, 0, 0))
            fcntl.ioctl(source.fileno(), FIDEDUPERANGE, request)
        os.close(fd)
        assert before != list(filetool.extents(self.path, True))


CHANGES = [Change, OldDescriptor, OldMapping, Shorter, Punched, Cloned,
           Touched, Deleted, Unlinked, Replaced, Renamed]
