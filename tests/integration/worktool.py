# SPDX-License-Identifier: BSD-2-Clause
"""worktool.py - work for the tools whose result is known after every step.

A Work says what comes next: a command, and the states of the directory that
its interruption may leave, the last being the one of its success.  observe()
tells in which state a directory is; whatever is wrong in itself - a replica
with other bytes than its name says, a broken seal - is an AssertionError.

Receive carries a chain of snapshots into directories, one after the other,
with the live file; Local takes, restores, holds, deletes and sends snapshots
and unshares the live file.
"""
import hashlib
import json
import os
import shutil
import subprocess
from typing import NamedTuple

import filetool

ATTRIBUTE = "user.colour"
LIVE = "file"
RESERVE = "--reserve=1M"


class Content(NamedTuple):
    """What has to be right in a snapshot."""
    digest: str
    size: int
    mtime: int
    colour: bytes


class State(NamedTuple):
    directory: str
    kept: tuple             # (file name, Content), sorted
    live: str               # digest of the live file, or None
    holds: frozenset        # (file name, tag)


class Step(NamedTuple):
    argv: list
    states: list            # the last one is that of success
    input: str = os.devnull
    sweeps: bool = False    # it removes what killed runs left
    output: str = None      # a stream that it makes


def digest_of(path):
    with open(path, "rb") as source:
        return hashlib.sha256(source.read()).hexdigest()[:20]


def content_of(path):
    status = os.stat(path)
    return Content(digest_of(path), status.st_size, status.st_mtime_ns,
                   os.getxattr(path, ATTRIBUTE))


def listdir(path):
    return sorted(os.listdir(path)) if os.path.isdir(path) else []


def kept_path(directory, name=""):
    return os.path.join(directory, ".snapshot", name)


def sync_directory(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def observe(directory):
    """The state that a directory is in; its seals are good."""
    done = subprocess.run(["refsnap", "list", "--json", directory],
                          capture_output=True)
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stdout)["snapshots"]
    names = [name for name in listdir(kept_path(directory))
             if name != ".refsend"]
    assert sorted(entry["file"] for entry in listed) == names, \
        f"listed {[entry['file'] for entry in listed]}, there is {names}"
    holds = set()
    kept = []
    for entry in listed:
        name = entry["file"]
        assert entry["state"] != "broken", f"{name}: {entry}"
        path = kept_path(directory, name)
        mode = os.stat(path).st_mode & 0o7777
        assert mode == 0o440, f"{name} has mode {mode:o}"
        kept.append((name, content_of(path)))
        holds.update((name, tag) for tag in entry["holds"])
    live = os.path.join(directory, LIVE)
    found = digest_of(live) if os.path.exists(live) else None
    if found:
        mode = os.stat(live).st_mode & 0o7777
        assert mode == 0o640, f"the live file has mode {mode:o}"
        assert os.getxattr(live, ATTRIBUTE) == b"blue"
    others = [name for name in listdir(directory)
              if name not in (".snapshot", LIVE)]
    assert not others, others
    return State(directory, tuple(sorted(kept)), found, frozenset(holds))


def describe(state):
    return (f"{[name for name, _ in state.kept]}, live file {state.live}, "
            f"holds {sorted(state.holds)}")


def differences(wanted, found):
    """Why none of the wanted states is the found one."""
    lines = [f"found {describe(found)}"]
    for state in wanted:
        wrong = [name for name, content in state.kept
                 if dict(found.kept).get(name, content) != content]
        lines.append(f"may be {describe(state)}"
                     + (f"; other contents: {wrong}" if wrong else ""))
    return "\n".join(lines)


def leftovers(directory):
    """What interrupted runs left, and the runs since did not remove."""
    state = kept_path(directory, ".refsend")
    names = listdir(state)
    live = [name for name in names if name.startswith("live.")]
    strange = [name for name in names
               if name not in live and name != "holds"]
    # A stamp, the announced one, and one being written.
    return strange if len(live) <= 3 else names


