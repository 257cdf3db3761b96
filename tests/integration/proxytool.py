# SPDX-License-Identifier: BSD-2-Clause
"""proxytool.py - a TCP connection that behaves as badly as one wishes.

Usage: proxytool.py PORT COMMANDS READY
  Listens on a free port of loopback, which it writes to the file READY, and
  passes everything on to PORT of loopback and back.  COMMANDS is a named pipe;
  each line that is written to it applies to all connections, also to later
  ones:
    delay MS      each byte arrives so much later, each way
    rate BYTES    so many a second, each way, on all together; 0: any
    stall         nothing is passed on, nothing is closed
    resume        it is again
    drop          close all connections with a reset; new ones are made
    quit          the end
  stdout gets "done COMMAND" when it holds.
"""
import collections
import os
import select
import socket
import struct
import sys
import time

PIECE = 1 << 18
HELD = 1 << 20                  # bytes on their way, each way, without delay
HELD_LONG = 1 << 25             # with delay: 300 MB/s for 100 ms


class Way:
    """One direction of one connection."""

    def __init__(self, source, sink, budget):
        self.source, self.sink = source, sink
        self.budget = budget                # shared by all of a direction
        self.held = collections.deque()     # (moment, bytes) in order
        self.size = 0
        self.ended = self.passed_end = False


class Budget:
    """What may be sent now where there is a rate."""

    def __init__(self):
        self.bytes = 0.0
        self.filled = time.monotonic()

    def fill(self, rate):
        now = time.monotonic()
        # At most what a tenth of a second gives, at least nothing.
        self.bytes = max(0.0, min(self.bytes + (now - self.filled) * rate,
                                  rate / 10))
        self.filled = now


class Proxy:
    def __init__(self, port, commands, ready):
        self.port = port
        self.delay = 0.0
        self.rate = 0
        self.budgets = Budget(), Budget()
        self.stalled = self.stopped = False
        self.ways = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        # Open for writing too: it does not end when a writer closes it.
        self.commands = os.open(commands, os.O_RDWR | os.O_NONBLOCK)
        self.line = b""
        with open(ready + ".new", "w", encoding="ascii") as f:
            f.write(str(self.listener.getsockname()[1]))
        os.rename(ready + ".new", ready)

    # ---- connections ----

    def accept(self):
        near = self.listener.accept()[0]
        far = socket.create_connection(("127.0.0.1", self.port))
        for s in near, far:
            s.setblocking(False)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ways += [Way(near, far, self.budgets[0]),
                      Way(far, near, self.budgets[1])]

    def close(self, way, reset=False):
        for s in way.source, way.sink:
            if reset:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
            s.close()
        self.ways = [w for w in self.ways if w.source is not way.source
                     and w.source is not way.sink]

    def drop(self):
        while self.ways:
            self.close(self.ways[0], reset=True)

    # ---- bytes ----

    def take(self, way):
        data = way.source.recv(PIECE)
        if data:
            way.held.append((time.monotonic() + self.delay,
                             memoryview(data)))
            way.size += len(data)
        else:
            way.ended = True

    def give(self, way):
        moment, data = way.held.popleft()
        allowed = data
        if self.rate:
            allowed = data[:int(way.budget.bytes)]
        sent = way.sink.send(allowed)
        way.size -= sent
        way.budget.bytes -= sent
        if sent < len(data):
            way.held.appendleft((moment, data[sent:]))

    def finish(self, way):
        if way.ended and not way.held and not way.passed_end:
            way.passed_end = True
            way.sink.shutdown(socket.SHUT_WR)
            if all(w.passed_end for w in self.ways
                   if way.source in (w.source, w.sink)):
                self.close(way)

    # ---- waiting ----

    def wanted(self):
        """What to read from, what to write to, and how long to wait."""
        readers, writers = [self.listener, self.commands], []
        wait = None
        now = time.monotonic()
        for budget in self.budgets:
            budget.fill(self.rate)
        for way in [] if self.stalled else self.ways:
            if not way.ended and way.size < (
                    HELD_LONG if self.delay else HELD):
                readers.append(way.source)
            if way.held:
                left = way.held[0][0] - now
                if self.rate and way.budget.bytes < 1:
                    left = max(left, 0.01)
                if left > 0:
                    wait = left if wait is None else min(wait, left)
                else:
                    writers.append(way.sink)
        return readers, writers, wait

    def turn(self):
        readers, writers, wait = self.wanted()
        readers, writers, _ = select.select(readers, writers, [], wait)
        if self.listener in readers:
            self.accept()
        if self.commands in readers:
            self.obey()
        for way in list(self.ways):
            if way not in self.ways:
                continue
            try:
                if way.source in readers:
                    self.take(way)
                if way.sink in writers:
                    self.give(way)
                self.finish(way)
            except BlockingIOError:
                pass
            except OSError:
                self.close(way, reset=True)

    # ---- commands ----

    def obey(self):
        self.line += os.read(self.commands, 4096)
        while b"\n" in self.line:
            line, self.line = self.line.split(b"\n", 1)
            words = line.decode().split()
            if words[0] == "delay":
                self.delay = float(words[1]) / 1000
            elif words[0] == "rate":
                self.rate = int(words[1])
            elif words[0] in ("stall", "resume"):
                self.stalled = words[0] == "stall"
            elif words[0] == "drop":
                self.drop()
            elif words[0] == "quit":
                self.stopped = True
            else:
                sys.exit("proxytool.py: what is " + line.decode())
            print("done", line.decode(), flush=True)


def main():
    proxy = Proxy(int(sys.argv[1]), sys.argv[2], sys.argv[3])
    while not proxy.stopped:
        proxy.turn()


main()
