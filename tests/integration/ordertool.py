# SPDX-License-Identifier: BSD-2-Clause
"""ordertool.py - does a traced run sync what it names, and in that order?

Usage: ordertool.py TRACE DIR [--named PATTERN]... [--synced PATTERN]...

TRACE is the output of strace -y; what lies below DIR counts:

- A file that is renamed or linked was synced before, with nothing changed in
  between: contents, size, mode, owner, times, attributes.
- Each file that the run made or changed, and did not remove, is synced at the
  end.
- Each directory in which it made, removed or renamed something is synced
  afterwards.  Only names of partials and stamps may be lost (a partial is
  removed by the next run, and without its stamp a file is not replaced), and
  an empty directory may come back.
- A directory that was synced was opened once more, which tells whether the
  file system had shut down.
- When the state of a partial is written, all of it is synced, and its name; and
  that is synced before anything else is changed (in a run with one thread).

--named: a name that the run must give; --synced: a file or directory that it
must sync.
"""
import argparse
import fnmatch
import os
import re
import sys

CALL = re.compile(r'^(\w+)\((.*)\) += (-?\d+)(?:<([^>]*)>)?')
RESUMED = re.compile(r'^<\.\.\. \w+ resumed>(.*)')
FD = re.compile(r'^\w+<([^>]*)>')
# Directory and name, as the calls of the *at family have them.
PLACE = re.compile(r'\w+<([^>]*)>, "((?:[^"\\]|\\.)*)"')
CHANGES = {"write", "pwrite64", "ftruncate", "fallocate", "fchmod", "fchown",
           "fsetxattr", "fremovexattr", "utimensat", "copy_file_range"}
CHANGING_IOCTLS = ("FICLONE", "BTRFS_IOC_CLONE", "FS_IOC_FSSETXATTR",
                   "FS_IOC_SETFLAGS")
MAY_BE_LOST = ("partial.*", "live.*")
STATE = '"user.refsend.partial"'


def whole(line, begun):
    """A call of one of several threads: without its number; what is begun in
    one line and resumed in another is one call, made when it returned."""
    thread, _, call = line.partition(" ")
    if not thread.isdigit():
        return line
    call = call.strip()
    if call.endswith("<unfinished ...>"):
        begun[thread] = call[:-len("<unfinished ...>")].rstrip()
        return ""
    resumed = RESUMED.match(call)
    return begun.pop(thread, "") + resumed[1] if resumed else call


def may_be_lost(path):
    return any(fnmatch.fnmatch(path, "*/.refsend/" + pattern)
               for pattern in MAY_BE_LOST)


class Run:
    def __init__(self, root):
        self.root = root
        self.files = {}         # path: the last change since it was synced
        self.directories = {}   # likewise
        self.unseen = set()     # directories synced and not opened since
        self.unnamed = set()    # partials whose name is not synced
        self.stated = set()     # partials whose state is not synced
        self.named = set()
        self.synced = set()
        self.wrong = []

    def below(self, path):
        return path is not None and (path + "/").startswith(self.root + "/")

    def entry(self, path, what):
        """A name came to its directory, or went."""
        if self.below(os.path.dirname(path)):
            self.directories[os.path.dirname(path)] = what + " " + path

    def open(self, arguments, path):
        place = PLACE.match(arguments)
        if place and place.group(2) == ".":
            self.unseen.discard(path)
        if "O_CREAT" in arguments and self.below(path):
            self.files.setdefault(path, "made")
            if "partial." in path:
                self.unnamed.add(path)
            if not may_be_lost(path):
                self.entry(path, "made")

    def sync(self, path):
        self.synced.add(path)
        self.stated.discard(path)
        self.unnamed = {name for name in self.unnamed
                        if os.path.dirname(name) != path}
        self.files.pop(path, None)
        self.directories.pop(path, None)
        if os.path.isdir(path):
            self.unseen.add(path)

    def change(self, call, arguments, path):
        """A file is changed, or the state of a partial is written."""
        if path in self.stated:
            self.wrong.append("%s is changed (%s) before its state is synced"
                              % (path, call))
        if call == "fsetxattr" and STATE in arguments:
            if path in self.files or path in self.unnamed:
                self.wrong.append("the state of %s is written before it is "
                                  "synced" % path)
            self.stated.add(path)
        self.files[path] = call

    def remove(self, path):
        self.files.pop(path, None)
        if not may_be_lost(path):
            self.entry(path, "removed")

    def rename(self, call, source, target, exchange):
        if source in self.files:
            self.wrong.append("%s is named %s before it is synced (%s)" % (
                source, target, self.files[source]))
        left = self.files.pop(target, None)
        if source in self.files and not exchange:
            self.files[target] = self.files.pop(source)
        elif exchange and left:
            self.files[source] = left
        self.named.add(target)
        if not may_be_lost(target):
            self.entry(source, call)
            self.entry(target, call)

    def take(self, call, arguments, result):
        """One call that succeeded."""
        on_fd = FD.match(arguments)
        path = on_fd.group(1) if on_fd else None
        places = [os.path.normpath(os.path.join(*place))
                  for place in PLACE.findall(arguments)]
        if call in ("openat", "openat2"):
            self.open(arguments, result)
        elif call in ("fsync", "fdatasync"):
            self.sync(path)
        elif call == "mkdirat" and self.below(places[0]):
            self.entry(places[0], "made")
        elif call == "unlinkat" and self.below(places[0]):
            if "AT_REMOVEDIR" not in arguments:
                self.remove(places[0])
        elif call in ("renameat", "renameat2", "linkat"):
            self.rename(call, *places, "RENAME_EXCHANGE" in arguments)
        elif self.below(path) and (call in CHANGES or call == "ioctl" and any(
                name in arguments for name in CHANGING_IOCTLS)):
            self.change(call, arguments, path)

    def judge(self, named, synced):
        for changes in self.files, self.directories:
            for path, what in changes.items():
                self.wrong.append("%s is not synced (%s)" % (path, what))
        for path in self.unseen:
            self.wrong.append("%s is not opened after it is synced" % path)
        for patterns, names, verb in ((named, self.named, "named"),
                                      (synced, self.synced, "synced")):
            for pattern in patterns:
                if not fnmatch.filter(names, pattern):
                    self.wrong.append("%s is never %s" % (pattern, verb))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("trace")
    parser.add_argument("directory")
    parser.add_argument("--named", action="append", default=[])
    parser.add_argument("--synced", action="append", default=[])
    options = parser.parse_args()
    run = Run(os.path.realpath(options.directory))
    begun = {}
    with open(options.trace, encoding="utf-8", errors="replace") as trace:
        for line in trace:
            call = CALL.match(whole(line, begun))
            if call and int(call.group(3)) >= 0:
                run.take(call.group(1), call.group(2), call.group(4))
    run.judge(options.named, options.synced)
    for line in run.wrong:
        print(line)
    return 1 if run.wrong else 0


sys.exit(main())
