# SPDX-License-Identifier: BSD-2-Clause
"""racetool.py - do something to a snapshot while it is sent or compared.

Usage: racetool.py changes ROOT ROUNDS SEED
       racetool.py deduped ROOT
       racetool.py mapped ROOT

ROOT is a directory to work in.

changes: Each round does each of CHANGES to a snapshot while "refsend -i",
"refsend" and "refdiff" have it open: strace stops them after one of their
system calls, chosen at random, and lets them go on.  Either the output is whole
and tells of the snapshots as they were sealed, or the exit code says that it is
not, and refrecv takes nothing of it.  A change of what is read, made before
they look at it for the last time, has to be found; one of names must not
disturb them.

deduped: Both files get other blocks of the same contents, between any two calls
for maps of "refsend -i", which then may have to read, and must not refuse.

mapped: A plain copy is written to by a mapping that was dirty before, while
somebody sends it who may not ask who has it open.
"""
import collections
import os
import random
import re
import signal
import subprocess
import sys

sys.dont_write_bytecode = True

import filetool
from racechange import (CHANGES, SIZE, Deduped, DirtyMapping, read, run,
                        succeed)

CALLS = ["ioctl", "pread64", "lseek", "write", "statx", "flock", "fcntl",
         "fgetxattr", "flistxattr", "fsync"]


class Trial:
    """Two snapshots, as files and as they were sealed, and a replica of the
    first."""

    def __init__(self, root, how, chance):
        self.how = how
        succeed("rm", "-rf", root)
        for name in ("", "replica", "empty"):
            os.mkdir(os.path.join(root, name))
        self.root = root
        live = os.path.join(root, "file")
        filetool.make(os.path.join(root, "other"), SIZE, "other")
        filetool.make(live, SIZE, chance.random())
        self.paths = [self.take(live, "one")]
        for _ in range(3):
            filetool.patch(live, chance.randrange(SIZE - 40000), 40000,
                           chance.random())
        self.paths.append(self.take(live, "two"))
        self.sealed = [read(path) for path in self.paths]
        stream = succeed("refsend", self.paths[0])
        succeed("refrecv", self.path("replica"), input=stream)
        # In one thread, so that calls come in order.
        self.command = {"change": ["refsend", "-T1", "-i", *self.paths],
                        "whole": ["refsend", "-T1", self.paths[1]],
                        "refdiff": ["refdiff", "--json", *self.paths]}[how]

    def path(self, name):
        return os.path.join(self.root, name)

    def take(self, live, name):
        return succeed("refsnap", "create", "--reflink=auto", "--reserve=0",
                       live, name).decode().strip()

    def moments(self):
        """The calls with all files open, as (name, number), and how many of
        them come before the files are looked at for the last time, and up to
        the end of that."""
        trace = self.path("trace")
        run("strace", "-o", trace, "-e", "trace=" + ",".join(CALLS),
            *self.command)
        seen = collections.Counter()
        calls, opened, looks = [], 0, []
        for line in open(trace):
            name = re.match(r"\w*", line)[0]
            if name not in CALLS:
                continue
            seen[name] += 1
            calls.append((name, seen[name]))
            if name == "statx":
                looks.append(len(calls))
            if name == "flock":
                # The identity is read next.
                opened = len(calls) + 1
        files = 1 if self.how == "whole" else 2
        return (calls[opened:], looks[-files] - 1 - opened,
                looks[-1] - opened)

    def stopped(self, call, number, change):
        """Make the change while the program is stopped; its exit code."""
        told, tell = os.pipe()
        with open(self.path("output"), "wb") as output:
            tracer = subprocess.Popen(
                ["strace", "-o", f"/proc/self/fd/{tell}", "-e",
                 f"trace={call}", "-e",
                 f"inject={call}:signal=STOP:when={number}", *self.command],
                stdout=output, stderr=subprocess.PIPE, pass_fds=[tell])
        os.close(tell)
        with open(told) as lines:
            for line in lines:
                if "stopped by SIGSTOP" not in line:
                    continue
                children = f"/proc/{tracer.pid}/task/{tracer.pid}/children"
                process = int(open(children).read())
                try:
                    change.make()
                finally:
                    os.kill(process, signal.SIGCONT)
        tracer.communicate(timeout=120)
        return tracer.returncode

    def receive(self, code):
        """What refrecv makes of the stream."""
        place = self.path("empty" if self.how == "whole" else "replica")
        before = succeed(sys.executable, "-B", filetool.__file__, "list",
                         place)
        done = run("refrecv", place, stdin=open(self.path("output"), "rb"))
        if code == 0:
            assert done.returncode == 0, done.stderr
            replica = os.path.join(place, ".snapshot", "file.two")
            assert read(replica) == self.sealed[1], "the replica is wrong"
            return
        assert done.returncode == 3, done
        assert before == succeed(sys.executable, "-B", filetool.__file__,
                                 "list", place), "refrecv left something"

    def compare(self, code):
        """What refdiff tells."""
        if code == 2:
            return
        for name, content in zip("ab", self.sealed):
            with open(self.path(name), "wb") as out:
                out.write(content)
        succeed(sys.executable, "-B", filetool.__file__, "check-diff",
                self.path("a"), self.path("b"), str(code),
                stdin=open(self.path("output"), "rb"))


