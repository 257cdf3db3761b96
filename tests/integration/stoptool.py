# SPDX-License-Identifier: BSD-2-Clause
"""stoptool.py - do something while a program stands still.

Usage: stoptool.py CALL NUMBER CHANGE COMMAND...

Runs COMMAND, stops it by strace when it has made its NUMBERth system call of
the name CALL, runs CHANGE in a shell, which must succeed, and lets it go on.
The exit code is that of COMMAND, or 99 if it never came to that call.
"""
import os
import signal
import subprocess
import sys


def main():
    call, number, change, *command = sys.argv[1:]
    # To look for leaks is tracing, too.
    os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + \
        ":detect_leaks=0"
    told, tell = os.pipe()
    stopped = False
    tracer = subprocess.Popen(
        ["strace", "-o", f"/proc/self/fd/{tell}", "-e", f"trace={call}", "-e",
         f"inject={call}:signal=STOP:when={number}", *command],
        pass_fds=[tell])
    os.close(tell)
    with open(told, errors="replace") as lines:
        for line in lines:
            if "stopped by SIGSTOP" not in line:
                continue
            stopped = True
            children = f"/proc/{tracer.pid}/task/{tracer.pid}/children"
            process = int(open(children).read())
            try:
                subprocess.run(["/bin/sh", "-ec", change], check=True,
                               stdout=sys.stderr)
            finally:
                os.kill(process, signal.SIGCONT)
    code = tracer.wait(timeout=120)
    return code if stopped else 99


if __name__ == "__main__":
    sys.exit(main())
