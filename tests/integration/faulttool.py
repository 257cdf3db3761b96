# SPDX-License-Identifier: BSD-2-Clause
"""faulttool.py - let each call of the system fail that a command makes.

Usage: faulttool.py FAILING DIR some|all SEED [CASE]...

FAILING is the library of tests/fault/, CASE a name of faultcases.py or
faultkeep.py (default: all of them), DIR an empty directory on the file system to work on.  The Nth
call of a kind fails, for N = 1, 2, ... until the command has no Nth call.
After each failure:

  the exit code is one that the manual page promises for it, never that of
  success unless all is as after a run without failure; one sentence on
  stderr; each file is the old one or the new one; the next run, without help,
  does what was wanted and leaves nothing under construction.

With "some", a random choice of calls is tried, one errno each; with "all",
everything, and also what goes on failing from the Nth call on.
"""
import errno
import hashlib
import json
import os
import random
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import faultcases
import faultkeep
from faultcases import Create, ReceiveLive, Restore, Source

CASES = {**faultcases.CASES, **faultkeep.CASES}

NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
SHORT = "short"
# How each kind of call fails, the usual way first.
KINDS = {
    "pwrite": (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EINTR, SHORT),
    "write": (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EINTR, SHORT),
    "pread": (errno.EIO, errno.EINTR, SHORT),
    "read": (errno.EIO, errno.EINTR, SHORT),
    "fsync": (errno.EIO, errno.ENOSPC, errno.EDQUOT),
    "clone": (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EOPNOTSUPP),
    "rename": (errno.EIO, errno.ENOSPC, errno.EINVAL),
    "link": (errno.EIO,),
    "setxattr": (errno.ENOSPC, errno.EIO, errno.EDQUOT),
    "ftruncate": (errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EINTR),
    "fallocate": (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EINTR,
                  errno.EOPNOTSUPP),
    "map": (errno.EIO,),
    "mkdir": (errno.ENOSPC, errno.EIO),
    "unlink": (errno.EIO,),
    "readdir": (errno.EIO,),
    "flock": (errno.ENOLCK, errno.EINTR),
    "chmod": (errno.EIO,),
    "chown": (errno.EIO, errno.EDQUOT),
    "times": (errno.EIO,),
    "random": (errno.EIO,),
    "lseek": (errno.EIO,),
    "getxattr": (errno.EIO,),
    "open": (errno.EIO, errno.EMFILE, errno.ENOSPC, errno.EINTR),
    "ioctl": (errno.EIO,),
    "fcntl": (errno.EIO,),
    "names": (errno.EIO,),
    "strdup": (errno.ENOMEM,),
    "stat": (errno.EIO,),
    "malloc": (errno.ENOMEM,),
    "close": (errno.EIO,),
    "thread": (errno.EAGAIN,),
}
# Of these, there are many alike.
MANY = ("open", "ioctl", "fcntl", "strdup", "stat", "malloc", "close",
        "getxattr", "lseek", "pread")
# These are never interrupted for ever.
NOT_FOR_EVER = {errno.EINTR, SHORT}
DEFAULT_NAME = re.compile(r"\d{8}T\d{6}Z(-\d+)?")
# These end by writing down which snapshot the live file holds: a help for the
# next run, and the only fsync that may fail unnoticed.
STAMPING = (Create, Restore, ReceiveLive)
CALLS_MAX = 5000
# With "some", about one call in so many fails.
STEP, STEP_MANY = 3, 8
SECONDS_MAX = 60
INODE = 1       # its place in a description


class Fault:
    def __init__(self, kind, number, how, stays=False):
        self.kind, self.number, self.how = kind, number, how
        self.stays = stays

    def __str__(self):
        name = self.how if self.how == SHORT else errno.errorcode[self.how]
        return f"{self.kind}:{self.number}{'+' * self.stays}:{name}"

    def blinds(self, case):
        """Can nobody know any more what the file holds?"""
        return self.stays and self.kind in case.senses

    def setting(self):
        return f"{self.kind}:{self.number}{'+' * self.stays}:{self.how}"


