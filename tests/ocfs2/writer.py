# SPDX-License-Identifier: BSD-2-Clause
"""writer.py - what node 1 does when node 2 tells it to; see nodes.py."""
import fcntl
import mmap
import os
import random
import subprocess
import threading

BLOCK = 4096
FICLONE = 0x40049409


def content(size, seed):
    """Bytes in which no block equals another; they compress a little."""
    choice = random.Random(seed)
    data = b"".join(choice.randbytes(512) * (BLOCK // 512)
                    for _ in range(-(-size // BLOCK)))
    return data[:size]


def clone(source, target):
    """A plain reflink, as cp makes it."""
    with open(source, "rb") as a, open(target, "xb") as b:
        fcntl.ioctl(b.fileno(), FICLONE, a.fileno())


def sequence_slot(number, slots):
    """Where write number goes; every so many numbers all slots have had one."""
    return number * 7919 % slots


class Writer:
    """Files stay open and dirty: nothing here syncs but where it says so."""

    def __init__(self):
        self.open = {}
        self.maps = {}
        self.thread = None
        self.stopping = threading.Event()
        self.failure = None

    def make(self, path, size, seed):
        with open(path, "wb") as file:
            file.write(content(size, seed))
            os.fsync(file.fileno())

    def clone(self, source, target):
        clone(source, target)

    def descriptor(self, path, flags=0):
        key = (path, flags)
        if key not in self.open:
            self.open[key] = os.open(path, os.O_RDWR | flags)
        return self.open[key]

    def write(self, path, offset, size, seed, how):
        data = content(size, seed)
        if how == "buffered":
            os.pwrite(self.descriptor(path), data, offset)
        elif how == "direct":
            with mmap.mmap(-1, size) as room:
                room[:] = data
                os.pwritev(self.descriptor(path, os.O_DIRECT), [room], offset)
        else:
            if path not in self.maps:
                self.maps[path] = mmap.mmap(self.descriptor(path), 0)
            self.maps[path][offset:offset + size] = data

    def truncate(self, path, size):
        os.ftruncate(self.descriptor(path), size)

    def allocate(self, path, offset, size):
        os.posix_fallocate(self.descriptor(path), offset, size)

    def punch(self, path, offset, size):
        subprocess.run(["fallocate", "-p", "-o", str(offset), "-l", str(size),
                        path], check=True)

    def replace(self, path, size, seed):
        """Another file of the same name, on blocks that may be the same."""
        os.unlink(path)
        with open(path, "wb") as file:
            file.write(content(size, seed))

    def close(self):
        for area in self.maps.values():
            area.close()
        for fd in self.open.values():
            os.close(fd)
        self.maps.clear()
        self.open.clear()

    def read(self, path):
        with open(path, "rb") as file:
            return file.read()

    def run(self, *command):
        done = subprocess.run(command, capture_output=True, check=False)
        return done.returncode, done.stderr.decode(errors="replace")

    def start_sequence(self, path, slots):
        """Write numbers to a file, block after block, without end."""
        fd = self.descriptor(path)
        self.stopping.clear()
        self.thread = threading.Thread(target=self.sequence, args=(fd, slots))
        self.thread.start()

    def sequence(self, fd, slots):
        number = slots
        try:
            while not self.stopping.is_set():
                at = sequence_slot(number, slots)
                os.pwrite(fd, number.to_bytes(8, "little") * (BLOCK // 8),
                          at * BLOCK)
                number += 1
        except OSError as error:
            self.failure = str(error)

    def stop_sequence(self):
        self.stopping.set()
        self.thread.join()
        return self.failure
