#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 50-cost.sh - changes cost what changed: of an 8 GiB image with 100 changed
# blocks, little is read and little is sent.

. "$(dirname "$0")/lib.sh"
. "$HERE/stream.sh"

command -v strace >/dev/null || skip_all "strace is missing"
MIB=1048576
CHANGED=100

# 8 GiB with data in every block.  To be quick, 512 MiB are written and then
# reflinked 15 times: what is looked up is the map, and that is as large.
make_image() {
	local at commands=()

	"$PYTHON" -B "$STREAMTOOL" noise "$A/image" $((512 * MIB)) "$1"
	for ((at = 512; at < 8192; at += 512)); do
		commands+=(-c "reflink $A/image 0 ${at}m 512m")
	done
	xfs_io "${commands[@]}" "$A/image" >"$WORK/xfs_io" 2>&1
	expect [ "$(stat -c %s "$A/image")" -eq $((8192 * MIB)) ]
	run_ok refsnap create "$A/image" one
	"$PYTHON" -B "$STREAMTOOL" scatter "$A/image" "$CHANGED" 1 \
		>"$WORK/places"
	run_ok refsnap create "$A/image" two
}

# All that is read of files on $A.
bytes_read() {
	sed -n "s|^.*read[v0-9]*([0-9]*<$A/.* = \([0-9]*\)\$|\1|p" \
		"$WORK/trace" | awk '{ sum += $1 } END { print sum + 0 }'
}

cost() {
	local base=$A/.snapshot/image.one start total size

	start=$(date +%s%N)
	traced -f -y -s 0 -o "$WORK/trace" \
		-e trace=read,readv,pread64,preadv,preadv2,mmap,sendfile,splice,copy_file_range \
		refsend -i "$base" "$A/.snapshot/image.two" >"$STREAM" ||
		fail "refsend fails"
	note "$((($(date +%s%N) - start) / 1000000)) ms under strace"
	total=$(bytes_read)
	size=$(stat -c %s "$STREAM")
	note "$CHANGED changed blocks of 4 KiB in 8 GiB: $total bytes read," \
		"stream of $size bytes"
	expect [ "$total" -gt 0 ]
	expect [ "$total" -le $((2 * MIB)) ]
	expect [ "$size" -lt 500000 ]
	expect_not grep -E "(mmap|sendfile|splice|copy_file_range)\(.*<$A/" \
		"$WORK/trace"
	run_ok refrecv --dump <"$STREAM"
	run_ok "$PYTHON" -B "$REFSTREAM" verdict "$STREAM"
	run_ok "$PYTHON" -B "$REFSTREAM" records "$STREAM"
	expect "$PYTHON" -B "$STREAMTOOL" covers "$OUT" "$WORK/places"
}

on_fs() {
	[ "$(df --output=avail -B 1M "$WORK" | tail -n 1)" -gt 2048 ] ||
		{ skip_case "cost" "less than 2 GiB free"; return; }
	make_fs "$1" A 20G
	case $1 in
	btrfs-zstd) test_case "an 8 GiB image that compresses" make_image 3 ;;
	*) test_case "an 8 GiB image" make_image 1 ;;
	esac
	test_case "cost of $CHANGED blocks" cost
	umount "$A"
	rm -f "$WORK/A.img"
}

for_each_fs on_fs xfs btrfs btrfs-zstd
finish