class Driver:
    def __init__(self, failing, scratch, case):
        self.failing, self.case = failing, case
        self.told = os.path.join(scratch, "told")
        self.before = self.after = self.output = None
        self.complaints = []
        self.injected = 0
        self.kinds = set()
        self.codes = {}
        self.succeeded = 0

    def command(self, fault=None):
        """Run it; was the fault reached?"""
        environment = dict(os.environ)
        if fault:
            environment.update(
                FAULT=fault.setting(), FAULT_TOLD=self.told,
                LD_PRELOAD=self.failing, ASAN_OPTIONS="verify_asan_link_order"
                "=0:" + environment.get("ASAN_OPTIONS", ""))
        with open(self.case.stdin or os.devnull, "rb") as stdin:
            done = subprocess.run(self.case.argv(), stdin=stdin,
                                  env=environment, capture_output=True,
                                  timeout=SECONDS_MAX)
        reached = os.path.exists(self.told)
        if reached:
            os.unlink(self.told)
        return done, reached

    # ---- the state of the directory ----

    def describe(self, path):
        st = os.stat(path)
        with open(path, "rb") as source:
            content = hashlib.sha256(source.read()).hexdigest()
        if path == self.case.at("stream"):
            # Has a random id, and names of users only if they are found:
            # case.right() looks at it.
            return ["", st.st_ino, st.st_mode]
        return [content, st.st_ino, st.st_mode, st.st_size, st.st_nlink,
                st.st_uid, st.st_gid]

    def state(self):
        """Each file below the directory, and what refsnap knows of it."""
        files = {}
        for where, names, others in os.walk(self.case.directory):
            if ".refsend" in names:
                names.remove(".refsend")
            for name in others:
                path = os.path.join(where, name)
                key = os.path.relpath(path, self.case.directory)
                files[key] = self.describe(path)
        for place in self.case.places:
            self.add_seals(self.case.at(place), files)
        return files

    def add_seals(self, where, files):
        listing = subprocess.run(["refsnap", "list", "--json", where],
                                 capture_output=True)
        assert listing.returncode == 0, listing.stderr
        for entry in json.loads(listing.stdout)["snapshots"]:
            kept = ".snapshot/" if entry["in_snapshot_directory"] else ""
            key = os.path.relpath(os.path.join(where, kept + entry["file"]),
                                  self.case.directory)
            entry["name"] = DEFAULT_NAME.sub("TIME", entry["name"])
            files[key] += [entry[field] for field in
                           ("state", "name", "origin", "cut", "lineage",
                            "mode", "digest", "holds")]

    def partials(self):
        return [name for where, _, names in os.walk(self.case.directory)
                if where.endswith(".refsend") for name in names
                if name.startswith("partial.") or name.endswith(".new")]

    @staticmethod
    def without_inodes(state):
        return {key: value[:INODE] + value[INODE + 1:]
                for key, value in state.items()}

    def is_after(self, state):
        return self.without_inodes(state) == self.after

    def check_whole(self, state):
        """Each file is the old or the new one; new ones come in order."""
        old = self.without_inodes(self.before)
        new = self.without_inodes(state)
        for key in sorted(set(state) | set(self.before) | set(self.after)):
            if new.get(key) not in (old.get(key), self.after.get(key)):
                yield f"{key} is neither old nor new: {new.get(key)}"
            if key not in self.case.order and \
                    state.get(key) != self.before.get(key):
                yield f"{key} changed"
        done = [new.get(key) == self.after.get(key)
                for key in self.case.order]
        if self.case.ordered and done != sorted(done, reverse=True):
            yield f"out of order: {list(zip(self.case.order, done))}"

    # ---- one failure ----

    def expected_codes(self, fault):
        case = self.case
        codes = set(case.codes)
        if case.trouble is not None:
            return codes | {case.trouble}
        if fault.how in NO_SPACE:
            codes.add(7)
        elif fault.how == errno.EOPNOTSUPP:
            codes |= {1, 7}
        elif fault.how != SHORT:
            codes.add(1)
        if fault.kind in case.refusals:
            codes.add(5)
        if fault.kind in case.breaks:
            codes.add(6)
        return codes

    def check_messages(self, done):
        """One sentence if it failed, besides warnings; else none."""
        tool = self.case.argv()[0]
        text = done.stderr.decode(errors="replace")
        lines = [line for line in text.splitlines()
                 if not line.startswith(f"{tool}: warning: ")]
        succeeded = done.returncode in self.case.codes and \
            done.returncode != 1 or tool == "refdiff" and \
            done.returncode == 1
        if len(lines) != (0 if succeeded else 1):
            yield f"{len(lines)} lines of error"
        elif lines and not re.match(f"{tool}: .", lines[0]):
            yield "a message without the name of the tool"

    def check_failure(self, fault, done, state):
        if done.returncode not in self.expected_codes(fault):
            yield f"exit code {done.returncode}"
        yield from self.check_messages(done)
        yield from self.check_whole(state)
        if done.returncode in self.case.codes:
            if not self.is_after(state) or not self.case.right():
                yield "exit code of success without it"
            if self.case.argv()[0] == "refdiff" and \
                    done.stdout != self.output:
                yield "another output"

    def check_next(self, fault, state):
        """The next run needs no help."""
        if self.is_after(state) and not self.case.twice:
            return
        done, _ = self.command()
        if done.returncode == 5 and fault.blinds(self.case):
            if self.state() != state:
                yield "the next run refuses, and yet does something"
            return
        if done.returncode in self.case.forgets:
            return
        if done.returncode not in self.case.codes:
            yield f"the next run fails: {done}"
        elif not self.is_after(self.state()) or not self.case.right():
            yield "the next run does not do it"
        if self.partials():
            yield f"left for ever: {self.partials()}"

    def complain(self, fault, complaints, done=None):
        for complaint in complaints:
            text = f"{fault}: {complaint}"
            if done is not None:
                text += f" ({done.returncode}, {done.stderr[:300]})"
            self.complaints.append(text)

    def attempt(self, fault):
        """Returns whether there was such a call."""
        self.before = self.state()
        try:
            done, reached = self.command(fault)
        except subprocess.TimeoutExpired:
            self.complain(fault, ["it does not end"])
            self.case.undo()
            return True
        state = self.state()
        if reached:
            self.injected += 1
            self.kinds.add(fault.kind)
            self.succeeded += done.returncode in self.case.codes
            self.codes[done.returncode] = \
                self.codes.get(done.returncode, 0) + 1
            self.complain(fault, self.check_failure(fault, done, state), done)
            self.complain(fault, self.check_next(fault, state))
        elif done.returncode not in self.case.codes or \
                not self.is_after(state):
            self.complain(fault, ["fails without a fault"], done)
        self.case.undo()
        return reached

    # ---- all of them ----

    def learn(self):
        self.before = self.state()
        done, _ = self.command()
        assert done.returncode in self.case.codes, done
        self.after = self.without_inodes(self.state())
        self.output = done.stdout
        assert self.case.right()
        self.case.undo()

    def every(self, kind, how, stays, chance):
        """Each Nth call, or some of them."""
        step = STEP_MANY if kind in MANY else STEP
        number = chance.randint(1, STEP_MANY) if chance and kind in MANY else 1
        before = self.succeeded
        while self.attempt(Fault(kind, number, how, stays)):
            number += chance.randint(1, 2 * step - 1) if chance else 1
            assert number < CALLS_MAX, f"{kind}: does not come to an end"
        if kind == "fsync" and \
                self.succeeded > before + isinstance(self.case, STAMPING):
            self.complaints.append(f"{kind}: done, though not on disk")

    def all_kinds(self, chance):
        for kind, hows in KINDS.items():
            for how in hows[:1] if chance else hows:
                self.every(kind, how, False, chance)
                if not chance and how not in NOT_FOR_EVER:
                    self.every(kind, how, True, None)


def main():
    failing, directory, much, seed = sys.argv[1:5]
    names = sys.argv[5:] or list(CASES)
    chance = random.Random(int(seed)) if much == "some" else None
    streams = os.path.join(directory, "streams")
    os.mkdir(streams)
    source = Source(os.path.join(directory, "source"), streams)
    kinds, injected, bad = set(), 0, 0
    for name in names:
        case = CASES[name](source, os.path.join(directory, name))
        driver = Driver(failing, streams, case)
        driver.learn()
        driver.all_kinds(chance)
        told = ", ".join(f"{count} times {code}"
                         for code, count in sorted(driver.codes.items()))
        print(f"{name}: {driver.injected} calls failed; exit code {told}",
              flush=True)
        for complaint in driver.complaints[:40]:
            print(f"{name}: {complaint}")
        bad += len(driver.complaints)
        injected += driver.injected
        kinds |= driver.kinds
    never = set(KINDS) - kinds - set(MANY if chance else ())
    if len(names) == len(CASES) and never:
        print(f"never called: {sorted(never)}")
        bad += 1
    print(f"{injected} calls failed in {len(names)} commands")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
