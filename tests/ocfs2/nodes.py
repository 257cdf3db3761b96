# SPDX-License-Identifier: BSD-2-Clause
"""nodes.py - node 1 writes, node 2 maps and sends: states of files that only
two nodes with a shared disk can reach.

Usage: nodes.py DIRECTORY     on both nodes; $NODE is 1 or 2

Node 2 runs the cases and prints TAP; node 1 does what it is told, over the
network, so that no lock on the shared disk tells node 2 what it should find
out by itself. What a file should hold is known from what was told, not read.
"""
import json
import multiprocessing.connection
import os
import random
import subprocess
import sys
import time
import traceback

from writer import BLOCK, Writer, clone, content, sequence_slot

ADDRESS = ("10.9.0.1", 7000)
SIZE = 3 << 20
SLOTS = 512
ROUNDS = 12


def serve():
    """Node 1: until the other says so, or goes."""
    writer = Writer()
    with multiprocessing.connection.Listener(ADDRESS) as listener, \
            listener.accept() as line:
        while (call := line.recv()) is not None:
            try:
                line.send((True, getattr(writer, call[0])(*call[1:])))
            except Exception:
                line.send((False, traceback.format_exc()))
    writer.close()


class Other:
    """Node 1, as node 2 sees it: its methods are those of Writer."""

    def __init__(self):
        for _ in range(300):
            try:
                self.line = multiprocessing.connection.Client(ADDRESS)
                return
            except OSError:
                time.sleep(0.2)
        sys.exit("node 1 does not answer")

    def __getattr__(self, name):
        def call(*arguments):
            self.line.send((name, *arguments))
            done, value = self.line.recv()
            if not done:
                raise RuntimeError(f"node 1: {value}")
            return value
        return call

    def end(self):
        self.line.send(None)


def expect(condition, text):
    if not condition:
        raise AssertionError(text)


def run(*command, codes=(0,)):
    done = subprocess.run(command, capture_output=True, check=False)
    expect(done.returncode in codes, f"{command}: exit code "
           f"{done.returncode}: {done.stderr.decode(errors='replace')}")
    return done


def read(path):
    with open(path, "rb") as file:
        return file.read()


