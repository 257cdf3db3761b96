# SPDX-License-Identifier: BSD-2-Clause
"""nightstool.py - which snapshots are left after many nights, each of which
takes one and keeps what a policy says.

Usage: nightstool.py POLICY SECONDS...    the names, oldest first
"""
import datetime
import sys

import prunetool


def main():
    entries = []
    for seconds in sys.argv[2:]:
        time = datetime.datetime.utcfromtimestamp(int(seconds))
        entries.append({"created": time.isoformat() + "Z"})
        stay = prunetool.kept(sys.argv[1], entries)
        entries = [entries[i] for i in sorted(stay)]
    for entry in entries:
        print(entry["created"].replace("-", "").replace(":", ""))


if __name__ == "__main__":
    main()
