# SPDX-License-Identifier: BSD-2-Clause
"""logtool.py - is what refsync --log-json writes what refsync(1) says?

Usage: logtool.py check CODE FILE    each line of FILE is an event, from start to
                                     an end with this code; prints their names
       logtool.py manual PAGE        PAGE lists just the events and fields below
"""
import json
import re
import sys

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Fields by name; those with a question mark may be missing.
EVENTS = {
    "start": {"version": str, "pid": int},
    "source": {"source": str, "to": str},
    "hook": {"hook": ("pre", "post"), "ok": bool},
    "snapshot": {"snapshot": str, "id": ID},
    "base": {"base?": ID, "full": bool, "present": bool},
    "progress": {"done": int, "total?": int},
    "sent": {"snapshots": int, "stream_bytes": int, "data_bytes?": int,
             "dry_run": bool},
    "held": {"id": ID, "tag": str},
    "deleted": {"file": str, "where": ("here", "there"), "dry_run": bool},
    "restored": {"target": str, "snapshot": str, "saved?": str},
    "verified": {"snapshot": str, "bytes": int, "differing_bytes": int,
                 "repaired": bool},
    "warning": {"text": str},
    "info": {"text": str},
    "output": {"text": str},
    "error": {"code": int, "text": str},
    "done": {"source": str, "code": int},
    "end": {"code": int, "milliseconds": int},
}


def fits(value, kind):
    if isinstance(kind, re.Pattern):
        return isinstance(value, str) and kind.fullmatch(value)
    if isinstance(kind, tuple):
        return value in kind
    return type(value) is kind


def check_event(event):
    fields = {"event": str, "time": TIME, **EVENTS[event["event"]]}
    kinds = {name.rstrip("?"): kind for name, kind in fields.items()}
    for name in fields:
        assert name.endswith("?") or name in event, (name, event)
    for name, value in event.items():
        assert name in kinds and fits(value, kinds[name]), (name, event)


def check(code, path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    assert text.endswith("\n")
    events = [json.loads(line) for line in text.splitlines()]
    for event in events:
        check_event(event)
    names = [event["event"] for event in events]
    assert names[0] == "start" and names[-1] == "end", names
    assert names.count("start") == names.count("end") == 1, names
    assert events[-1]["code"] == int(code), events[-1]
    assert [e["time"] for e in events] == sorted(e["time"] for e in events)
    assert ("error" in names) == (int(code) not in (0,)), names
    print(*names)


def manual(path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    text = text[text.index(".Ss Events"):]
    text = text[:text.index("\n.El\n")]
    listed, names = {}, []
    for line in text.splitlines():
        if line.startswith(".It Li "):
            names = line[len(".It Li "):].split(" , ")
            for name in names:
                listed[name] = set()
        elif line.startswith(".Li ") and names:
            for name in names:
                listed[name].add(line.split()[1])
    values = {"pre", "post", "here", "there"}
    for name, fields in EVENTS.items():
        expected = {field.rstrip("?") for field in fields}
        assert listed[name] - values == expected, (name, listed[name])
    assert listed.keys() == EVENTS.keys(), listed.keys()


if sys.argv[1] == "check":
    check(*sys.argv[2:])
else:
    manual(sys.argv[2])
