# SPDX-License-Identifier: BSD-2-Clause
"""killtool.py - kill refrecv --live, again and again, and look what it left.

Usage: killtool.py frames STREAM DIR SNAPSHOTS SIGNAL
       killtool.py moments STREAM DIR SNAPSHOTS SIGNAL COUNT [SEED]
       killtool.py calls STREAM DIR SNAPSHOTS

frames kills it after each frame of STREAM, moments at COUNT random moments,
calls (by strace) in front of each system call that changes files.

SNAPSHOTS holds the snapshots as they should arrive.  DIR holds the first, by
STREAM.first, or nothing; the others come by STREAM.  After each kill DIR has
to hold what it held and so many of the others, in their order and whole, and
as live file one of the snapshots; a second receive has to succeed and to leave
nothing else there.
"""
import fcntl
import json
import os
import random
import signal
import struct
import subprocess
import sys
import termios
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))

import stream_edit

LIVE = "file"
CALLS = ["openat", "openat2", "mkdirat", "flock", "ioctl", "ftruncate",
         "pwrite64", "fallocate", "fchown", "fsetxattr", "fremovexattr",
         "utimensat", "fchmod", "fsync", "renameat", "renameat2", "unlinkat",
         "write", "close", "fcntl"]


def read(path):
    with open(path, "rb") as source:
        return source.read()


class Place:
    """The directory, and what may lie there."""

    def __init__(self, stream, directory, snapshots):
        self.stream = stream
        self.directory = directory
        self.names = self.replicas()
        self.first = len(self.names)
        self.names += self.brought()
        self.contents = [read(os.path.join(snapshots, name))
                         for name in self.names]

    def brought(self):
        """What the stream brings."""
        with open(self.stream, "rb") as stream:
            done = subprocess.run(
                ["refrecv", "-n", "--json", self.directory], stdin=stream,
                stdout=subprocess.PIPE, check=True)
        return [os.path.basename(snapshot["path"])
                for snapshot in json.loads(done.stdout)["snapshots"]]

    def command(self, *options):
        return ["refrecv", "--live", *options, self.directory]

    def kept(self, name=""):
        return os.path.join(self.directory, ".snapshot", name)

    def replicas(self):
        return [name for name in listdir(self.kept()) if name != ".refsend"]

    def partials(self):
        return [name for name in listdir(self.kept(".refsend"))
                if name.startswith("partial.")]

    def check(self):
        """Returns how many replicas are there."""
        found = self.replicas()
        assert len(found) >= self.first, found
        assert sorted(found) == sorted(self.names[:len(found)]), found
        for name, content in zip(self.names, self.contents):
            if name in found:
                assert read(self.kept(name)) == content, name
                mode = os.stat(self.kept(name)).st_mode & 0o7777
                assert mode == 0o444, oct(mode)
        there = listdir(self.directory)
        if LIVE in there or self.first:
            live = read(os.path.join(self.directory, LIVE))
            assert live in self.contents, "the live file is a mixture"
        assert set(there) <= {".snapshot", LIVE}, there
        return len(found)

    def receive(self):
        fd = os.open(self.stream, os.O_RDONLY)
        done = subprocess.run(self.command(), stdin=fd, capture_output=True)
        os.close(fd)
        return done

    def finish(self):
        """The next run, without help."""
        done = self.receive()
        assert done.returncode == 0, done.stderr
        assert self.check() == len(self.names)
        assert read(os.path.join(self.directory, LIVE)) == self.contents[-1]
        assert not self.partials(), self.partials()

    def reset(self):
        """The first snapshot alone, also as live file; or nothing."""
        for name in self.names[self.first:]:
            os.unlink(self.kept(name))
        os.unlink(os.path.join(self.directory, LIVE))
        if not self.first:
            return
        with open(self.stream + ".first", "rb") as first:
            done = subprocess.run(self.command(), stdin=first,
                                  capture_output=True)
        assert done.returncode == 0, done.stderr
        assert self.check() == 1


def listdir(path):
    return sorted(os.listdir(path)) if os.path.isdir(path) else []


def unread(pipe):
    answer = fcntl.ioctl(pipe, termios.FIONREAD, struct.pack("i", 0))
    return struct.unpack("i", answer)[0]


def frames(place, number):
    """Give it the stream up to the end of each frame, then kill it."""
    stream = read(place.stream)
    for end in stream_edit.boundaries(stream):
        process = subprocess.Popen(place.command(), stdin=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL)
        process.stdin.write(stream[:end])
        process.stdin.flush()
        while unread(process.stdin):
            time.sleep(0.001)
        time.sleep(0.005)       # for what it does with the frame
        process.send_signal(number)
        process.wait()
        process.stdin.close()
        yield f"byte {end}"


def moments(place, number, count, seed="1"):
    chance = random.Random(int(seed))
    started = time.monotonic()
    assert place.receive().returncode == 0
    took = time.monotonic() - started
    place.reset()
    for _ in range(int(count)):
        delay = chance.uniform(0, took * 1.1)
        with open(place.stream, "rb") as stream:
            process = subprocess.Popen(place.command(), stdin=stream,
                                       stderr=subprocess.DEVNULL)
            time.sleep(delay)
            process.send_signal(number)
            process.wait()
        yield f"{delay:.4f} s"


def calls(place):
    # To look for leaks is tracing, too.
    options = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    environment = dict(os.environ, ASAN_OPTIONS=options)
    killed = -signal.SIGKILL, 128 + signal.SIGKILL
    for call in CALLS:
        code, number = killed[0], 0
        while code in killed:
            number += 1
            with open(place.stream, "rb") as stream:
                code = subprocess.run(
                    ["strace", "-qq", "-o", "/dev/null", "-e",
                     f"trace={call}", "-e",
                     f"inject={call}:signal=KILL:when={number}"] +
                    place.command("-T", "1"), stdin=stream, env=environment,
                    stderr=subprocess.DEVNULL).returncode
            assert code in (0, *killed), f"{call} {number}: exit code {code}"
            yield f"{call} {number}"


def main():
    how, stream, directory, snapshots = sys.argv[1:5]
    place = Place(stream, directory, snapshots)
    if how == "calls":
        kills = calls(place)
    else:
        number = getattr(signal, f"SIG{sys.argv[5]}")
        kills = {"frames": frames, "moments": moments}[how](
            place, number, *sys.argv[6:])
    left = {}
    what = "nothing yet"
    try:
        for what in kills:
            found = place.check()
            left[found] = left.get(found, 0) + 1
            place.finish()
            place.reset()
    except AssertionError as e:
        print(f"last killed at {what}: {e}")
        return 1
    told = ", ".join(f"{left[n]} times {n}" for n in sorted(left))
    print(f"replicas that were left: {told}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
