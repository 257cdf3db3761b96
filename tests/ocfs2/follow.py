# SPDX-License-Identifier: BSD-2-Clause
"""follow.py - node 1 writes a file and takes snapshots, node 2 sends them.

Usage: follow.py DIRECTORY CUTS SEED     on both nodes; $NODE is 1 or 2

DIRECTORY is on the disk they share. Node 1 runs torture --cut-only in
DIRECTORY/source. Node 2 compares, diffs and sends each snapshot, one against
the one before, to DIRECTORY/replica. Node 1 reads what it can of the replicas.
What they hold is known from what node 1 read when it took the snapshot. Exit
code 1 at the first difference.
"""
import json
import os
import subprocess
import sys
import time

import xxhash

BLOCK = 4096
KEPT = 8            # replicas, for node 1 to look at
PATIENCE = 300      # seconds without any progress of the other node
PAUSE = 0.02


def read(path):
    with open(path, "rb") as file:
        return file.read()


def check_content(data, cut, where):
    """Compare bytes with what node 1 said of the cut."""
    name, size, digest = cut
    found = xxhash.xxh3_128_hexdigest(data)
    if len(data) != size or found != digest:
        sys.exit(f"{where} of {name} is {len(data)} {found}, "
                 f"not {size} {digest}")


class Cuts:
    """The list that node 1 writes, as far as it could be read."""

    def __init__(self, source):
        self.path = f"{source}/cuts"
        self.known = []

    def read_more(self):
        if not os.path.exists(self.path):
            return
        lines = read(self.path).decode().split("\n")[:-1]
        for line in lines[len(self.known):]:
            name, size, digest = line.split()
            self.known.append((name, int(size), digest))

    def wait_for(self, count):
        """Until so many are known."""
        until = time.monotonic() + PATIENCE
        self.read_more()
        while len(self.known) < count:
            if time.monotonic() > until:
                sys.exit(f"no cut {count} from node 1")
            time.sleep(PAUSE)
            self.read_more()


def run(arguments, codes=(0,), **more):
    done = subprocess.run(arguments, capture_output=True, check=False, **more)
    if done.returncode not in codes:
        sys.exit(f"{arguments}: exit code {done.returncode}: "
                 f"{done.stderr.decode(errors='replace')}")
    return done


def covered(ranges, old, new):
    """Do the ranges hold every block in which new differs from old?"""
    blocks = set()
    for item in ranges:
        start, end = item["offset"], item["offset"] + item["length"]
        blocks.update(range(start // BLOCK, -(-end // BLOCK)))
    for at in range(0, len(new), BLOCK):
        b = new[at:at + BLOCK]
        a = old[at:at + len(b)].ljust(len(b), b"\0")
        if a != b and at // BLOCK not in blocks:
            return at
    return None


def diff(base, snapshot):
    done = run(["refdiff", "--json", base, snapshot], (0, 1))
    return json.loads(done.stdout)["ranges"]


def send(base, snapshot, replica):
    base = ["-i", base] if base else []
    with subprocess.Popen(["refsend", *base, snapshot],
                          stdout=subprocess.PIPE) as sender:
        run(["refrecv", "--reserve=0", replica], stdin=sender.stdout)
        sender.stdout.close()
    if sender.returncode != 0:
        sys.exit(f"refsend {snapshot}: exit code {sender.returncode}")


def acknowledge(source, name):
    with open(f"{source}/ack.new", "w", encoding="ascii") as file:
        file.write(name)
    os.rename(f"{source}/ack.new", f"{source}/ack")


def follow(source, replica, count):
    """Node 2: snapshot by snapshot. What is cold when it is mapped, and when
    it is read, takes turns."""
    cuts = Cuts(source)
    old = path = None
    changed = 0
    start = time.monotonic()
    for number in range(1, count + 1):
        cuts.wait_for(number)
        cut = cuts.known[number - 1]
        base, path = path, f"{source}/.snapshot/file.{cut[0]}"
        if number % 2:
            new = read(path)
        ranges = diff(base, path) if base else []
        send(base, path, replica)
        if number % 2 == 0:
            new = read(path)
        check_content(new, cut, "the snapshot as node 2 reads it")
        if base and (at := covered(ranges, old, new)) is not None:
            sys.exit(f"refdiff of {path} lacks the block at {at}")
        check_content(read(f"{replica}/.snapshot/file.{cut[0]}"), cut,
                      "the replica")
        if number > KEPT:
            gone = cuts.known[number - KEPT - 1][0]
            os.unlink(f"{replica}/.snapshot/file.{gone}")
        changed += sum(item["length"] for item in ranges)
        acknowledge(source, cut[0])
        old = new
        if number % 50 == 0 or number == count:
            print(f"{number} cuts, {changed >> 20} MiB changed, "
                  f"{time.monotonic() - start:.0f} s", flush=True)


def write(source, replica, count, seed):
    """Node 1: let torture write, and read replicas that node 2 made."""
    cuts = Cuts(source)
    checked = 0
    seen = None
    with subprocess.Popen(["torture", "--cut-only", "--cuts", str(count),
                           "--seed", str(seed), source]) as writer:
        while writer.poll() is None:
            time.sleep(5 * PAUSE)
            if os.path.exists(f"{source}/failed"):
                writer.kill()
                sys.exit("node 2 failed")
            if not os.path.exists(f"{source}/ack"):
                continue
            name = read(f"{source}/ack").decode()
            if name == seen:
                continue
            seen = name
            cuts.read_more()
            cut = cuts.known[int(name[1:]) - 1]
            check_content(read(f"{replica}/.snapshot/file.{name}"), cut,
                          "the replica as node 1 reads it")
            checked += 1
    if writer.returncode != 0:
        sys.exit(f"torture: exit code {writer.returncode}")
    print(f"{checked} replicas read", flush=True)


def main():
    directory, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    source, replica = f"{directory}/source", f"{directory}/replica"
    os.makedirs(source, exist_ok=True)
    os.makedirs(replica, exist_ok=True)
    if os.environ["NODE"] == "1":
        write(source, replica, count, seed)
        return
    try:
        follow(source, replica, count)
    except BaseException:
        with open(f"{source}/failed", "w", encoding="ascii"):
            pass
        raise


if __name__ == "__main__":
    main()
