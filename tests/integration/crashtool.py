# SPDX-License-Identifier: BSD-2-Clause
"""crashtool.py - interrupt work at bad moments, and look what was left.

Usage: crashtool.py DISASTER MOMENT WORK COUNT SEED ROOT STREAMS [SOURCE
                    [IMAGE]]

DISASTER  kill: SIGKILL to the program
          shutdown, shutdown-flush: the file system of IMAGE, mounted on ROOT,
              goes down as by xfs_io -x -c 'shutdown [-f]', and is mounted again
          image: a reflink copy is made of IMAGE, which is what a crash would
              leave; it is mounted later in place of the original
MOMENT    random: while a program runs
          success: when it has just exited with code 0
          calls, or calls=NAME,NAME: after each system call of one that may
              change files, or each call of those names; COUNT times
WORK      receive (of the snapshots in SOURCE; streams are kept in STREAMS) or
          local, see worktool.py

After each disaster the directory must be in the state before the program or
in one of those that it leads to, after exit code 0 in that of its success;
then more work must succeed without help and leave nothing behind but what
belongs there.
"""
import collections
import copy
import fcntl
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import worktool

FICLONE = 0x40049409
GOING_DOWN = 0x8004587d         # XFS_IOC_GOINGDOWN; ext4 has the same
LOG_FLUSH, NO_LOG_FLUSH = 1, 2
IMAGES_AT_ONCE = 20
CALLS = ["mkdirat", "openat2", "ioctl", "ftruncate", "pwrite64", "write",
         "fallocate", "fsetxattr", "utimensat", "fchmod", "fsync",
         "renameat", "renameat2", "unlinkat"]


def quietly(*argv):
    done = subprocess.run(argv, capture_output=True)
    assert done.returncode == 0, f"{argv}: {done.stderr}"


class Kill:
    """The program dies, the machine does not."""
    collects = False

    def __init__(self, root, _image):
        self.root = root

    def strike(self, process):
        if process:
            process.kill()

    def recover(self):
        pass


class Shutdown(Kill):
    flag = NO_LOG_FLUSH

    def __init__(self, root, image):
        self.root = root
        self.image = image

    def strike(self, process):
        fd = os.open(self.root, os.O_RDONLY)
        fcntl.ioctl(fd, GOING_DOWN, self.flag.to_bytes(4, "little"))
        os.close(fd)

    def recover(self):
        quietly("umount", self.root)
        self.mount(self.image)

    def mount(self, image):
        quietly("mount", "-o", "loop,noatime", image, self.root)


class ShutdownFlush(Shutdown):
    flag = LOG_FLUSH


class Image(Shutdown):
    """Copies of the image; they are looked at later."""
    collects = True

    def __init__(self, root, image):
        super().__init__(root, image)
        self.copies = []

    def strike(self, process):
        path = f"{self.image}.{len(self.copies)}"
        with open(self.image, "rb") as image, open(path, "xb") as copied:
            fcntl.ioctl(copied.fileno(), FICLONE, image.fileno())
        self.copies.append(path)


DISASTERS = {"kill": Kill, "shutdown": Shutdown,
             "shutdown-flush": ShutdownFlush, "image": Image}


