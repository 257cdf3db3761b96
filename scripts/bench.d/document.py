# SPDX-License-Identifier: BSD-2-Clause
"""Write docs/BENCHMARKS.md and its plots from what scripts/bench measured."""

import os

import plot
import results as r

HEAD = """# Benchmarks

Written by `scripts/bench --write`: what refsend costs beside what else carries
changes, and beside the least that any tool would have to do. Commands that are
compared ran in turn on the same machine. Given are medians, and in brackets
the least and the most; ratios are those of the medians. Unless it says
otherwise all caches were dropped before each run, and each receive went to a
file system fresh from a template. "synced" means that `sync -f` of the
receiving file system is part of the time. CPU seconds are those of the sending
side.

    scripts/bench             # all of this, on your machine
    scripts/bench --quick     # the same in small, in three minutes
    scripts/bench FILE BASE   # your own file and its older snapshot
"""

ABOUT = {
    "image": "The disk image and its change",
    "send-xfs": "Disk image, incremental send to /dev/null, XFS",
    "send-btrfs": "Disk image, incremental send to /dev/null, btrfs",
    "ssh-xfs": "Disk image, change carried over loopback ssh, XFS to XFS, "
               "synced",
    "ssh-btrfs": "Disk image, change carried over loopback ssh, btrfs to "
                 "btrfs, synced",
    "wire-image": "Disk image, bytes on the wire",
    "wire-sqlite": "sqlite database, bytes on the wire",
    "wire-postgres": "PostgreSQL in a disk image, bytes on the wire",
    "wire-postgres-apart": "The same, write-ahead log on another disk",
    "full-dense": "Whole file without holes to /dev/null",
    "full-image": "Whole disk image to /dev/null",
    "patches": "Receive of random patches of 4 KiB",
    "plan-10000": "Plan of a pair with 10,000 extents",
    "plan-100000": "Plan of a pair with 100,000 extents",
    "plan-1000000": "Plan of a pair with 1,000,000 extents",
    "sizes": "The same change in files of 8, 64, 256 and 1024 GiB",
    "sync-full": "refsync of a whole file of 2 GiB over loopback ssh, synced",
    "random-large": "1 % of a file overwritten in random blocks",
    "random-small": "The same in a smaller file",
}

WORKLOADS = """## Workloads

- Disk image: an ext4 image file with files of the machine itself, loop
  mounted, that was upgraded once before. Of 800 packages of four files most
  files are replaced by new versions, some removed, some added; a list is
  written anew, a log grows. On btrfs the same bytes are written in the same
  ranges, on one file system for refsend and on another for `btrfs send`.
- "reference" of a send reads exactly the ranges that differ and compresses
  them (`scripts/bench.d/ranges.c`); of a receive it clones, sets the CoW
  extent size, writes the same bytes and syncs once; of a plan it makes the
  calls of the kernel for three passes over the maps (`mapcalls.c`).
- "one window": all new bytes of the ranges that changed, compressed by zstd
  with the old bytes of all that was written anew as dictionary and no limit of
  window: what could be had, at that level, from the old contents wherever they
  lie. It is no bar: nobody can write such a stream in bounded memory. Old
  versions that lie where nothing was written are beyond it; "elsewhere bytes"
  are the changed blocks that the base has somewhere, as they are.
- sqlite: a database with an index, 12,000 rows updated, inserted and deleted.
  PostgreSQL: a data directory in an ext4 image, pgbench of scale 50, two
  clients, 10,000 transactions, a checkpoint before each snapshot. Its
  write-ahead log, with an image of each page that was touched, lies in the
  image; a second time on another disk, as on many servers. "plain" is the same
  stream with each record compressed by itself at the same level (`plain.py`).
- refsync: an archive of files of the machine, brought whole to a directory that
  has nothing; sshd tells refrecv where it is.
- Random blocks: a file written in full, half of it random and half
  compressible 2:1, and 1 % of its blocks of 4 KiB overwritten.
- Sizes: sparse files with 512 MiB of data, evenly spread, and 1,600 changes
  of 40 KiB. Extents: every other block of the file was written after the
  snapshot.
"""


def bars_table(results):
    yield "| what | | beside | ratio | wanted | |"
    yield "|------|--:|--:|--:|--:|--|"
    for bar, over, under, ratio in r.judge(results):
        if over is None:
            yield f"| {bar.text} | | | | {bar.wanted()} | {ratio} |"
            continue
        second = r.spread(under, bar.what) if under else ""
        shown = f"{ratio:.2f}" if under else ""
        verdict = "met" if bar.is_met(ratio) else "**missed**"
        yield (f"| {bar.text} | {r.spread(over, bar.what)} | {second} | "
               f"{shown} | {bar.wanted()} | {verdict} |")


def machine_table(results):
    machine = results["machine"]
    for name in ("processor", "memory", "kernel", "system",
                 "file system below", "refsend", "rounds", "date",
                 "load before", "others", "caches"):
        if machine.get(name):
            yield f"- {name}: {machine[name]}"
    if len(r.dates(results)) > 1:
        yield f"- measured in several runs: {', '.join(r.dates(results))}"
    if machine.get("quick") == "yes":
        yield "- small workloads (`--quick`): ratios are rough"


