#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Make the files of scripts/bench, and the changes to them.

    make.py mix FILE MIB SEED             a file written in full, in parts of
                                          512 KiB that are by turns random and
                                          compressible 2:1
    make.py scatter FILE COUNT SEED       COUNT random blocks of 4 KiB, new
    make.py alternate FILE                every other block of 4 KiB, new
    make.py spread FILE GIB MIB SEED      a sparse file with so much data,
                                          evenly spread
    make.py touch FILE MIB COUNT SEED     COUNT changes of 40 KiB in the data
                                          of "spread"
    make.py sqlite FILE ROWS SEED         a database with an index
    make.py rows FILE COUNT SEED          COUNT random rows of it: updated,
                                          inserted, deleted

The same seed makes the same bytes.
"""

import os
import random
import sqlite3
import sys

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
BLOCK = 4096
PART = 512 * KIB
TOUCH = 40 * KIB


def mix(path, mib, seed):
    rng = random.Random(seed)
    with open(path, "wb") as f:
        for _ in range(mib):
            f.write(rng.randbytes(PART))
            f.write(rng.randbytes(PART // 2).hex().encode())


def blocks_of(path):
    return os.path.getsize(path) // BLOCK


def scatter(path, count, seed):
    rng = random.Random(seed)
    places = sorted(rng.sample(range(blocks_of(path)), count))
    fd = os.open(path, os.O_RDWR)
    for place in places:
        os.pwrite(fd, rng.randbytes(BLOCK), place * BLOCK)
    os.close(fd)


def alternate(path):
    block = random.Random(1).randbytes(BLOCK)
    fd = os.open(path, os.O_RDWR)
    for place in range(0, blocks_of(path), 2):
        os.pwrite(fd, block, place * BLOCK)
    os.close(fd)


def spread(path, gib, mib, seed):
    rng = random.Random(seed)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    os.ftruncate(fd, gib * GIB)
    for i in range(mib):
        at = i * (gib * GIB // mib)
        os.pwrite(fd, rng.randbytes(PART), at)
        os.pwrite(fd, rng.randbytes(PART // 2).hex().encode(), at + PART)
    os.close(fd)


def touch(path, mib, count, seed):
    """Change places in the data that spread() made."""
    rng = random.Random(seed)
    step = os.path.getsize(path) // mib
    slots = MIB // (2 * TOUCH)
    fd = os.open(path, os.O_RDWR)
    for place in sorted(rng.sample(range(mib * slots), count)):
        part, slot = divmod(place, slots)
        at = part * step + slot * 2 * TOUCH
        at -= at % BLOCK
        os.pwrite(fd, rng.randbytes(TOUCH // 2).hex().encode(), at)
    os.close(fd)


def words(rng, count):
    return " ".join(f"{rng.choice('bcdfghklmnprst')}{rng.choice('aeiou')}"
                    f"{rng.randrange(100)}" for _ in range(count))


def open_database(path):
    """One that commits without syncing: who measures syncs first."""
    db = sqlite3.connect(path)
    db.execute("pragma synchronous = off")
    return db


def sqlite(path, rows, seed):
    rng = random.Random(seed)
    db = open_database(path)
    db.execute("create table item (id integer primary key, name text,"
               " body text, amount integer)")
    db.executemany("insert into item values (?, ?, ?, ?)", (
        (i, words(rng, 2), words(rng, 48), rng.randrange(10**6))
        for i in range(1, rows + 1)))
    db.execute("create index item_name on item (name)")
    db.commit()
    db.close()


def rows(path, count, seed):
    """Eight of ten updates, one insert, one delete."""
    rng = random.Random(seed)
    db = open_database(path)
    last, = db.execute("select max(id) from item").fetchone()
    for i in range(count):
        row = rng.randrange(1, last + 1)
        if i % 10 == 0:
            db.execute("insert into item (name, body, amount)"
                       " values (?, ?, ?)",
                       (words(rng, 2), words(rng, 48), i))
        elif i % 10 == 1:
            db.execute("delete from item where id = ?", (row,))
        else:
            db.execute("update item set amount = amount + ?,"
                       " name = ? where id = ?", (i, words(rng, 2), row))
        if i % 100 == 0:
            db.commit()
    db.commit()
    db.close()


def main():
    actions = {f.__name__: f for f in (mix, scatter, alternate, spread,
                                       touch, sqlite, rows)}
    name, path, *numbers = sys.argv[1:]
    actions[name](path, *map(int, numbers))


if __name__ == "__main__":
    main()
