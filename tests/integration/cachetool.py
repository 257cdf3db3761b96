# SPDX-License-Identifier: BSD-2-Clause
"""cachetool.py - the pages of a file that are in the page cache.

Usage: cachetool.py count PATH     prints how many bytes of it are cached
       cachetool.py drop PATH      drops what is clean
       cachetool.py tells PATH     does the kernel have cachestat(2)?
"""
import ctypes
import mmap
import os
import sys

CACHESTAT = 451     # the number of the call, on all machines that have it
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = ctypes.c_void_p
LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int,
                      ctypes.c_int, ctypes.c_int, ctypes.c_long]


def count(fd):
    size = os.fstat(fd).st_size
    pages = (size + mmap.PAGESIZE - 1) // mmap.PAGESIZE
    address = LIBC.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
    found = ctypes.create_string_buffer(pages)
    if LIBC.mincore(ctypes.c_void_p(address), ctypes.c_size_t(size), found):
        raise OSError(ctypes.get_errno(), "mincore")
    print(sum(page & 1 for page in found.raw) * mmap.PAGESIZE)


def drop(fd):
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)


def tells(fd):
    span, answer = (ctypes.c_uint64 * 2)(), (ctypes.c_uint64 * 5)()
    return int(LIBC.syscall(CACHESTAT, fd, span, answer, 0) != 0)


def main():
    command, path = sys.argv[1:3]
    fd = os.open(path, os.O_RDONLY)
    return {"count": count, "drop": drop, "tells": tells}[command](fd) or 0


if __name__ == "__main__":
    sys.exit(main())
