#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 90-bench.sh - sending and receiving a change are not ten times slower than
# the plainest way to do it: 100 MiB that changed in a file of 1 GiB.  For
# figures there is scripts/bench; this fails on gross regressions only.

. "$(dirname "$0")/lib.sh"

command -v zstd >/dev/null || skip_all "zstd is missing"
BENCHTOOL=$HERE/benchtool.py
TIMES=10	# slower than the reference is too slow,
GRACE=1500	# and so many milliseconds, for machines that are busy

# The best of three, in milliseconds; $again, if set, runs before each.
best_of() {
	local start took best= round

	for round in 1 2 3; do
		"${again:-:}"
		start=${EPOCHREALTIME/./}
		bash -o pipefail -c "$1" 2>"$ERR" || fail "this failed: $1"
		took=$(((${EPOCHREALTIME/./} - start) / 1000))
		[ -n "$best" ] && [ "$best" -le "$took" ] || best=$took
	done
	BEST=$best
}

make_pair_of_snapshots() {
	run_ok "$PYTHON" -B "$BENCHTOOL" make "$A/file"
	run_ok refsnap create "$A/file" one
	run_ok "$PYTHON" -B "$BENCHTOOL" change "$A/file"
	run_ok refsnap create "$A/file" two
	run_status 1 refdiff "$A/$OLD" "$A/$NEW"
	cp "$OUT" "$A/ranges"
	expect [ "$(awk '{ sum += $2 } END { print sum }' "$OUT")" -eq \
		$((100 * 1048576)) ]
}

# not_ten_times WHAT TOOL REFERENCE
not_ten_times() {
	local tool=$2 reference=$3

	note "$1: $tool ms, the reference $reference ms"
	expect [ "$tool" -le $((TIMES * reference + GRACE)) ]
}

send_cost() {
	local tool

	best_of "refsend -i $A/$OLD $A/$NEW >$A/stream"
	tool=$BEST
	best_of "$PYTHON -B $BENCHTOOL read $A/$NEW $A/ranges |
		zstd -1 -q -c >$A/packed"
	not_ten_times "refsend -i" "$tool" "$BEST"
}

new_replica() {
	chattr -i "$A"/replica/$NEW 2>/dev/null
	rm -f "$A"/replica/$NEW "$A/patched"
}

receive_cost() {
	local tool again=new_replica

	mkdir "$A/replica"
	run_ok bash -o pipefail -c "refsend $A/$OLD | refrecv $A/replica"
	run_ok "$PYTHON" -B "$BENCHTOOL" read "$A/$NEW" "$A/ranges"
	mv "$OUT" "$A/data"
	best_of "refrecv $A/replica <$A/stream"
	tool=$BEST
	run_ok cmp "$A/$NEW" "$A/replica/$NEW"
	best_of "$PYTHON -B $BENCHTOOL receive $A/replica/$OLD $A/patched \
		$A/data $A/ranges"
	run_ok cmp "$A/$NEW" "$A/patched"
	not_ten_times "refrecv" "$tool" "$BEST"
}

on_fs() {
	OLD=.snapshot/file.one NEW=.snapshot/file.two
	[ "$(df --output=avail -B 1M "$WORK" | tail -n 1)" -gt 2048 ] ||
		{ skip_case "cost" "less than 2 GiB free"; return; }
	make_fs "$1" A 8G
	test_case "a file of 1 GiB" make_pair_of_snapshots
	test_case "sending 100 MiB" send_cost
	test_case "receiving 100 MiB" receive_cost
	umount "$A"
	rm -f "$WORK/A.img"
}

for_each_fs on_fs xfs
finish
