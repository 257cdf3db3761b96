# SPDX-License-Identifier: BSD-2-Clause
"""goldentool.py - what the golden streams need to be received.

Usage: goldentool.py base SOURCE OUTPUT   a stream that brings the base which
                                          the stream of SOURCE needs; exit
                                          code 1 if it needs none
       goldentool.py results SOURCE       its snapshots: number and file name
       goldentool.py first SOURCE OUTPUT  of a stream that goes on, what came
                                          before: a stream that breaks off
                                          where it goes on, or a little later;
                                          exit code 1 if it does not go on
"""
import importlib.machinery
import importlib.util
import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))


def load_mkstream():
    path = os.path.join(HERE, "..", "streams", "mkstream")
    loader = importlib.machinery.SourceFileLoader("mkstream", path)
    spec = importlib.util.spec_from_loader("mkstream", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def begins(source):
    return [frame for frame in source.frames if frame.kind == "BEGIN"]


def base(mkstream, path, output):
    """A whole snapshot of the base's id and contents."""
    source = mkstream.Source(path)
    begin = begins(source)[0]
    if begin.get("base", "nil") == "nil":
        sys.exit(1)
    content = mkstream.Maker(source).base.hex()
    lines = ["header stream 99999999-9999-4999-8999-999999999999",
             "frame BEGIN", f"result-content hex {content}",
             f"snapshot {begin.get('base')}",
             f"lineage {begin.get('lineage', 'nil')}",
             f"origin {begin.get('origin')}",
             'name "base"', "result-digest unknown", "cut 1", "frame META", "frame DATA", f"raw hex {content}",
             f"piece 0 {len(content) // 2}", "frame END"]
    text = output + ".txt"
    with open(text, "w", encoding="ascii") as out:
        out.write("\n".join(lines) + "\n")
    with open(output, "wb") as out:
        out.write(mkstream.Maker(mkstream.Source(text)).make())


def first(mkstream, path, output):
    """BEGIN and META of the same snapshot, and its bytes up to RESUME."""
    source = mkstream.Source(path)
    begin = begins(source)[0]
    resume = [frame for frame in source.frames if frame.kind == "RESUME"]
    if not resume:
        sys.exit(1)
    maker = mkstream.Maker(source)
    maker.make()
    offset = int(resume[0].get("offset"), 0)
    content = maker.results[0][:offset].hex()
    lines = [f"header stream {resume[0].get('stream')}",
             *(f"base-content {line}" for line in source.base),
             "frame BEGIN"]
    lines += [f"{name} {value}" for name, values in begin.fields.items()
              for value in values]
    lines += ["frame META", f"mtime {begin.get('mtime', '0 0')}",
              "frame DATA", f"raw hex {content}", f"piece 0 {offset}",
              "frame CHECKPOINT", f"offset {offset}",
              "frame HOLE", f"range {offset} 1", "trailing hex 52"]
    if offset == maker_size(maker, begin):
        del lines[-3:-1]
    text = output + ".txt"
    with open(text, "w", encoding="ascii") as out:
        out.write("\n".join(lines) + "\n")
    with open(output, "wb") as out:
        out.write(mkstream.Maker(mkstream.Source(text)).make())


def maker_size(maker, begin):
    size = begin.get("size", "auto")
    return len(maker.results[0]) if size == "auto" else int(size, 0)


def results(mkstream, path):
    source = mkstream.Source(path)
    for number, begin in enumerate(begins(source)):
        name = mkstream.text(begin.get("name"))
        origin = mkstream.text(begin.get("origin", '""'))
        if origin:
            name = b".snapshot/" + origin + b"." + name
        known = "result-content" in begin.fields
        sys.stdout.buffer.write(b"%d %s %s\0" % (
            number, b"known" if known else b"unknown", name))


def main():
    mkstream = load_mkstream()
    commands = {"base": base, "first": first, "results": results}
    commands[sys.argv[1]](mkstream, *sys.argv[2:])


if __name__ == "__main__":
    main()
