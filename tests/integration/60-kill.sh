#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 60-kill.sh - killed at any moment, refrecv leaves the old replicas or the new
# one, whole; the next receive needs no help and leaves nothing of the first.

. "$(dirname "$0")/lib.sh"
. "$HERE/stream.sh"

KILLTOOL=$HERE/killtool.py

# "one" whole; then "two" and "three" in one stream.
prepare() {
	local from

	make_fs "$1" A
	make_fs "$1" B
	from=$A/.snapshot/file
	random_file "$A/file" 3000000 1
	run_ok refsnap create --reflink=auto "$A/file" one
	random_patch "$A/file" 100000 1500000 2
	fallocate -p -o 2000000 -l 100000 "$A/file"
	run_ok refsnap create --reflink=auto "$A/file" two
	truncate -s 2500000 "$A/file"
	random_patch "$A/file" 1000000 700000 3
	run_ok refsnap create --reflink=auto "$A/file" three
	forget_reader
	mkdir "$B/check"
	carry "$B/check" --live -- "$from.one"
	carry "$B/check" --live -- --compress=none -I "$from.one" "$from.three"
	refsend "$from.one" >"$STREAM.first"
}

# killed HOW [ARGUMENT]...: see killtool.py.
killed() {
	rm -rf "$B/killed"
	mkdir "$B/killed"
	run_ok refrecv --live "$B/killed" <"$STREAM.first"
	expect "$PYTHON" -B "$KILLTOOL" "$1" "$STREAM" "$B/killed" \
		"$A/.snapshot" "${@:2}"
	note "$(tail -n 1 "$WORK/expect")"
}

# refsend is killed: what refrecv got of its stream has no end.
sender() {
	local before delay process

	mkdir "$B/sender"
	run_ok refrecv "$B/sender" <"$STREAM.first"
	before=$(tree_listing "$B/sender")
	mkfifo "$WORK/fifo"
	for delay in 0 0.001 0.002 0.005 0.01 0.02 0.05; do
		refsend --compress=none -I "$A/.snapshot/file.one" \
			"$A/.snapshot/file.three" >"$WORK/fifo" 2>/dev/null &
		process=$!
		exec 8<"$WORK/fifo"
		head -c 500000 <&8 >"$WORK/part"
		sleep "$delay"
		kill -KILL "$process"
		wait "$process" 2>/dev/null
		cat <&8 >>"$WORK/part"
		exec 8<&-
		run_code 3 refrecv "$B/sender" <"$WORK/part"
		expect [ "$before" = "$(tree_listing "$B/sender")" ]
	done
	rm "$WORK/fifo"
}

on_fs() {
	test_case "streams" prepare "$1"
	test_case "killed after each frame" killed frames KILL
	test_case "killed at random moments" killed moments KILL 40
	test_case "terminated at random moments" killed moments TERM 15
	test_case "interrupted at random moments" killed moments INT 15
	test_case "refsend killed" sender
	if [ "$1" = xfs ] || [ "$1" = btrfs ]; then
		command -v strace >/dev/null || {
			skip_case "killed at each system call" "no strace"
			return
		}
		test_case "killed at each system call" killed calls
	fi
}

for_each_fs on_fs
finish
