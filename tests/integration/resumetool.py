# SPDX-License-Identifier: BSD-2-Clause
"""resumetool.py - interrupt refrecv --resumable, again and again, and go on.

Usage: resumetool.py HOW COUNT SEED STREAM DIR [ROOT IMAGE] -- ARGUMENT...

STREAM is what refsend makes of the arguments, the last of which is a snapshot;
DIR holds the base, or nothing.  HOW is

  cuts      STREAM ends at the end of each CHECKPOINT, in front of it, and at
            COUNT random bytes
  kills     refrecv is killed, COUNT times, soon after it read so much
  shutdown  the file system of IMAGE, mounted on ROOT, goes down then, and is
            mounted again
  image     a reflink copy is made of IMAGE then, as a loss of power would leave
            it, and mounted in its place

After each: the replicas that are there are whole; a token is told if a
CHECKPOINT was reached; refsend --resume with it, or without a token the same
again, brings all that is missing, of which no more came twice than the manual
page says; nothing of the partial stays, nor on the replicas.
"""
import filecmp
import json
import os
import random
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))

import crashtool
import stream_edit

MIB = 1 << 20
# Two distances of CHECKPOINTs; one frame more is being read, and what a resumed
# stream repeats is BEGIN and META.
TWICE_MAX = 32 * MIB + 3 * MIB
BEGIN, CHECKPOINT, END = 1, 7, 10
RECEIVE = ["refrecv", "--reserve=1M"]


class Stream:
    """Where its CHECKPOINTs and snapshots are."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as source:
            data = source.read()
        self.length = len(data)
        self.checkpoints = []       # (end of the frame, offset, snapshot)
        self.ends = []              # of snapshots
        for at, kind, _, payload in stream_edit.frames(data):
            end = at + stream_edit.FRAME.size + len(payload)
            if kind == CHECKPOINT:
                offset = int.from_bytes(payload[8:16], "little")
                self.checkpoints.append((end, offset, len(self.ends)))
            if kind == END:
                self.ends.append(end)
        assert self.length == self.ends[-1]

    def cuts(self, chance, count):
        places = {end - less for end, _, _ in self.checkpoints
                  for less in (0, 1)}
        places |= {chance.randrange(64, self.length) for _ in range(count)}
        return sorted(places)

    def expected(self, cut):
        """Snapshots that are complete, and the offset to go on at, or None."""
        done = sum(end <= cut for end in self.ends)
        reached = [offset for end, offset, snapshot in self.checkpoints
                   if end <= cut and snapshot == done]
        return done, reached[-1] if reached else None


class Place:
    def __init__(self, stream, directory, arguments):
        self.stream = stream
        self.directory = directory
        self.arguments = arguments
        self.before = self.replicas()
        source = os.path.dirname(arguments[-1])
        done = subprocess.run([*RECEIVE, "-n", "--json", directory],
                              stdin=open(stream.path, "rb"),
                              stdout=subprocess.PIPE, check=True)
        self.names = [os.path.basename(one["path"])
                      for one in json.loads(done.stdout)["snapshots"]]
        self.sources = [os.path.join(source, name) for name in self.names]
        self.most = 0               # bytes that came twice

    def kept(self, name=""):
        return os.path.join(self.directory, ".snapshot", name)

    def replicas(self):
        path = self.kept()
        names = os.listdir(path) if os.path.isdir(path) else []
        return sorted(name for name in names if name != ".refsend")

    def partials(self):
        path = self.kept(".refsend")
        names = os.listdir(path) if os.path.isdir(path) else []
        return [name for name in names if name.startswith("partial.")]

    def check(self):
        """Returns how many of the stream's replicas are there, whole."""
        found = [name for name in self.names if name in self.replicas()]
        assert found == self.names[:len(found)], found
        for name, source in zip(found, self.sources):
            path = self.kept(name)
            assert filecmp.cmp(path, source, shallow=False), name
            assert "user.refsend.partial" not in os.listxattr(path), name
        return len(found)

    def token(self):
        """The one token with its offset; or None."""
        done = subprocess.run(["refrecv", "--token", "--json",
                               self.directory], capture_output=True)
        if done.returncode == 4:
            return None
        assert done.returncode == 0, done.stderr
        told, = json.loads(done.stdout)["tokens"]
        return told

    def send(self, options):
        path = self.stream.path + ".resumed"
        if os.path.exists(path):
            os.unlink(path)
        done = subprocess.run(["refsend", "-o", path, *options,
                               *self.arguments], capture_output=True)
        assert done.returncode == 0, done.stderr
        return path

    def receive(self, path, *options):
        with open(path, "rb") as stream:
            return subprocess.run([*RECEIVE, *options, self.directory],
                                  stdin=stream, capture_output=True)

    def go_on(self, came, chance):
        """With what refrecv has, of came bytes; returns how many came twice."""
        found = self.check()
        told = self.token()
        assert len(self.partials()) <= 1, self.partials()
        path, twice = self.stream.path, 0
        if told:
            path = self.send(["--resume", told["token"]])
            twice = came + os.path.getsize(path) - self.stream.length
            assert twice <= TWICE_MAX, f"{twice} bytes came twice"
            self.most = max(self.most, twice)
        elif found < len(self.names) and came < self.stream.ends[found]:
            # Else it was being published.
            assert came - ([0] + self.stream.ends)[found] < TWICE_MAX, \
                "there is no token"
        options = ["--resumable"] if chance.random() < 0.5 else []
        done = self.receive(path, *options)
        assert done.returncode == 0, done.stderr
        assert self.check() == len(self.names)
        assert not self.partials(), self.partials()
        for name in self.names:
            os.unlink(self.kept(name))
        return told