def facts(measure):
    """What was noted of the workload itself."""
    for label, values in measure["values"].items():
        for name, numbers in values.items():
            if label not in measure["commands"] and name != "bytes":
                yield f"{label} {name.replace('_', ' ')} {numbers[-1]:,.0f}"


COLUMNS = [
    ("seconds", lambda m, label: r.figure(m, label, "seconds"),
     lambda fig: r.spread(fig, "seconds")),
    ("CPU seconds", lambda m, label: r.cpu(m, label),
     lambda fig: f"{fig.median:.2f}"),
    ("peak MiB", lambda m, label: r.figure(m, label, "MiB"),
     lambda fig: f"{fig.median:.0f}"),
    ("bytes", lambda m, label: r.figure(m, label, "bytes"),
     lambda fig: f"{fig.median:,.0f}"),
]


def figures_table(measure, labels):
    """Columns without any figure are left out."""
    columns = [column for column in COLUMNS
               if any(column[1](measure, label) for label in labels)]
    yield "| | " + " | ".join(name for name, _, _ in columns) + " |"
    yield "|--|" + "--:|" * len(columns)
    for label in labels:
        figures = [(take(measure, label), show) for _, take, show in columns]
        yield f"| {label} | " + " | ".join(
            show(fig) if fig else "" for fig, show in figures) + " |"


def measure_lines(key, measure):
    yield f"### {ABOUT.get(key, key)}"
    yield ""
    if measure["skipped"]:
        yield f"Left out: {measure['skipped']}."
        yield ""
    noted = "; ".join(facts(measure))
    if noted:
        yield noted + "."
        yield ""
    labels = list(measure["commands"])
    labels += [x for x in measure["values"] if x not in labels and
               "bytes" in measure["values"][x]]
    if not labels:
        return
    yield from figures_table(measure, labels)
    yield ""
    for label, command in measure["commands"].items():
        yield f"    {label}: {command}"
    yield ""


def group(results, key, heading, what):
    measure = results["measures"].get(key)
    if measure is None:
        return None
    labels = list(measure["commands"]) + [
        x for x in measure["values"] if x not in measure["commands"]]
    rows = [(x, r.figure(measure, x, what)) for x in labels]
    rows = [(x, fig.median) for x, fig in rows if fig is not None]
    return (heading, rows) if len(rows) > 1 else None


def plot_groups(directory, results, name, title, what, groups):
    found = [group(results, key, heading, what) for key, heading in groups]
    unit = 1e6 if what == "bytes" else 1
    found = [(heading, [(label, number / unit) for label, number in rows])
             for heading, rows in filter(None, found)]
    if found:
        plot.bars(os.path.join(directory, name), title, found)
        yield f"![{title}]({name})"


def plot_lines(directory, results):
    measures = results["measures"]
    sizes = {label: r.figure(measures["sizes"], label, "seconds")
             for label in measures.get("sizes", r.empty_measure())["runs"]}
    if len(sizes) > 1:
        name = "bench-sizes.svg"
        title = "The same change in larger and larger files"
        plot.lines(os.path.join(directory, name), title, "size, GiB",
                   "seconds", {"refsend -i": [
                       (float(x), fig.median) for x, fig in sizes.items()]})
        yield f"![{title}]({name})"
    plans = {key: m for key, m in measures.items()
             if key.startswith("plan-") and m["runs"]}
    if len(plans) > 1:
        name, title = "bench-extents.svg", "Plan of a pair with many extents"
        plot.lines(os.path.join(directory, name), title, "extents", "seconds",
                   {label: [(float(key[5:]), r.figure(
                       m, label, "seconds").median)
                            for key, m in plans.items()]
                    for label in ("refdiff", "reference")})
        yield f"![{title}]({name})"


def plots(directory, results):
    yield from plot_groups(
        directory, results, "bench-seconds.svg", "Seconds (logarithmic)",
        "seconds", [
            ("send-xfs", "send, XFS"), ("send-btrfs", "send, btrfs"),
            ("ssh-xfs", "over ssh, XFS"), ("ssh-btrfs", "over ssh, btrfs"),
            ("full-image", "whole disk image"), ("patches", "receive"),
            ("random-large", "random blocks"),
            ("random-small", "random blocks, smaller")])
    yield from plot_groups(
        directory, results, "bench-bytes.svg", "MB on the wire (logarithmic)",
        "bytes", [
            ("wire-image", "disk image"), ("wire-sqlite", "sqlite"),
            ("wire-postgres", "PostgreSQL"),
            ("wire-postgres-apart", "PostgreSQL, log elsewhere"),
            ("random-large", "random blocks"),
            ("random-small", "random blocks, smaller")])
    yield from plot_lines(directory, results)


def write(directory, results):
    lines = [HEAD, "## Bars", "", *bars_table(results), "",
             "## Machine", "", *machine_table(results), "", WORKLOADS,
             "## Plots", ""]
    for line in plots(directory, results):
        lines += [line, ""]
    lines += ["## Figures", ""]
    for key in ABOUT:
        if key in results["measures"]:
            lines += measure_lines(key, results["measures"][key])
    path = os.path.join(directory, "BENCHMARKS.md")
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(lines).rstrip("\n") + "\n")
