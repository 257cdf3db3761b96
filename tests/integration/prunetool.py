# SPDX-License-Identifier: BSD-2-Clause
"""prunetool.py - what a policy keeps, by the calendar of Python.

Usage: prunetool.py gone POLICY LIST    the paths, from the directory on, that
                                        go, as "refsnap prune" prints them
       prunetool.py policies NUMBER SEED   random policies, one a line

LIST is the output of "refsnap list --json", of one live file.
"""
import datetime
import json
import os
import random
import re
import sys

PERIODS = {
    "h": lambda t: t.strftime("%F %H"),
    "d": lambda t: t.strftime("%F"),
    "w": lambda t: t.isocalendar()[:2],
    "m": lambda t: (t.year, t.month),
    "y": lambda t: t.year,
}
COUNTS = {"": 10, "h": 60, "d": 40, "w": 20, "m": 6, "y": 3}


def kept(policy, entries):
    """Those that stay; entries are oldest first."""
    stay = {len(entries) - 1}
    for count, unit in re.findall(r"(\d+)([hdwmy]?)", policy):
        seen = []
        for number in range(len(entries) - 1, -1, -1):
            time = datetime.datetime.fromisoformat(
                entries[number]["created"].rstrip("Z"))
            period = PERIODS[unit](time) if unit else number
            if period in seen:
                continue
            seen.append(period)
            if len(seen) <= int(count):
                stay.add(number)
    return stay


def gone(policy, path):
    with open(path) as source:
        entries = json.load(source)["snapshots"]
    stay = kept(policy, entries)
    for number, entry in enumerate(entries):
        if number not in stay:
            print(os.path.join(".snapshot", entry["file"]))


def policies(number, seed):
    chance = random.Random(int(seed))
    for _ in range(int(number)):
        units = chance.sample(sorted(COUNTS), chance.randint(1, len(COUNTS)))
        print(" ".join(str(chance.randint(1, COUNTS[unit])) + unit
                       for unit in units))


if __name__ == "__main__":
    {"gone": gone, "policies": policies}[sys.argv[1]](*sys.argv[2:])
