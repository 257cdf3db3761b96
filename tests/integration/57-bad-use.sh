#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 57-bad-use.sh - what the tools say to wrong options, to files that are no
# snapshots or change meanwhile, to terminals and to readers that go away.

. "$(dirname "$0")/lib.sh"
. "$HERE/stream.sh"
. "$HERE/refuse.sh"

terminals() {
	local file=$A/.snapshot/file.one

	run_status 2 script -qec "refsend $file" /dev/null
	expect grep -q 'does not go to a terminal' "$OUT"
	fresh
	run_status 2 script -qec "refrecv $D" /dev/null
	expect grep -q 'does not come from a terminal' "$OUT"
}

change_bytes() { random_patch "$1" 5000000 10 8; }
change_size() { truncate -s 9000000 "$1"; }
change_end() { echo >>"$1"; }
change_time() { touch -d @1000000000 "$1"; }

# A plain copy that changes while a slow reader takes the stream.
changed_while_sent() {
	local change process code

	mkdir -p "$A/slow/empty"
	mkfifo "$WORK/fifo"
	for change in change_bytes change_size change_end change_time; do
		rm -f "$A/slow/copy"
		head -c 8388608 /dev/urandom >"$A/slow/copy"
		refsend "$A/slow/copy" >"$WORK/fifo" 2>"$ERR" &
		process=$!
		exec 8<"$WORK/fifo"
		head -c 4096 <&8 >"$STREAM"
		"$change" "$A/slow/copy"
		cat <&8 >>"$STREAM"
		exec 8<&-
		code=0
		wait "$process" || code=$?
		expect [ "$code" -eq 1 ]
		expect [ "$(wc -l <"$ERR")" -eq 1 ]
		expect_error "$A/slow/copy was changed while"
		refuse 3 "$STREAM" "$A/slow/empty"
	done
	rm "$WORK/fifo"
}

# The base changes, in a place that was compared already.
base_changed_while_sent() {
	local process code=0

	mkdir -p "$A/slow/empty"
	rm -f "$A/slow/base" "$A/slow/copy"
	mkfifo "$WORK/fifo"
	head -c 8388608 /dev/urandom >"$A/slow/base"
	head -c 8388608 /dev/urandom >"$A/slow/copy"
	refsend -i "$A/slow/base" "$A/slow/copy" >"$WORK/fifo" 2>"$ERR" &
	process=$!
	exec 8<"$WORK/fifo"
	head -c 4096 <&8 >"$STREAM"
	random_patch "$A/slow/base" 0 10 8
	cat <&8 >>"$STREAM"
	exec 8<&-
	wait "$process" || code=$?
	expect [ "$code" -eq 1 ]
	expect_error "$A/slow/base was changed while"
	refuse 4 "$STREAM" "$A/slow/empty"
	rm -f "$WORK/fifo" "$A/slow/base" "$A/slow/copy"
}

sealed_modified() {
	local snap=$A/sealed/.snapshot/file.one

	mkdir "$A/sealed"
	random_file "$A/sealed/file" 100000 1
	run_ok refsnap create "$A/sealed/file" one
	run_ok refsnap create "$A/sealed/file" two
	chmod 644 "$snap"
	run_code 5 refsend "$snap"
	expect_error "$snap is not the snapshot that its seal says"
	random_patch "$snap" 0 1 2
	run_code 5 refsend "$snap"
	run_code 5 refsend -i "$snap" "$A/sealed/.snapshot/file.two"
	run_code 5 refsend -i "$A/sealed/.snapshot/file.two" "$snap"
	chmod 444 "$snap"
	run_code 5 refsend "$snap"
	expect [ ! -s "$OUT" ]
	exec 8>>"$A/sealed/file"
	run_code 1 refsend "$A/sealed/file"
	expect_error 'open for writing'
	exec 8>&-
}

usage() {
	local file=$A/.snapshot/file.one

	fresh
	run_code 2 refsend
	run_code 2 refsend "$file" "$file"
	run_code 2 refsend --nonsense "$file"
	run_code 2 refsend -x "$file"
	run_code 2 refsend -i
	run_code 2 refsend -i "$file" -I "$file" "$file"
	run_code 2 refsend -n -o "$WORK/none" "$file"
	for level in '' zstd: zstd:0 zstd:20 zstd:x zstd:3x gzip zstd:-1; do
		run_code 2 refsend "--compress=$level" "$file"
	done
	run_code 2 refsend -i "$file" "$file"
	run_code 2 refsend -I "$A/.snapshot/file.two" "$file"
	expect [ ! -e "$WORK/none" ]
	run_code 2 refrecv "$D" "$D" <"$WORK/one"
	run_code 2 refrecv --dump "$D" <"$WORK/one"
	for option in --live -n --as=other --dump --serve; do
		run_code 2 refrecv --token "$option" "$D" <"$WORK/one"
	done
	run_code 2 refrecv --token "$D" "$D"
	run_code 2 refrecv --nonsense "$D" <"$WORK/one"
	run_code 2 refrecv --reflink=maybe "$D" <"$WORK/one"
	run_code 2 refrecv --reserve=much "$D" <"$WORK/one"
	run_code 2 refrecv --reserve=-1 "$D" <"$WORK/one"
	for tool in refsend refrecv; do
		run_ok "$tool" --help
		expect grep -q "^Usage: $tool" "$OUT"
		run_ok "$tool" --version
		expect grep -q "^$tool (refsend) [0-9]" "$OUT"
	done
}

no_snapshot() {
	local file=$A/.snapshot/file.one

	mkfifo "$A/fifo"
	for what in "$A" "$A/fifo" /dev/null "$A/missing" "$file/x" '' \
		"$A/missing/x"; do
		run_code 1 refsend "$what"
		run_code 1 refsend -i "$file" "$what"
		run_code 1 refsend -i "$what" "$file"
		expect [ ! -s "$OUT" ]
	done
	chmod 600 "$A/file"
	run_code 1 as_user refsend "$A/file"
	expect_error 'Permission denied'
}

no_reader() {
	local file=$A/large

	fresh
	head -c 4000000 /dev/urandom >"$file"
	run_ok refsnap create "$file" one
	file=$A/.snapshot/large.one
	run_code 1 bash -c 'refsend "$1" >&-' - "$file"
	run_code 7 bash -c 'refsend "$1" >/dev/full' - "$file"
	run_code 1 bash -c 'set -o pipefail
		refsend "$1" | true' - "$file"
	run_code 7 bash -c 'refrecv --dump <"$1" >/dev/full' - "$WORK/two"
	run_code 7 bash -c 'refrecv --json "$1" <"$2" >/dev/full' - "$D" \
		"$WORK/one"
}

on_fs() {
	make_fs "$1" A
	test_case "streams" three_streams
	test_case "terminals" terminals
	test_case "source changed while it is sent" changed_while_sent
	test_case "base changed while it is sent" base_changed_while_sent
	test_case "sealed snapshot modified" sealed_modified
	test_case "wrong options and arguments" usage
	test_case "what is no snapshot" no_snapshot
	test_case "nobody reads" no_reader
}

for_each_fs on_fs xfs
finish
