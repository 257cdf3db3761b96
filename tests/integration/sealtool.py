# SPDX-License-Identifier: BSD-2-Clause
"""sealtool.py - look at the digest in a seal, and falsify it.

Usage: sealtool.py show PATH            prints algorithm and value
       sealtool.py value PATH           turns a bit of the value
       sealtool.py algorithm PATH       makes it one that nobody knows
"""
import os
import sys

SEAL = "user.refsend.seal"
KNOWN = b"\x01\x00\x00\x00\x01\x00"     # algorithm 1, blocks of 65,536
NONE = bytes(38)
VALUE = 32


def main():
    command, path = sys.argv[1:]
    seal = bytearray(os.getxattr(path, SEAL))
    at = seal.find(KNOWN)
    if command == "show":
        print("none" if at < 0 and NONE in seal else
              seal[at + len(KNOWN):at + len(KNOWN) + VALUE].hex())
        return
    assert seal.count(KNOWN) == 1, "the seal has no digest"
    if command == "value":
        seal[at + len(KNOWN) + 3] ^= 0x10
    else:
        seal[at] = 77
    os.setxattr(path, SEAL, seal, os.XATTR_REPLACE)


if __name__ == "__main__":
    main()
