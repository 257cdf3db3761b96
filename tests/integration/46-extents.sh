#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 46-extents.sh - files of very many extents travel, in constant memory.

. "$(dirname "$0")/lib.sh"
. "$HERE/stream.sh"

# A snapshot on any kind of file system.
snap() {
	run_ok refsnap create --reflink=auto "$1" "$2"
}

few_extents() {
	"$PYTHON" -B "$STREAMTOOL" extents "$A/few" 10 "$1"
	snap "$A/few" one
	"$PYTHON" -B "$STREAMTOOL" patch "$A/few" 5 7 "$1"
	snap "$A/few" two
	mkdir "$A/replica"
	carry "$A/replica" -- "$A/.snapshot/few.one"
	carry "$A/replica" -- -i "$A/.snapshot/few.one" "$A/.snapshot/few.two"
}

# The memory that it takes does not grow with the number of extents, but for
# the index of what moved, which ends at 18 MiB (diff/moved.c). A sanitizer that
# keeps what was freed is told not to.
many_extents() {
	local file=$A/many count=$1 small large
	local -x ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=1

	"$PYTHON" -B "$STREAMTOOL" extents "$file" "$count" "$2"
	snap "$file" one
	"$PYTHON" -B "$STREAMTOOL" patch "$file" 100 7 "$2"
	fallocate -p -o $(($2 * count / 2)) -l $(($2 * 1000)) "$file"
	snap "$file" two
	carry "$A/replica" -- "$A/.snapshot/many.one"
	carry "$A/replica" -- -i "$A/.snapshot/many.one" "$A/.snapshot/many.two"
	check_replica "$A/.snapshot/many.two" "$A/replica/.snapshot/many.two"
	small=$("$PYTHON" -B "$STREAMTOOL" peak refsend \
		-i "$A/.snapshot/few.one" "$A/.snapshot/few.two")
	large=$("$PYTHON" -B "$STREAMTOOL" peak refsend \
		-i "$A/.snapshot/many.one" "$A/.snapshot/many.two")
	note "refsend: $small KiB for 10 extents, $large KiB for $count"
	expect [ "$large" -lt $((small + 24576)) ]
}

on_fs() {
	local count=20000 size=4096

	# Blocks of 1 KiB, where there are such, take a quarter of the time.
	case $1 in
	xfs)
		count=200000 size=1024
		make_fs xfs A 2G -b size=1024 ;;
	ext4)
		count=200000 size=1024
		make_fs ext4 A 2G -b 1024 ;;
	*)
		make_fs "$1" A 2G ;;
	esac
	forget_reader
	test_case "10 extents" few_extents "$size"
	test_case "$count extents" many_extents "$count" "$size"
}

for_each_fs on_fs
finish
