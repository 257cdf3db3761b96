#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Print what scripts/bench measured; write it as JSON and as documents."""

import argparse
import json

import results as r


def print_measure(key, measure):
    if measure["skipped"]:
        print(f"{key}: left out: {measure['skipped']}")
    for label, command in measure["commands"].items():
        seconds = r.figure(measure, label, "seconds")
        size = r.figure(measure, label, "bytes")
        parts = [r.spread(fig, what) for fig, what in
                 ((seconds, "seconds"), (size, "bytes")) if fig]
        if seconds:
            peak = r.figure(measure, label, "MiB")
            parts.append(f"peak {peak.median:.0f} MiB")
        print(f"{key}: {label}: {', '.join(parts)}\n    {command}")


def print_bars(results):
    missed = 0
    for bar, over, under, ratio in r.judge(results):
        print(f"\n{bar.text.replace('`', '')}:")
        if over is None:
            print(f"    not measured: {ratio}")
            continue
        print(f"    {bar.over}: {r.spread(over, bar.what)}")
        if under is not None:
            print(f"    {bar.under}: {r.spread(under, bar.what)}")
        verdict = "met" if bar.is_met(ratio) else "MISSED"
        missed += verdict != "met"
        print(f"    {ratio:.2f}{' x' if under else ''}, wanted "
              f"{bar.wanted()}: {verdict}")
    return missed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", help="merge the results into this file")
    parser.add_argument("--write", help="the directory of the documents")
    parser.add_argument("raw")
    args = parser.parse_args()
    results = r.read_raw(args.raw)
    for key, measure in results["measures"].items():
        print_measure(key, measure)
    missed = print_bars(results)
    print(f"\n{missed} bars missed" if missed else "\nno bar missed")
    if args.json:
        results = r.merge(args.json, results)
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump(results, f, indent=1)
            f.write("\n")
    if args.write:
        import document
        document.write(args.write, results)


if __name__ == "__main__":
    main()
