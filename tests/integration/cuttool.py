# SPDX-License-Identifier: BSD-2-Clause
"""cuttool.py - a stand-in for ssh, whose connections are cut.

Usage: cuttool.py STATE HOST COMMAND
  Runs COMMAND by a shell and passes bytes on, both ways. Each call takes one
  line of the file STATE.plan away, "WHAT BYTES [back]": after so many bytes
  towards COMMAND, or back from it,
    link    both ends see the connection end
    far     the command is killed (SIGKILL), with all that it started
    near    the program that called is killed
    freeze  nothing is passed on any more, nothing is closed
    never   nothing happens
  Without a line nothing happens. STATE.log gets a line "WHAT PASSED": what
  happened, and how many bytes had been passed in that direction.
"""
import os
import select
import signal
import subprocess
import sys

PIECE = 1 << 16


def next_plan(path):
    try:
        with open(path + ".plan") as plan:
            lines = plan.readlines()
    except FileNotFoundError:
        lines = []
    if not lines:
        return "never", 0, 0
    with open(path + ".plan", "w") as plan:
        plan.writelines(lines[1:])
    what, count, *back = lines[0].split()
    return what, int(count), 1 if back else 0


def write_all(fd, data):
    while data:
        data = data[os.write(fd, data):]


def pass_on(child, what, limit, counted):
    """Pass bytes on, until an end or the cut; how many, and was it cut?"""
    to, back = child.stdin.fileno(), child.stdout.fileno()
    passed, sources = 0, {0: to, back: 1}
    while back in sources:
        if what != "never" and passed >= limit:
            return passed, True
        for fd in select.select(list(sources), [], [])[0]:
            mine = sources[fd] == (1 if counted else to)
            data = os.read(fd, PIECE if not mine or what == "never" else
                           min(PIECE, max(1, limit - passed)))
            if not data:
                if fd == 0:
                    child.stdin.close()
                del sources[fd]
                continue
            try:
                write_all(sources[fd], data)
            except BrokenPipeError:
                if fd == 0:
                    del sources[0]
                else:
                    return passed, False
            passed += len(data) if mine else 0
    return passed, False


def main():
    state, command = sys.argv[1], sys.argv[3:]
    what, limit, counted = next_plan(state)
    child = subprocess.Popen(["sh", "-c", " ".join(command)],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             bufsize=0, start_new_session=True)
    passed, cut = pass_on(child, what, limit, counted)
    if cut:
        if what == "far":
            os.killpg(child.pid, signal.SIGKILL)
        elif what == "near":
            os.kill(os.getppid(), signal.SIGKILL)
        elif what == "freeze":
            signal.pause()
    with open(state + ".log", "a") as log:
        log.write("%s %d\n" % (what if cut else "never", passed))
    if not child.stdin.closed:
        child.stdin.close()
    child.stdout.close()
    code = child.wait()
    sys.exit(255 if cut else code)


signal.signal(signal.SIGPIPE, signal.SIG_IGN)
main()