def changed_blocks(old, new):
    found = set()
    for at in range(0, len(new), BLOCK):
        b = new[at:at + BLOCK]
        if old[at:at + len(b)].ljust(len(b), b"\0") != b:
            found.add(at // BLOCK)
    return found


def check(base, path, old, new, replica):
    """On this node: refdiff finds the blocks that differ, and no other; the
    file has its bytes; a stream makes it."""
    ranges = json.loads(run("refdiff", "--json", base, path,
                            codes=(0, 1)).stdout)["ranges"]
    blocks = set()
    for item in ranges:
        start, end = item["offset"], item["offset"] + item["length"]
        blocks.update(range(start // BLOCK, -(-end // BLOCK)))
    differ = changed_blocks(old, new)
    expect(blocks == differ, f"refdiff {base} {path}: blocks "
           f"{sorted(blocks)[:20]} instead of {sorted(differ)[:20]}")
    expect(read(path) == new, f"{path} has other bytes here")
    expect(read(base) == old, f"{base} has other bytes here")
    os.makedirs(replica, exist_ok=True)
    for name in (base, path):
        os.chmod(name, 0o444)
    for arguments in ([base], ["-i", base, path]):
        with subprocess.Popen(["refsend", *arguments],
                              stdout=subprocess.PIPE) as sender:
            done = subprocess.run(["refrecv", "--reserve=0", replica],
                                  stdin=sender.stdout, capture_output=True,
                                  check=False)
            sender.stdout.close()
        expect((sender.returncode, done.returncode) == (0, 0),
               f"{arguments}: {sender.returncode}, {done.stderr!r}")
    expect(read(f"{replica}/{os.path.basename(path)}") == new,
           f"the replica of {path} differs")


class Pair:
    """Two files that share all blocks, which node 2 knows well: it has mapped
    and read both. After that only node 1 changes snap."""

    def __init__(self, other, directory, seed, size=SIZE):
        self.other = other
        self.choice = random.Random(seed)
        self.base = f"{directory}/base{seed}"
        self.snap = f"{directory}/snap{seed}"
        self.replica = f"{directory}/replica{seed}"
        other.make(self.base, size, seed)
        other.clone(self.base, self.snap)
        self.old = content(size, seed)
        self.new = bytearray(self.old)
        run("refdiff", self.base, self.snap)
        expect(read(self.snap) == read(self.base) == self.old, "unequal clone")

    def write(self, how, size=None):
        """A random write; node 1 leaves it dirty."""
        size = size or BLOCK * self.choice.randrange(1, 5)
        at = self.choice.randrange((len(self.new) - size) // BLOCK) * BLOCK
        seed = self.choice.random()
        self.other.write(self.snap, at, size, seed, how)
        self.new[at:at + size] = content(size, seed)

    def check(self):
        check(self.base, self.snap, self.old, bytes(self.new), self.replica)
        self.other.close()


def dirty(other, directory, how):
    for seed in range(ROUNDS):
        pair = Pair(other, directory, seed)
        for _ in range(pair.choice.randrange(1, 6)):
            pair.write(how)
        pair.check()


def dirty_again(other, directory):
    """The blocks were copied on write before: now they change in place."""
    for seed in range(ROUNDS):
        pair = Pair(other, directory, seed)
        pair.write("buffered")
        for how in ("buffered", "mapped", "direct", "mapped", "buffered"):
            run("refdiff", pair.base, pair.snap, codes=(1,))
            pair.write(how)
        pair.check()


def unwritten(other, directory):
    for seed in range(ROUNDS):
        pair = Pair(other, directory, seed, SIZE // 2)
        pair.other.allocate(pair.snap, 0, SIZE)
        pair.new += bytes(SIZE - len(pair.new))
        run("refdiff", pair.base, pair.snap, codes=(1,))
        for _ in range(4):
            pair.write(pair.choice.choice(("buffered", "direct")))
        pair.check()


def sizes(other, directory):
    for seed in range(ROUNDS):
        pair = Pair(other, directory, seed, SIZE - 1000)
        size = pair.choice.randrange(SIZE // 2, 2 * SIZE)
        pair.other.truncate(pair.snap, size)
        pair.new = pair.new[:size].ljust(size, b"\0")
        pair.write("buffered")
        pair.check()


def punched(other, directory):
    for seed in range(ROUNDS):
        pair = Pair(other, directory, seed)
        at = pair.choice.randrange(SIZE // 2)
        size = pair.choice.randrange(SIZE // 2)
        pair.other.punch(pair.snap, at, size)
        pair.new[at:at + size] = bytes(size)
        pair.write("buffered")
        pair.check()


def small(other, directory):
    """A file that fits into its inode."""
    for seed in range(ROUNDS):
        pair = Pair(other, directory, seed, 1000)
        pair.other.write(pair.snap, 0, 100 + seed, seed + 0.5, "buffered")
        pair.new[:100 + seed] = content(100 + seed, seed + 0.5)
        pair.check()


def replaced(other, directory):
    """The name is given to another file, while node 2 has the old one open."""
    for seed in range(ROUNDS):
        pair = Pair(other, directory, seed)
        with open(pair.snap, "rb") as kept:
            pair.other.replace(pair.snap, SIZE, seed + 0.5)
            expect(kept.read() == pair.old, "an open file changed")
        pair.new[:] = content(SIZE, seed + 0.5)
        pair.check()


def cut_under_writes(other, directory):
    """Node 2 clones a file while node 1 writes to it: each clone holds all
    writes up to one of them, and the difference of two is right."""
    live, replica = f"{directory}/live", f"{directory}/replica"
    other.make(live, SLOTS * BLOCK, 0)
    before = content(SLOTS * BLOCK, 0)
    base = f"{directory}/cut0"
    clone(live, base)
    other.start_sequence(live, SLOTS)
    try:
        for number in range(1, 3 * ROUNDS):
            cut = f"{directory}/cut{number}"
            clone(live, cut)
            data = read(cut)
            check_sequence(data, content(SLOTS * BLOCK, 0))
            check(base, cut, before, data, replica)
            base, before = cut, data
    finally:
        failure = other.stop_sequence()
    expect(failure is None, failure)
    expect(read(live) == other.read(live), "the nodes disagree in the end")
    other.close()


def check_sequence(data, first):
    """Every block holds its last write up to the newest that is there."""
    numbers = {}
    for slot in range(SLOTS):
        block = data[slot * BLOCK:(slot + 1) * BLOCK]
        if block != first[slot * BLOCK:(slot + 1) * BLOCK]:
            expect(block == block[:8] * (BLOCK // 8), f"block {slot} is torn")
            numbers[slot] = int.from_bytes(block[:8], "little")
    newest = max(numbers.values(), default=SLOTS - 1)
    for number in range(max(SLOTS, newest - SLOTS + 1), newest + 1):
        slot = sequence_slot(number, SLOTS)
        expect(numbers.get(slot) == number, f"block {slot}: write {number} of "
               f"{newest} is missing, there is {numbers.get(slot)}")


def locks(other, directory):
    """What one node has in use, the other leaves alone."""
    live = f"{directory}/live"
    store = f"{directory}/store"
    os.makedirs(store)
    other.make(live, SIZE, 1)
    run("refsnap", "create", "--reserve=0", live, "one")
    snapshot = f"{directory}/.snapshot/live.one"
    stream = run("refsend", "--compress=none", snapshot).stdout
    with subprocess.Popen(["refsend", "--compress=none", snapshot],
                          stdout=subprocess.PIPE) as sender:
        sender.stdout.read(1)
        code, text = other.run("refsnap", "delete", snapshot)
        expect(code == 8, f"delete on node 1 while sent here: {code} {text}")
        sender.stdout.read()
    with subprocess.Popen(["refrecv", "--reserve=0", store],
                          stdin=subprocess.PIPE) as receiver:
        receiver.stdin.write(stream[:len(stream) // 2])
        receiver.stdin.flush()
        until = time.monotonic() + 60
        while not any(name.startswith("partial.") for name in
                      os.listdir(f"{store}/.snapshot/.refsend")):
            expect(time.monotonic() < until, "no partial")
            time.sleep(0.05)
        code, text = other.run("refrecv", "--reserve=0", store)
        expect(code == 8, f"refrecv on node 1 into one place: {code} {text}")
        other.make(f"{store}/else", 10000, 2)
        code, text = other.run("refsnap", "create", "--reserve=0",
                               f"{store}/else", "one")
        expect(code == 0, f"create on node 1: {code} {text}")
        receiver.communicate(stream[len(stream) // 2:])
    expect(receiver.returncode == 0, f"refrecv: {receiver.returncode}")
    expect(read(f"{store}/.snapshot/live.one") == content(SIZE, 1), "replica")


CASES = (
    ("node 1 has dirty pages", dirty, "buffered"),
    ("node 1 has dirty pages of a mapping", dirty, "mapped"),
    ("node 1 writes past its cache", dirty, "direct"),
    ("node 1 changes in place what node 2 mapped", dirty_again),
    ("node 1 writes to what it preallocated", unwritten),
    ("node 1 moves the end", sizes),
    ("node 1 punches a hole", punched),
    ("node 1 changes a file within its inode", small),
    ("node 1 gives the name to another file", replaced),
    ("node 2 cuts what node 1 writes", cut_under_writes),
    ("locks hold on both nodes", locks),
)


def drive(directory):
    other = Other()
    failures = 0
    for number, (name, case, *arguments) in enumerate(CASES, 1):
        place = f"{directory}/{number}"
        os.makedirs(place)
        start = time.monotonic()
        try:
            case(other, place, *arguments)
            print(f"ok {number} - {name}")
        except (AssertionError, RuntimeError, OSError, ValueError) as error:
            failures += 1
            print("\n".join("# " + line for line in
                            f"{type(error).__name__}: {error}".split("\n")))
            print(f"not ok {number} - {name}")
        print(f"# {time.monotonic() - start:.0f} s", flush=True)
    other.end()
    print(f"1..{len(CASES)}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(serve() if os.environ["NODE"] == "1" else drive(sys.argv[1]))