def cut(place, length):
    """Give it so many bytes; returns its exit code."""
    process = subprocess.Popen(
        [*RECEIVE, "--resumable", place.directory], stdin=subprocess.PIPE,
        stderr=subprocess.PIPE)
    with open(place.stream.path, "rb") as stream:
        left = length
        while left > 0:
            left -= os.sendfile(process.stdin.fileno(), stream.fileno(),
                                None, left)
    _, errors = process.communicate(timeout=120)
    lines = [line for line in errors.decode().splitlines()
             if not line.startswith("refrecv: warning: ")]
    assert len(lines) == 1, lines
    return process.returncode


def cuts(place, chance, count):
    for length in place.stream.cuts(chance, count):
        place.told = f"cut at byte {length}"
        done, offset = place.stream.expected(length)
        code = cut(place, length)
        assert code == (3 if offset is None else 6), f"exit code {code}"
        assert place.check() == done
        told = place.go_on(length, chance)
        assert (told and told["offset"]) == offset, (told, offset)
        yield "with a token" if told else "without"


def interrupted(place, chance, disaster, root):
    """Disaster soon after it read so much; returns what it read by then."""
    wanted = chance.randrange(place.stream.length)
    delay = chance.uniform(0, 0.02)
    place.told = f"{delay:.4f} s after byte {wanted}"
    with open(place.stream.path, "rb") as stream:
        process = subprocess.Popen(
            [*RECEIVE, "--resumable", place.directory], stdin=stream,
            stderr=subprocess.PIPE)
        while os.lseek(stream.fileno(), 0, os.SEEK_CUR) < wanted and (
                process.poll() is None):
            time.sleep(0.0005)
        time.sleep(delay)
        disaster.strike(process)
        came = os.lseek(stream.fileno(), 0, os.SEEK_CUR)
        process.communicate(timeout=120)
    if disaster.collects:
        crashtool.quietly("umount", root)
        disaster.mount(disaster.copies[-1])
    else:
        disaster.recover()
    return came


def disasters(place, chance, count, disaster, root=None):
    for _ in range(count):
        came = interrupted(place, chance, disaster, root)
        told = place.go_on(came, chance)
        if disaster.collects:
            crashtool.quietly("umount", root)
            os.unlink(disaster.copies.pop())
            disaster.mount(disaster.image)
            for name in place.replicas():
                if name not in place.before:
                    os.unlink(place.kept(name))
        if root:
            crashtool.quietly("sync", "-f", root)
        yield "with a token" if told else "without"


def main():
    split = sys.argv.index("--")
    how, count, seed, stream, directory, *image = sys.argv[1:split]
    place = Place(Stream(stream), directory, sys.argv[split + 1:])
    chance = random.Random(int(seed))
    if how == "cuts":
        steps = cuts(place, chance, int(count))
    else:
        classes = {"kills": crashtool.Kill, "shutdown": crashtool.Shutdown,
                   "image": crashtool.Image}
        disaster = classes[how](*(image or (None, None)))
        steps = disasters(place, chance, int(count), disaster, *image[:1])
    found = {}
    place.told = "before anything"
    try:
        for step in steps:
            found[step] = found.get(step, 0) + 1
    except AssertionError as e:
        print(f"seed {seed}: {place.told}: {e}")
        return 1
    told = ", ".join(f"{found[step]} {step}" for step in sorted(found))
    print(f"{told}; at most {place.most / MIB:.1f} MiB came twice")
    return 0


if __name__ == "__main__":
    sys.exit(main())
