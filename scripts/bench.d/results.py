# SPDX-License-Identifier: BSD-2-Clause
"""What scripts/bench measured, and whether each bar is met."""

import json
import statistics

RUN_FIELDS = ("seconds", "user", "system", "peak_kib")


class Bar:
    """The ratio of one thing to another, and what it must be."""

    def __init__(self, key, text, over, under, limit, what="seconds",
                 at_least=False):
        self.key, self.text = key, text
        self.over, self.under = over, under
        self.limit, self.what = limit, what
        self.at_least = at_least

    def wanted(self):
        if self.under is None:
            return f"below {self.limit:g} {self.what}"
        sign = "at least" if self.at_least else "at most"
        return f"{sign} {self.limit:g} x"

    def is_met(self, ratio):
        return ratio >= self.limit if self.at_least else ratio <= self.limit


BARS = [
    Bar("send-xfs", "disk image, `refsend -i` to /dev/null, against reading "
        "those ranges and zstd -1", "refsend", "reference", 1.15),
    Bar("send-btrfs", "the same on btrfs, against btrfs send and zstd -1",
        "refsend", "btrfs", 1.0),
    Bar("ssh-xfs", "disk image over ssh, synced: rsync --inplace against "
        "refsend", "rsync", "refsend", 8, at_least=True),
    Bar("ssh-btrfs", "the same on btrfs: refsend against btrfs send and "
        "receive", "refsend", "btrfs", 1.0),
    Bar("wire-image", "disk image, bytes on the wire, against btrfs send "
        "and zstd -1", "refsend", "btrfs", 0.70, "bytes"),
    Bar("wire-sqlite", "sqlite, bytes on the wire, against plain zstd of "
        "the same records", "refsend", "plain", 0.10, "bytes"),
    Bar("wire-postgres", "PostgreSQL, bytes on the wire, likewise",
        "refsend", "plain", 0.45, "bytes"),
    Bar("wire-postgres-apart", "PostgreSQL with its write-ahead log on "
        "another disk, likewise", "refsend", "plain", 0.45, "bytes"),
    Bar("full-dense", "whole file without holes: rate against zstd -1 -T2",
        "zstd", "refsend", 0.95, at_least=True),
    Bar("full-image", "whole disk image: rate against zstd -1 -T2", "zstd",
        "refsend", 1.5, at_least=True),
    Bar("patches", "100,000 random patches of 4 KiB: refrecv against clone, "
        "write, one fsync", "refrecv", "reference", 1.3),
    Bar("patches", "the same: space used against bytes of patches",
        "refrecv", "patches", 1.1, "space"),
    Bar("plan-1000000", "plan of a pair with 1,000,000 extents, against the "
        "calls of the kernel alone", "refdiff", "reference", 1.2),
    Bar("plan-1000000", "the same: peak memory", "refdiff", None, 64, "MiB"),
    Bar("sync-full", "refsync of a whole file over ssh, synced, against cat | "
        "zstd -1 | ssh 'zstd -d; sync'", "refsync", "pipe", 1.0),
    Bar("sizes", "the same change in a file of 1 TiB against one of 8 GiB",
        "1024", "8", 1.2),
]


def empty_measure():
    return {"cache": "", "commands": {}, "runs": {}, "values": {},
            "skipped": ""}


def read_raw(path):
    """The lines that tell() wrote; see measure.sh."""
    results = {"machine": {}, "took": {}, "measures": {}}
    measures = results["measures"]
    with open(path, encoding="utf-8", errors="replace") as f:
        lines = [line.rstrip("\n").split("\t") for line in f]
    for kind, *fields in lines:
        if kind in ("machine", "took"):
            results[kind][fields[0]] = fields[1]
            continue
        key, *rest = fields
        measure = measures.setdefault(key, empty_measure())
        if kind == "command":
            measure["commands"][rest[0]] = rest[1]
        elif kind == "cache":
            measure["cache"] = rest[0]
        elif kind == "run":
            numbers = dict(zip(RUN_FIELDS, map(float, rest[2:])))
            measure["runs"].setdefault(rest[0], []).append(numbers)
        elif kind == "value":
            measure["values"].setdefault(rest[0], {}).setdefault(
                rest[1], []).append(float(rest[2]))
        elif kind == "skip":
            measure["skipped"] = rest[0]
    for measure in measures.values():
        measure["date"] = results["machine"]["date"]
    return results


def merge(path, results):
    """Results of other measures that the file has stay."""
    try:
        with open(path, encoding="utf-8") as f:
            earlier = json.load(f)
    except FileNotFoundError:
        return results
    earlier["machine"].update(results["machine"])
    earlier["took"].update(results["took"])
    earlier["measures"].update(results["measures"])
    return earlier


def dates(results):
    """When the measures were made: one date for each run."""
    return sorted({measure.get("date", "earlier")
                   for measure in results["measures"].values()})


class Figure:
    """One thing measured several times."""

    def __init__(self, numbers):
        self.count = len(numbers)
        self.median = statistics.median(numbers)
        self.low, self.high = min(numbers), max(numbers)


def figure(measure, label, what):
    """seconds, bytes, space, or MiB of peak memory; None if not measured."""
    values = measure["values"].get(label, {})
    runs = measure["runs"].get(label, [])
    if what == "seconds":
        numbers = [run["seconds"] for run in runs]
    elif what == "MiB":
        numbers = [run["peak_kib"] / 1024 for run in runs]
    elif what == "space":
        numbers = values.get("space_bytes") or values.get("bytes", [])
    else:
        numbers = values.get(what, [])
    return Figure(numbers) if numbers else None


def cpu(measure, label):
    """Seconds of user and system time together."""
    runs = measure["runs"].get(label, [])
    return Figure([x["user"] + x["system"] for x in runs]) if runs else None


def judge(results):
    """Each bar: (bar, over, under, ratio), or (bar, None, None, reason)."""
    for bar in BARS:
        measure = results["measures"].get(bar.key)
        if measure is None:
            continue
        over = figure(measure, bar.over, bar.what)
        if bar.under is None:
            if over is not None:
                yield bar, over, None, over.median
            continue
        under = figure(measure, bar.under, bar.what)
        if over is None or under is None:
            yield bar, None, None, measure["skipped"] or "not measured"
        else:
            yield bar, over, under, over.median / under.median


def amount(number, what):
    if what == "seconds":
        return f"{number:.2f} s" if number < 100 else f"{number:.0f} s"
    if what == "MiB":
        return f"{number:.1f} MiB"
    return f"{number / 1e6:.2f} MB"


def spread(fig, what):
    """Median, least and most."""
    text = amount(fig.median, what)
    if fig.count > 1:
        text += (f" ({amount(fig.low, what).split()[0]} to "
                 f"{amount(fig.high, what).split()[0]})")
    return text
