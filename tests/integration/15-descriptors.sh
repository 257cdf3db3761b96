#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 15-descriptors.sh - tools that are started with standard descriptors closed:
# no message may end up in a file that was given the number.
. "$(dirname "$0")/lib.sh"

closed_output() {
	run_code 1 sh -c 'exec refsend "$1" >&-' - "$A/.snapshot/file.one"
	expect_error 'cannot write the stream'
	run_code 1 sh -c 'exec refsnap list "$1" >&-' - "$A"
	run_code 1 sh -c 'exec refrecv "$1" <&-' - "$A"
	expect_error 'cannot read the stream'
}

closed_errors() {
	sh -c 'exec refsend "$1" 2>&-' - "$A/.snapshot/file.one" >"$A/stream"
	expect [ $? -eq 0 ]
	mkdir "$A/replica"
	# Something to say, and nowhere to say it.
	sh -c 'exec refrecv -v "$1" >&- 2>&-' - "$A/replica" <"$A/stream"
	expect same "$A/file" "$A/replica/.snapshot/file.one"
	sh -c 'exec refsnap create -v --reflink=auto "$1" two <&- 2>&-' - "$A/file" >/dev/null
	expect same "$A/file" "$A/.snapshot/file.two"
}

# Pipes that somebody made non-blocking, with a slow process at the other end.
non_blocking() {
	run_ok "$PYTHON" - "$A/.snapshot/file.one" "$A/slow" <<'END'
import os, subprocess, sys, threading, time

def pipe():
    """A non-blocking pipe, and one behind it that is fed with pauses."""
    (out, to), (come, into) = os.pipe(), os.pipe()
    os.set_blocking(to, False)
    os.set_blocking(come, False)
    def feed():
        time.sleep(0.3)
        while data := os.read(out, 200000):
            os.write(into, data)
            time.sleep(0.01)
        os.close(into)
    threading.Thread(target=feed).start()
    return to, come

os.mkdir(sys.argv[2])
to, come = pipe()
receiver = subprocess.Popen(["refrecv", sys.argv[2]], stdin=come)
sender = subprocess.Popen(["refsend", sys.argv[1]], stdout=to)
os.close(to)
sys.exit(sender.wait() or receiver.wait())
END
	expect same "$A/file" "$A/slow/.snapshot/file.one"
}

on_fs() {
	make_fs "$1" A
	random_file "$A/file" 1000000 1
	run_ok refsnap create --reflink=auto "$A/file" one
	test_case "a closed stdin or stdout is an error" closed_output
	test_case "a closed stderr spoils nothing" closed_errors
	test_case "pipes that do not block" non_blocking
}

for_each_fs on_fs xfs ext4
finish
