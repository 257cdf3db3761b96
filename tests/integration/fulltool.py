# SPDX-License-Identifier: BSD-2-Clause
"""fulltool.py - let commands run out of space, by much or by little.

Usage: fulltool.py space|quota COUNT SEED DIR CASE...

DIR is an empty directory, for space on a file system of its own that is filled
again and again, for quota a subvolume of a btrfs with quotas.  CASE is a name
of faultcases.py.  COUNT times each, the command meets a random amount of free
space.  Either it does all that it should, or:

  it exits with 7 and says one sentence; each file is the old one or the new
  one; nothing under construction is left; once there is space again it does,
  without help, what was wanted.
"""
import errno
import os
import random
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from faultcases import CASES, SIZE, Source, run
from faulttool import Driver

# What the commands may find: most often less than they need.
ROOM_MAX = 6 * SIZE
BIG, MIDDLE, SMALL = 16 << 20, 65536, 4096


def sync(directory):
    run("sync", "-f", directory)


class Full:
    """A file system without space."""

    def __init__(self, directory):
        self.directory = os.path.join(directory, "ballast")
        self.anchor = directory
        os.mkdir(self.directory)

    def add(self, name, size):
        path = os.path.join(self.directory, name)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT)
        try:
            os.posix_fallocate(fd, 0, size)
        except OSError as error:
            os.unlink(path)
            if error.errno != errno.ENOSPC:
                raise
            return False
        finally:
            os.close(fd)
        return True

    def take(self, room, chance):
        """Fill it; then give back about so many bytes, here and there."""
        pieces = []
        try:
            os.mkdir(os.path.join(self.directory, "pieces"))
            free = os.statvfs(self.anchor)
            whole = max(free.f_bavail * free.f_frsize - 2 * ROOM_MAX, BIG)
            while whole >= BIG and not self.add("all", whole):
                whole -= BIG
            for size in MIDDLE, SMALL:
                while self.add(f"pieces/{len(pieces)}.{size}", size):
                    pieces.append(f"pieces/{len(pieces)}.{size}")
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        chance.shuffle(pieces)
        for name in pieces:
            size = int(name.rpartition(".")[2])
            if size <= room:
                os.unlink(os.path.join(self.directory, name))
                room -= size
        sync(self.anchor)

    def give(self):
        run("rm", "-rf", self.directory)
        sync(self.anchor)
        os.mkdir(self.directory)


class Limited:
    """A subvolume whose limit is near."""

    def __init__(self, directory):
        self.directory = directory
        # Not by a path in it: setting a limit counts, too.
        self.above = os.path.dirname(directory)
        self.group = "0/" + run("btrfs", "inspect-internal", "rootid",
                                directory).decode().strip()

    def limit(self, size):
        run("btrfs", "qgroup", "limit", size, self.group, self.above)

    def take(self, room, _):
        sync(self.directory)
        shown = run("btrfs", "qgroup", "show", "--raw", "-f", self.directory)
        self.limit(str(int(shown.splitlines()[-1].split()[1]) + room))

    def give(self):
        self.limit("none")


class Shortage:
    """Stands for the fault of faulttool.py."""
    kind, how = "space", errno.ENOSPC

    def __init__(self, room):
        self.room = room

    def __str__(self):
        return f"{self.room} bytes of room"

    def blinds(self, _):
        return False


class SpaceDriver(Driver):
    def __init__(self, scratch, case, place):
        super().__init__(None, scratch, case)
        self.place = place
        argv = case.argv

        def without_reserve():
            words = argv()
            at = 2 if words[:2] == ["refsnap", "create"] else 1
            keep = ["--reserve=0"] if at == 2 or words[0] == "refrecv" else []
            return words[:at] + keep + words[at:]
        case.argv = without_reserve

    def trial(self, room, chance):
        shortage = Shortage(room)
        self.before = self.state()
        self.place.take(room, chance)
        try:
            done, _ = self.command()
            state = self.state()
            left = self.partials()
        except subprocess.TimeoutExpired:
            self.complain(shortage, ["it does not end"])
            return
        finally:
            self.place.give()
        self.codes[done.returncode] = self.codes.get(done.returncode, 0) + 1
        self.complain(shortage, self.check_failure(shortage, done, state),
                      done)
        if left:
            self.complain(shortage, [f"left behind: {left}"], done)
        self.complain(shortage, self.check_next(shortage, state))
        self.case.undo()


def main():
    what, count, seed, directory = sys.argv[1:5]
    chance = random.Random(int(seed))
    streams = os.path.join(directory, "streams")
    os.mkdir(streams)
    place = {"space": Full, "quota": Limited}[what](directory)
    source = Source(os.path.join(directory, "source"), streams)
    bad, codes = 0, {}
    for name in sys.argv[5:]:
        case = CASES[name](source, os.path.join(directory, name))
        driver = SpaceDriver(streams, case, place)
        driver.learn()
        for _ in range(int(count)):
            driver.trial(int(ROOM_MAX * chance.random() ** 3), chance)
        for code, times in driver.codes.items():
            codes[code] = codes.get(code, 0) + times
        for complaint in driver.complaints[:20]:
            print(f"{name}: {complaint}")
        bad += len(driver.complaints)
    for code in 0, 7:
        if code not in codes:
            print(f"never exit code {code}")
            bad += 1
    told = ", ".join(f"{times} times {code}"
                     for code, times in sorted(codes.items()))
    print(f"{sum(codes.values())} commands; exit code {told}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
