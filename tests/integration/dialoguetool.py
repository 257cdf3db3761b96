# SPDX-License-Identifier: BSD-2-Clause
"""dialoguetool.py - speak to refrecv --serve and refsend --serve by hand, also
in ways that refsync never would.

Usage: dialoguetool.py SCRIPT -- COMMAND ARGUMENT...

Runs COMMAND and plays SCRIPT, lines of:
  hello                 say HELLO, read HELLO
  open PATH [make]      and so on: a request, answered up to DONE
  list
  hold ID TAG
  create FILE
  stream FILE [live] [as=NAME] [cut]   the bytes of FILE follow; "cut": then
                        the connection breaks
  send ID [BASE]        what comes is thrown away
  prune FILE POLICY
  raw HEX               bytes as they are
  message TYPE HEX      a message of a type, with this payload
  end                   close, as a connection that breaks
Prints a line for each answer.  The exit code is that of COMMAND; an ERROR is
printed and ends the script.
"""
import struct
import subprocess
import sys

import xxhash

MAGIC = b"RFdl"
SEED = 0x31746c6469617266
HEADER = struct.Struct("<4sHHII8s")
NAMES = {1: "HELLO", 2: "OPEN", 3: "LIST", 4: "HELD", 5: "HOLD", 6: "STREAM",
         7: "RECEIVED", 8: "PRUNE", 9: "PRUNED", 10: "DONE", 11: "ERROR",
         12: "ALIVE", 13: "BYE", 14: "CREATE", 15: "SEND",
         21: "UNFINISHED", 22: "TOKEN", 23: "DURABLE", 24: "LIVE"}
TYPES = {name: number for number, name in NAMES.items()}


def text(value):
    data = value.encode()
    return struct.pack("<H", len(data)) + data


def identity(value):
    return bytes.fromhex(value.replace("-", ""))


def message(kind, payload):
    start = MAGIC + struct.pack("<HHII", kind, 0, len(payload), 0)
    return start + struct.pack("<Q", xxhash.xxh3_64_intdigest(
        start + payload, SEED)) + payload


class Ended(Exception):
    """There is nothing more to say."""


class Dialogue:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def put(self, data):
        try:
            self.process.stdin.write(data)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass                # what it has to say is read below

    def read(self, size):
        data = self.process.stdout.read(size)
        if len(data) < size:
            print("the end")
            raise Ended
        return data

    def get(self):
        """The next message that is no sign of life."""
        while True:
            magic, kind, _, length, _, _ = HEADER.unpack(
                self.read(HEADER.size))
            payload = self.read(length)
            if magic != MAGIC:
                print("no message")
                raise Ended
            if kind != TYPES["ALIVE"]:
                return NAMES.get(kind, str(kind)), payload

    def answers(self):
        while True:
            name, payload = self.get()
            if name == "ERROR":
                code, size = struct.unpack_from("<IH", payload)
                print("ERROR", code, payload[6:6 + size].decode())
                raise Ended
            if name == "HELD":
                print("HELD", payload[:16].hex())
            elif name == "RECEIVED":
                print("RECEIVED", payload[27:].decode())
            elif name == "PRUNED":
                print("PRUNED", payload[18:].decode())
            elif name == "STREAM":
                print("STREAM")
                self.throw_away()
            else:
                print(name)
            if name in ("DONE", "HELLO"):
                return

    def throw_away(self):
        """A stream, up to its last END."""
        self.read(64)
        while True:
            magic, kind, _, _, length = struct.unpack(
                "<4sHHQI", self.read(20))
            if magic != b"RFfr":
                print("no frame")
                raise Ended
            payload = self.read(12 + length)[12:]
            if kind == 10 and payload[88] == 1:
                return

    def ask(self, name, payload=b""):
        self.put(message(TYPES[name], payload))
        self.answers()

    def do(self, word, *arguments):
        if word == "hello":
            self.ask("HELLO", struct.pack("<IIQ", 1, 1, 0) + text("test"))
        elif word == "open":
            self.ask("OPEN", bytes(["make" in arguments[1:]]) +
                     text(arguments[0]))
        elif word == "list":
            self.ask("LIST", bytes(16))
        elif word == "hold":
            self.ask("HOLD", identity(arguments[0]) + text(arguments[1]))
        elif word == "create":
            self.ask("CREATE", text(arguments[0]))
        elif word == "send":
            base = identity(arguments[1]) if arguments[1:] else bytes(16)
            self.ask("SEND", identity(arguments[0]) + base +
                     struct.pack("<BIB", 0, 2, 0) + bytes(56))
        elif word == "live":
            self.ask("LIVE", identity(arguments[0]) + text(""))
        elif word == "unfinished":
            self.ask("UNFINISHED", b"")
        elif word == "prune":
            self.ask("PRUNE", text(arguments[0]) + bytes(1) +
                     text(" ".join(arguments[1:])) + bytes(4) +
                     bytes(16) + text("") + bytes(4))
        elif word == "stream":
            self.stream(*arguments)
        elif word == "raw":
            self.put(bytes.fromhex(arguments[0]))
            self.answers()
        elif word == "message":
            self.put(message(int(arguments[0]),
                             bytes.fromhex("".join(arguments[1:]))))
            self.answers()
        elif word == "end":
            raise Ended
        else:
            sys.exit(f"dialoguetool.py: no such word: {word}")

    def stream(self, path, *options):
        name = "".join(o[3:] for o in options if o.startswith("as="))
        self.put(message(TYPES["STREAM"], bytes(["live" in options]) +
                         text(name)))
        with open(path, "rb") as source:
            while data := source.read(65536):
                self.put(data)
        if "cut" in options:
            self.process.stdin.close()
        self.answers()


def main():
    at = sys.argv.index("--")
    with open(sys.argv[1], encoding="utf-8") as script:
        lines = [line.split() for line in script if line.strip()]
    dialogue = Dialogue(sys.argv[at + 1:])
    try:
        for words in lines:
            dialogue.do(*words)
        dialogue.put(message(TYPES["BYE"], b""))
    except Ended:
        pass
    try:
        dialogue.process.stdin.close()
    except BrokenPipeError:
        pass                    # it has ended already
    sys.exit(dialogue.process.wait())


if __name__ == "__main__":
    main()
