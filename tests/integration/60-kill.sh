#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 60-kill.sh - killed at any moment, refrecv leaves the old replicas or the new
# one, whole; the next receive needs no help and leaves nothing of the first.
#
# KILLS=N kills so often at fresh random moments; SEED makes these again.

. "$(dirname "$0")/lib.sh"
. "$HERE/stream.sh"

KILLTOOL=$HERE/killtool.py
KILLS=${KILLS:-15}
SEED=${SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}

# with_more_records FILE RECORD...: from stdin, with the kinds of record that
# refsend does not write, or not in so short a stream: an optional one, which is
# skipped, and CHECKPOINT.  These and each RECORD are in it.
with_more_records() {
	local record

	"$PYTHON" -B "$STREAM_EDIT" extra=yes >"$1"
	run_ok refrecv --dump <"$1"
	for record in '1 optional' CHECKPOINT "${@:2}"; do
		expect grep -q "$record" "$OUT"
	done
}

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
	dd if=/dev/zero of="$A/file" bs=4k seek=10 count=3 conv=notrunc \
		status=none
	run_ok refsnap create --reflink=auto "$A/file" two
	truncate -s 2500000 "$A/file"
	random_patch "$A/file" 1000000 700000 3
	run_ok refsnap create --reflink=auto "$A/file" three
	forget_reader
	mkdir "$B/check"
	carry "$B/check" --live -- "$from.one"
	carry "$B/check" --live -- --compress=none -I "$from.one" "$from.three"
	refsend "$from.one" >"$STREAM.first"
	cp "$STREAM.first" "$STREAM.all.first"
	with_more_records "$STREAM.all" BEGIN META 'DATA.*prefix=same' ZERO HOLE \
		END < <(refsend -I "$from.one" "$from.three" 2>"$ERR")
	with_more_records "$STREAM.whole" BEGIN META 'DATA.*prefix=none' ZERO \
		END < <(refsend "$from.two")
}

# killed_in STREAM HOW [ARGUMENT]...: see killtool.py.
killed_in() {
	local stream=$1

	rm -rf "$B/killed"
	mkdir "$B/killed"
	[ ! -e "$stream.first" ] ||
		run_ok refrecv --live "$B/killed" <"$stream.first"
	expect "$PYTHON" -B "$KILLTOOL" "$2" "$stream" "$B/killed" \
		"$A/.snapshot" "${@:3}"
	note "$(tail -n 1 "$WORK/expect")"
}

killed() {
	killed_in "$STREAM" "$@"
}

killed_anew() {
	note "seed $SEED"
	killed moments KILL "$KILLS" "$SEED"
}

# The live file was exchanged, ticks of the clock after it was announced; the
# run did not come to stamp it.  The next one knows it all the same.
after_exchange() {
	local code=0

	rm -rf "$B/killed"
	mkdir "$B/killed"
	run_ok refrecv --live "$B/killed" <"$STREAM.first"
	traced -qq -o /dev/null -e trace=fsync,renameat \
		-e inject=fsync:delay_exit=30000 \
		-e inject=renameat:signal=KILL:when=2 \
		refrecv --live "$B/killed" <"$STREAM.all" 2>"$ERR" || code=$?
	expect [ "$code" -eq 137 ]
	expect same "$A/.snapshot/file.three" "$B/killed/file"
	run_ok refrecv --live "$B/killed" <"$STREAM.all"
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
	test_case "killed after each frame, all kinds of record" \
		killed_in "$STREAM.all" frames KILL
	test_case "killed after each frame, a whole snapshot" \
		killed_in "$STREAM.whole" frames KILL
	test_case "killed at random moments" killed moments KILL 40
	test_case "killed at fresh random moments" killed_anew
	test_case "terminated at random moments" killed moments TERM 15
	test_case "interrupted at random moments" killed moments INT 15
	test_case "refsend killed" sender
	if command -v strace >/dev/null; then
		test_case "killed after the live file was exchanged" \
			after_exchange
	else
		skip_case "killed after the live file was exchanged" "no strace"
	fi
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