class Trial:
    """The work, the disaster, and what may be there after it."""

    def __init__(self, disaster, work, chance):
        self.disaster = disaster
        self.work = work
        self.chance = chance
        self.state = work.begin()
        self.took = collections.defaultdict(lambda: 0.02)
        self.found = collections.Counter()
        self.waiting = []       # what may be in the copies of the image
        self.told = ""

    # ---- programs

    def start(self, step, tracer=(), descriptors=()):
        environment = dict(os.environ)
        if tracer:
            # To look for leaks is tracing, too.
            environment["ASAN_OPTIONS"] = \
                environment.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        with open(step.input, "rb") as source:
            return subprocess.Popen(
                [*tracer, *step.argv], stdin=source, pass_fds=descriptors,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                env=environment)

    def succeed(self, step, process=None):
        """The step, from its beginning or its start, to its end."""
        started = time.monotonic()
        process = process or self.start(step)
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, f"{step.argv}: {errors}"
        took = time.monotonic() - started
        key = tuple(step.argv[:2])
        self.took[key] = max(took, 0.7 * self.took[key])
        self.state = step.states[-1]

    def one_more(self):
        self.state, step = self.work.next(self.state, self.chance)
        self.told = step.argv
        return step

    # ---- moments

    def at_random(self):
        """Some steps, and disaster while the last one runs."""
        for _ in range(self.chance.randrange(3)):
            self.succeed(self.one_more())
        step = self.one_more()
        delay = self.chance.uniform(0, 1.1 * self.took[tuple(step.argv[:2])])
        process = self.start(step)
        time.sleep(delay)
        self.told = f"{step.argv} after {delay:.4f} s"
        self.interrupted(step, process)

    def interrupted(self, step, process):
        self.disaster.strike(process)
        wanted = [self.state, *step.states]
        if self.disaster.collects:
            self.succeed(step, process)
        else:
            process.communicate(timeout=120)
            # Exit code 0 is a promise, even then.
            if process.returncode == 0:
                wanted = wanted[-1:]
        self.judge(wanted, step, len(wanted) == 1)

    def when_done(self):
        step = self.one_more()
        self.succeed(step)
        self.disaster.strike(None)
        self.judge([self.state], step, True)

    def at_each_call(self, calls):
        """Disaster with the program stopped after each call."""
        for call in calls:
            number, stopped = 0, True
            while stopped:
                number += 1
                step = self.one_more()
                self.told = f"{step.argv}: {call} {number}"
                stopped = self.after_call(step, call, number)

    def after_call(self, step, call, number):
        """Returns false if the program ends before it."""
        told, tell = os.pipe()
        tracer = self.start(
            step, ["strace", "-o", f"/proc/self/fd/{tell}", "-e",
                   f"trace={call}", "-e",
                   f"inject={call}:signal=STOP:when={number}"], [tell])
        os.close(tell)
        with open(told) as lines:
            process = wait_for_stop(tracer, lines)
            if process is not None:
                self.stopped(step, tracer, process)
                return True
        self.succeed(step, tracer)
        return False

    def stopped(self, step, tracer, process):
        self.disaster.strike(None)
        wanted = [self.state, *step.states]
        if self.disaster.collects:
            os.kill(process, signal.SIGCONT)
            self.succeed(step, tracer)
        else:
            os.kill(process, signal.SIGKILL)
            tracer.communicate(timeout=120)
        self.judge(wanted, step, False)

    # ---- judgement

    def judge(self, wanted, step, promised):
        if self.disaster.collects:
            self.waiting.append((wanted, step, promised, self.told))
            if len(self.waiting) >= IMAGES_AT_ONCE:
                self.judge_images()
        else:
            self.disaster.recover()
            self.look(wanted, step, promised)

    def look(self, wanted, step, promised):
        state = worktool.observe(wanted[0].directory)
        assert state in wanted, worktool.differences(wanted, state)
        if promised:
            self.found["promised"] += 1
        elif state == wanted[-1] != wanted[0]:
            self.found["new"] += 1
        else:
            self.found["old" if state == wanted[0] else "between"] += 1
        if step.output:
            self.check_output(step.output, promised)
        self.go_on(state)

    def check_output(self, path, promised):
        """A stream in a file: whole, or refused."""
        if not promised and not os.path.exists(path):
            return
        code = subprocess.run(
            ["refrecv", "--dump"], stdin=open(path, "rb"),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
        assert code == 0 or (code == 3 and not promised), \
            f"{path}: refrecv --dump has exit code {code}"

    def go_on(self, state):
        """More work, without help."""
        self.state, step = self.work.settle(state, self.chance)
        self.succeed(step)
        assert worktool.observe(self.state.directory) == self.state
        left = worktool.leftovers(self.state.directory)
        assert not left, f"left behind: {left}"

    def judge_images(self):
        """Each copy in place of the original."""
        image, root = self.disaster.image, self.disaster.root
        state, work = self.state, self.work
        quietly("umount", root)
        for path, case in zip(self.disaster.copies, self.waiting):
            *case, self.told = case
            self.work = copy.copy(work)
            self.disaster.mount(path)
            self.look(*case)
            quietly("umount", root)
            os.unlink(path)
        self.disaster.copies.clear()
        self.waiting.clear()
        self.disaster.mount(image)
        self.state, self.work = state, work


def wait_for_stop(tracer, lines):
    """The traced program, once the tracer tells that it is stopped; None if it
    ends instead."""
    for line in lines:
        if "stopped by SIGSTOP" in line:
            children = f"/proc/{tracer.pid}/task/{tracer.pid}/children"
            return int(open(children).read())
    return None


def main():
    disaster, moment, work, count, seed, root, streams = sys.argv[1:8]
    source, image = (sys.argv[8:] + [None, None])[:2]
    chance = random.Random(int(seed))
    place = tempfile.mkdtemp(dir=root)
    works = {"receive": lambda: worktool.Receive(place, source, streams),
             "local": lambda: worktool.Local(place)}
    trial = Trial(DISASTERS[disaster](root, image), works[work](), chance)
    moment, _, calls = moment.partition("=")
    calls = calls.split(",") if calls else CALLS
    moments = {"random": trial.at_random, "success": trial.when_done,
               "calls": lambda: trial.at_each_call(calls)}
    try:
        for _ in range(int(count)):
            moments[moment]()
        if trial.waiting:
            trial.judge_images()
    except AssertionError as e:
        print(f"seed {seed}: {trial.told}: {e}")
        return 1
    told = ", ".join(f"{n} {what}" for what, n in sorted(trial.found.items()))
    print(f"seed {seed}: {sum(trial.found.values())} times: {told}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
