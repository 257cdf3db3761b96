# SPDX-License-Identifier: BSD-2-Clause
"""faultcases.py - the commands that faulttool.py lets fail, each with a
directory to work on, and how that is set back."""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                ".."))

import stream_edit

SNAPSHOTS = ".snapshot"
SIZE = 393216
# Not that of the tests: it has to be given to each copy.
OWNER = 65534
PATCHES = ((4096, 20000), (200000, 30000))


def run(*argv, stdin=None):
    """A command that has to succeed."""
    with open(stdin or os.devnull, "rb") as source:
        done = subprocess.run(argv, stdin=source, capture_output=True)
    assert done.returncode == 0, (argv, done)
    return done.stdout


def remove(*paths):
    for path in paths:
        if os.path.lexists(path):
            os.unlink(path)


def change(path, seed):
    """Some data, some zeros, a hole."""
    with open(path, "r+b") as out:
        for offset, length in PATCHES:
            out.seek(offset + 4096 * seed)
            out.write(os.urandom(length))
        out.seek(300000)
        out.write(bytes(16384))
    run("fallocate", "-p", "-o", str(65536 * seed), "-l", "32768", path)


class Source:
    """DIR/file and its snapshots one, two and three, each changed a little:
    data, a hole, zeros; and streams of them."""

    def __init__(self, directory, streams):
        self.reflink = []
        self.file = os.path.join(directory, "file")
        self.streams = streams
        os.makedirs(directory)
        with open(self.file, "wb") as out:
            out.write(os.urandom(SIZE // 2).ljust(SIZE, b"-"))
        os.chown(self.file, OWNER, OWNER)
        os.setxattr(self.file, "user.color", b"green")
        if not self.reflinks():
            self.reflink = ["--reflink=auto"]
        self.take("one")
        change(self.file, 1)
        self.take("two")
        change(self.file, 2)
        self.take("three")

    def reflinks(self):
        copy = self.file + ".copy"
        done = subprocess.run(["cp", "--reflink=always", self.file, copy],
                              capture_output=True)
        remove(copy)
        return done.returncode == 0

    def snapshot(self, name):
        return os.path.join(os.path.dirname(self.file), SNAPSHOTS,
                            "file." + name)

    def take(self, name):
        run("refsnap", "create", *self.reflink, self.file, name)

    def stream(self, *argv):
        """The stream of these arguments, made once."""
        names = [self.snapshot(word) if word in ("one", "two", "three")
                 else word for word in argv]
        path = os.path.join(self.streams, "stream." + ".".join(argv))
        if not os.path.exists(path):
            run("refsend", "-o", path, *names)
        return path


class Case:
    """A command under test.

    directory   all that it may change
    places      directories with snapshots, below that
    order       what it changes, each old or new; in that order if ordered
    codes       its exit codes without a fault
    trouble     its exit code for what fails, if that is not 1, or 7 where
                there is no space
    twice       it may be repeated when it is done
    refusals    kinds of calls whose failure may also be a refusal (5): what
                cannot be read is not known to be saved
    breaks      kinds of calls that read the stream: it breaks off (6)
    forgets     codes of the next run if what it goes on with is not there
    senses      kinds of calls that tell what the live file is: if all fail once
                it was exchanged, which moves its ctime on btrfs, it cannot be
                known again when that is undone, and the next run may refuse
    """
    places = ("",)
    order, ordered = ("file",), True
    codes = (0,)
    trouble = None
    twice = True
    refusals = ()
    breaks = ()
    forgets = ()
    senses = ()
    stdin = None

    def __init__(self, source, directory):
        self.source = source
        self.directory = directory
        os.makedirs(directory)
        self.prepare()

    def at(self, *names):
        return os.path.join(self.directory, *names)

    def kept(self, name):
        return self.at(SNAPSHOTS, "file." + name)

    def copy(self):
        shutil.copyfile(self.source.snapshot("one"), self.at("file"))
        os.chmod(self.at("file"), 0o640)
        os.chown(self.at("file"), OWNER, OWNER)

    def live(self):
        """A live file of its own, with a snapshot."""
        self.copy()
        self.create("one")

    def keep(self, *names):
        """Remove what restore --force has saved."""
        for name in os.listdir(self.at(SNAPSHOTS)):
            if name not in (".refsend", *names):
                os.unlink(self.at(SNAPSHOTS, name))

    def create(self, name):
        run("refsnap", "create", *self.source.reflink, self.at("file"), name)

    def right(self):
        """Is the outcome right beyond the listing of the directory?"""
        return True

    def prepare(self):
        self.live()

    def undo(self):
        pass


class Create(Case):
    order = (".snapshot/file.two",)
    twice = False

    def argv(self):
        return ["refsnap", "create", *self.source.reflink, self.at("file"),
                "two"]

    def undo(self):
        remove(self.kept("two"))


class CreateFirst(Create):
    """Also makes .snapshot."""

    def prepare(self):
        self.copy()

    def undo(self):
        shutil.rmtree(self.at(SNAPSHOTS), ignore_errors=True)


class CreateCopy(Create):
    def argv(self):
        return ["refsnap", "create", "--reflink=never", self.at("file"),
                "two"]


class CreateTo(Create):
    """Into another directory."""
    places = ("", "other")
    order = ("other/copy",)

    def prepare(self):
        self.live()
        os.mkdir(self.at("other"))

    def argv(self):
        return ["refsnap", "create", *self.source.reflink, "-o",
                self.at("other", "copy"), self.at("file")]

    def undo(self):
        remove(self.at("other", "copy"))


class Restore(Case):
    refusals = ("read", "open")
    senses = ("ioctl", "stat", "fcntl")

    def prepare(self):
        self.live()
        with open(self.at("file"), "r+b") as out:
            out.write(b"changed")
        self.create("two")

    def argv(self):
        return ["refsnap", "restore", self.kept("one")]

    def undo(self):
        run("refsnap", "restore", "--force", self.kept("two"))
        self.keep("file.one", "file.two")
        # --force may have saved the old file, and it is that one again.
        run("refsnap", "restore", "--force", self.kept("two"))


class Clone(Case):
    order = ("new",)
    twice = False

    def argv(self):
        return ["refsnap", "clone", self.kept("one"), self.at("new")]

    def undo(self):
        remove(self.at("new"))


class Delete(Case):
    order = (".snapshot/file.two",)
    twice = False

    def prepare(self):
        self.live()
        self.create("two")

    def argv(self):
        return ["refsnap", "delete", self.kept("two")]

    def undo(self):
        remove(self.kept("two"))
        self.create("two")


class DeleteHeld(Delete):
    codes = (1,)

    def prepare(self):
        super().prepare()
        run("refsnap", "hold", self.kept("two"), "tag")

    def undo(self):
        assert os.path.exists(self.kept("two")), "a held snapshot is gone"


class Unshare(Case):
    def argv(self):
        return ["refsnap", "unshare", self.at("file")]

    def right(self):
        tool = os.path.join(os.path.dirname(__file__), "filetool.py")
        return b"shared" not in run("/usr/bin/python3", "-B", tool, "map",
                                    self.at("file"), "sync")

    def undo(self):
        run("refsnap", "restore", "--force", self.kept("one"))
        self.keep("file.one")


class Hold(Case):
    order = (".snapshot/file.one",)

    def argv(self):
        return ["refsnap", "hold", self.kept("one"), "tag"]

    def undo(self):
        subprocess.run(["refsnap", "release", self.kept("one"), "tag"],
                       capture_output=True)


class Release(Case):
    order = (".snapshot/file.one",)
    twice = False

    def argv(self):
        return ["refsnap", "release", self.kept("one"), "tag"]

    def undo(self):
        run("refsnap", "hold", self.kept("one"), "tag")

    def prepare(self):
        self.live()
        self.undo()


class Diff(Case):
    codes = (1,)
    trouble = 2

    def prepare(self):
        super().prepare()
        change(self.at("file"), 1)
        self.create("two")

    def argv(self):
        return ["refdiff", self.kept("one"), self.kept("two")]


class Send(Diff):
    """Into a file; what it holds is looked at by receiving it."""
    codes = (0,)
    trouble = None
    order = ("stream",)
    twice = False
    base = ["-i"]

    def argv(self):
        base = [*self.base, self.kept("one")] if self.base else []
        return ["refsend", *base, "-o", self.at("stream"), self.kept("two")]

    def right(self):
        replica = self.at("replica")
        os.mkdir(replica)
        if self.base:
            run("refsend", "-o", self.at("first"), self.kept("one"))
            run("refrecv", replica, stdin=self.at("first"))
        run("refrecv", replica, stdin=self.at("stream"))
        same = run("cmp", self.kept("two"),
                   os.path.join(replica, SNAPSHOTS, "file.two")) == b""
        shutil.rmtree(replica)
        remove(self.at("first"))
        return same

    def undo(self):
        remove(self.at("stream"))


class SendWhole(Send):
    base = []


class Receive(Case):
    """One onto nothing; with others below, onto what came before."""
    order = (".snapshot/file.one",)
    first = None
    then = ("one",)
    options = ()

    def prepare(self):
        self.stdin = self.source.stream(*self.then)
        self.undo()

    def argv(self):
        return ["refrecv", *self.options, self.directory]

    def undo(self):
        for name in ("one", "two", "three"):
            if name != self.first:
                remove(self.kept(name))
        if "--live" in self.options:
            remove(self.at("file"))
        if self.first:
            run(*self.argv(), stdin=self.source.stream(self.first))


class ReceiveChange(Receive):
    order = (".snapshot/file.two",)
    first = "one"
    then = ("-i", "one", "two")


class ReceiveCopy(ReceiveChange):
    options = ("--reflink=never",)


class ReceiveLive(Receive):
    """A chain, and the live file at its end."""
    order = (".snapshot/file.two", ".snapshot/file.three", "file")
    first = "one"
    then = ("-I", "one", "three")
    options = ("--live",)
    refusals = ("read", "open")
    senses = ("ioctl", "stat", "fcntl")


class ReceiveThere(ReceiveChange):
    """It has it already."""
    order = ()
    first = "one"
    then = ("one",)


class ReceiveResumable(ReceiveChange):
    """A stream with a CHECKPOINT behind all of its ranges."""
    options = ("--resumable",)
    breaks = ("read",)

    def prepare(self):
        super().prepare()
        whole = self.source.stream(*self.then)
        self.stdin = whole + ".checkpoint"
        with open(whole, "rb") as stream, open(self.stdin, "wb") as out:
            out.write(stream_edit.edit(stream.read(), {"extra": "yes"}))


class ReceiveGoOn(ReceiveResumable):
    """What goes on with that stream, which broke off in front of its END."""
    forgets = (4,)

    def prepare(self):
        super().prepare()
        with open(self.stdin, "rb") as stream:
            data = stream.read()
        self.broken = self.stdin + ".broken"
        with open(self.broken, "wb") as out:
            out.write(data[:stream_edit.boundaries(data)[-2]])
        self.undo()
        self.stdin = self.broken + ".on"
        token = run("refrecv", "--token", self.directory).split()[0]
        run("refsend", "-o", self.stdin, "--resume", token.decode(), "-i",
            self.source.snapshot("one"), self.source.snapshot("two"))

    def undo(self):
        super().undo()
        if hasattr(self, "broken"):
            # An earlier one may have gone on in part.
            with open(self.broken, "rb") as broken:
                done = subprocess.run(self.argv(), stdin=broken,
                                      capture_output=True)
            assert done.returncode == 6, done


CASES = {
    "create": Create, "create-first": CreateFirst, "create-copy": CreateCopy,
    "create-to": CreateTo, "restore": Restore, "clone": Clone,
    "delete": Delete, "delete-held": DeleteHeld, "unshare": Unshare,
    "hold": Hold, "release": Release, "diff": Diff, "send": Send,
    "send-whole": SendWhole, "receive": Receive,
    "receive-change": ReceiveChange, "receive-copy": ReceiveCopy,
    "receive-live": ReceiveLive, "receive-there": ReceiveThere,
    "receive-resumable": ReceiveResumable, "receive-go-on": ReceiveGoOn,
}