class CopyOfAnother(Trial):
    """A plain copy, and somebody who may read it."""
    how = "whole"

    def __init__(self, root):
        succeed("rm", "-rf", root)
        for name in ("", "empty"):
            os.mkdir(os.path.join(root, name))
        self.root = root
        self.copy = os.path.join(root, "copy")
        filetool.make(self.copy, SIZE, "copy")
        self.command = ["setpriv", "--reuid=65534", "--regid=65534",
                        "--clear-groups", "--bounding-set=-all",
                        "--inh-caps=-all", "refsend", self.copy]


def mapped(root):
    trial = CopyOfAnother(os.path.join(root, "trial"))
    change = DirtyMapping(trial.copy, random.Random(1))
    change.begin()
    # When it reads the metadata, before the contents.
    code = trial.stopped("flistxattr", 1, change)
    change.end()
    assert code == 1, f"not noticed, exit code {code}"
    trial.receive(code)


def attempt(root, how, kind, chance, counts, call=None):
    """At a random moment, or after the call."""
    trial = Trial(root, how, chance)
    victim = 1 if how == "whole" else chance.randrange(2)
    change = kind(trial.paths[victim], chance)
    change.begin()
    calls, look, looked = trial.moments()
    # A file that was begun with otherwise may take fewer calls.
    if call and call not in calls:
        return
    at = calls.index(call) if call else chance.randrange(len(calls))
    change.late = at >= looked
    told = f"{kind.__name__} of {'one two'.split()[victim]} in {how} " \
        f"after {calls[at]}"
    try:
        code = trial.stopped(*calls[at], change)
        refused = code == (2 if how == "refdiff" else 1)
        assert refused or code == 0 or (how, code) == ("refdiff", 1), code
        if kind.spoils and at < look:
            assert refused, f"not noticed, exit code {code}"
        elif not kind.spoils or at >= looked:
            assert not refused, f"refused, exit code {code}"
        if how == "refdiff":
            trial.compare(code)
        else:
            trial.receive(code)
    except AssertionError as e:
        raise AssertionError(f"{told}: {e}") from e
    finally:
        change.end()
    counts["refused" if refused else "whole"] += 1


def deduped(root):
    root = os.path.join(root, "trial")
    chance = random.Random(1)
    counts = collections.Counter()
    calls, _, _ = Trial(root, "change", chance).moments()
    for call in calls:
        if call[0] == "ioctl":
            attempt(root, "change", Deduped, chance, counts, call)
    assert counts["whole"] >= 6, counts


def changes(root, rounds, seed):
    chance = random.Random(int(seed))
    counts = collections.Counter()
    print(f"seed {seed}:")
    for _ in range(int(rounds)):
        for kind in CHANGES:
            for how in ("change", "whole", "refdiff"):
                attempt(os.path.join(root, "trial"), how, kind, chance,
                        counts)
    told = ", ".join(f"{n} {what}" for what, n in sorted(counts.items()))
    print(f"seed {seed}: {sum(counts.values())} times: {told}")


def main():
    command, arguments = sys.argv[1], sys.argv[2:]
    # To look for leaks is tracing, too.
    os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + \
        ":detect_leaks=0"
    try:
        {"changes": changes, "deduped": deduped,
         "mapped": mapped}[command](*arguments)
    except AssertionError as e:
        print(e)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
