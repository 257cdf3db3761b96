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

on_fs() {
	make_fs "$1" A
	random_file "$A/file" 1000000 1
	run_ok refsnap create --reflink=auto "$A/file" one
	test_case "a closed stdin or stdout is an error" closed_output
	test_case "a closed stderr spoils nothing" closed_errors
}

for_each_fs on_fs xfs ext4
finish