class Receive:
    """Chains of streams into one directory after the other."""

    def __init__(self, root, source, streams):
        self.root = root
        self.source = source
        self.streams = streams
        done = subprocess.run(
            ["refsnap", "list", "--json", os.path.join(source, LIVE)],
            capture_output=True, check=True)
        self.names = [entry["file"]
                      for entry in json.loads(done.stdout)["snapshots"]]
        self.contents = [(name, content_of(kept_path(source, name)))
                         for name in self.names]
        self.number = 0

    def stream(self, base, last):
        """The stream that brings the snapshots after base up to last."""
        path = os.path.join(self.streams, f"{base}-{last}")
        if not os.path.exists(path):
            options = ["-I", kept_path(self.source, self.names[base])]
            subprocess.run(
                ["refsend", "-o", path, *(options if base >= 0 else []),
                 kept_path(self.source, self.names[last])],
                check=True, stderr=subprocess.DEVNULL)
        return path

    def begin(self):
        """The next directory, empty."""
        directory = os.path.join(self.root, f"d{self.number}")
        shutil.rmtree(os.path.join(self.root, f"d{self.number - 2}"),
                      ignore_errors=True)
        self.number += 1
        os.mkdir(directory)
        sync_directory(self.root)
        return State(directory, (), None, frozenset())

    def step(self, state, base, last, live):
        states = [state._replace(kept=tuple(self.contents[:at + 1]))
                  for at in range(base + 1, last + 1)]
        if live:
            states.append(states[-1]._replace(
                live=self.contents[last][1].digest))
        return Step(["refrecv", RESERVE, *(["--live"] if live else []),
                     state.directory], states, self.stream(base, last), True)

    def next(self, state, chance):
        base = len(state.kept) - 1
        if base == len(self.names) - 1:
            state, base = self.begin(), -1
        last = base + chance.choice([1, 1, 1, 3]) if base >= 0 else 0
        last = min(last, len(self.names) - 1)
        live = chance.random() < 0.7
        return state, self.step(state, base, last, live)

    def settle(self, state, chance):
        """The next receive; at the end of the chain, the last one again."""
        base = len(state.kept) - 1
        if base < len(self.names) - 1:
            return self.next(state, chance)
        return state, Step(["refrecv", RESERVE, state.directory], [state],
                           self.stream(base - 1, base), True)


class Local:
    """All the verbs of refsnap that change something, and refsend."""

    def __init__(self, root):
        self.root = root
        self.number = 0
        self.seed = 0
        self.saved = None       # the snapshot that the live file holds

    def begin(self):
        directory = os.path.join(self.root, "local")
        os.mkdir(directory)
        live = os.path.join(directory, LIVE)
        filetool.make(live, 1500000, 0)
        os.chmod(live, 0o640)
        os.setxattr(live, ATTRIBUTE, b"blue")
        os.sync()
        return State(directory, (), digest_of(live), frozenset())

    def write(self, state, chance):
        """Change the live file, durably."""
        live = os.path.join(state.directory, LIVE)
        self.seed += 1
        filetool.patch(live, chance.randrange(1500000),
                       chance.randrange(1, 300000), self.seed)
        fd = os.open(live, os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)
        self.saved = None
        return state._replace(live=digest_of(live))

    def create(self, state):
        live = os.path.join(state.directory, LIVE)
        self.number += 1
        name = f"s{self.number:05}"
        self.saved = f"{LIVE}.{name}"
        after = state._replace(kept=tuple(sorted(
            state.kept + ((self.saved, content_of(live)),))))
        return Step(["refsnap", "create", "--reflink=auto", RESERVE, live,
                     name], [after], sweeps=True)

    def restore(self, state, chance):
        name, content = chance.choice(state.kept)
        self.saved = name
        return Step(["refsnap", "restore", kept_path(state.directory, name)],
                    [state._replace(live=content.digest)], sweeps=True)

    def unshare(self, state):
        self.saved = None
        return Step(["refsnap", "unshare",
                     os.path.join(state.directory, LIVE)], [state])

    def hold(self, state, chance):
        name, _ = chance.choice(state.kept)
        hold = (name, chance.choice(["a", "b"]))
        verb = "release" if hold in state.holds else "hold"
        return Step(["refsnap", verb, kept_path(state.directory, name),
                     hold[1]], [state._replace(holds=state.holds ^ {hold})])

    def delete(self, state, names):
        states = []
        kept = state.kept
        for name in names:
            kept = tuple(item for item in kept if item[0] != name)
            states.append(state._replace(kept=kept))
        return Step(["refsnap", "delete", *(kept_path(state.directory, name)
                                            for name in names)], states)

    def send(self, state, chance):
        """A stream into a file; the one before makes way."""
        streams = os.path.join(self.root, "streams")
        if not os.path.isdir(streams):
            os.mkdir(streams)
            sync_directory(self.root)
        for name in os.listdir(streams):
            os.unlink(os.path.join(streams, name))
        self.number += 1
        output = os.path.join(streams, str(self.number))
        names = [name for name, _ in state.kept]
        at = chance.randrange(len(names))
        base = ["-i", kept_path(state.directory, names[at - 1])]
        return Step(["refsend", "-o", output, *(base if at else []),
                     kept_path(state.directory, names[at])], [state],
                    output=output)

    def next(self, state, chance):
        held = {name for name, _ in state.holds}
        free = [name for name, _ in state.kept if name not in held]
        if len(state.kept) > 6 and free:
            return state, self.delete(state, free[:2])
        if not state.kept or chance.random() < 0.35:
            return self.settle(state, chance)
        verb = chance.choice(["restore", "restore", "unshare", "hold",
                              "hold", "send"])
        if verb == "restore" and self.saved not in dict(state.kept):
            verb = "unshare"
        return state, {"restore": lambda: self.restore(state, chance),
                       "unshare": lambda: self.unshare(state),
                       "hold": lambda: self.hold(state, chance),
                       "send": lambda: self.send(state, chance)}[verb]()

    def settle(self, state, chance):
        state = self.write(state, chance)
        return state, self.create(state)
