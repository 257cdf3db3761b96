#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 47-moved.sh - contents that the file system itself shares at another offset
# (cloned, moved by an insertion or a collapse) travel as CLONE, not as bytes,
# and the replica shares them too.

. "$(dirname "$0")/lib.sh"
. "$HERE/stream.sh"

MIB=1048576

# start SIZE: a live file with the snapshot "one", and its replica in $B.
start() {
	rm -rf "$A/.snapshot" "$B/.snapshot" "$A/file"
	forget_reader
	random_file "$A/file" "$1" 1
	run_ok refsnap create "$A/file" one
	carry "$B" -- "$A/.snapshot/file.one"
}

# sent MOVED DATA [OPTION OF REFRECV]...: the snapshot "two" of what the file is
# now is the same over there, with so many bytes in CLONE and in DATA.
sent() {
	run_ok refsnap create "$A/file" two
	carry "$B" "${@:3}" -- -i "$A/.snapshot/file.one" "$A/.snapshot/file.two"
	check_replica "$A/.snapshot/file.two" "$B/.snapshot/file.two"
	expect [ "$(json_value "$WORK/sent.json" 'o["moved_bytes"]')" -eq "$1" ]
	expect [ "$(json_value "$WORK/sent.json" 'o["data_bytes"]')" -eq "$2" ]
	expect [ "$(json_value "$WORK/received.json" \
		'o["snapshots"][0]["moved_bytes"]')" -eq "$1" ]
}

used() {
	sync -f "$1"
	df --output=used -B1 "$1" | tail -n 1
}

clone_inside() {
	start $((8 * MIB))
	clone_range "$A/file" $((2 * MIB)) $MIB "$A/file" $((5 * MIB))
	clone_range "$A/file" 4096 8192 "$A/file" $((7 * MIB))
	sent $((MIB + 8192)) 0
	start $((8 * MIB))
	clone_range "$A/file" $((2 * MIB)) $MIB "$A/file" $((5 * MIB))
	random_patch "$A/file" $((5 * MIB + 65536)) 4096 2
	sent $((MIB - 4096)) 4096 --reflink=never
}

# What goes both ways at once: no range may be read after it was overwritten.
swapped() {
	local reflink

	for reflink in auto never; do
		start $((4 * MIB))
		clone_range "$A/file" 0 $MIB "$A/file" $((3 * MIB))
		clone_range "$A/.snapshot/file.one" $((3 * MIB)) $MIB \
			"$A/file" 0
		sent $((2 * MIB)) 0 --reflink=$reflink
	done
}

insertion() {
	start $((8 * MIB + 1000))
	fallocate -i -o $MIB -l 65536 "$A/file" || return
	random_patch "$A/file" $((MIB + 4096)) 4096 2
	# The last block is not whole.
	sent $((7 * MIB)) $((4096 + 1000))
}

collapse() {
	start $((8 * MIB + 1000))
	fallocate -c -o $MIB -l 65536 "$A/file" || return
	sent $((7 * MIB - 65536)) 1000
}

# Blocks past an end are zeros on one side: only whole blocks below both ends.
ends() {
	start $((MIB + 1000))
	# With the tail of the base, which ends within a block.
	truncate -s $((3 * MIB + 1000)) "$A/file"
	clone_range "$A/.snapshot/file.one" 0 0 "$A/file" $((2 * MIB))
	sent $MIB 1000
	start $((2 * MIB))
	truncate -s 10000 "$A/file"
	clone_range "$A/.snapshot/file.one" $MIB 8192 "$A/file" 0
	sent 8192 0
}

# Contents of another file are no business of the base's.
stranger() {
	start $((2 * MIB))
	random_file "$A/other" $MIB 2
	clone_range "$A/other" 0 $MIB "$A/file" $MIB
	sent 0 $MIB
	rm "$A/other"
}

takes_no_space() {
	local before after

	start $((64 * MIB))
	clone_range "$A/file" 0 $((32 * MIB)) "$A/file" $((32 * MIB))
	before=$(used "$B")
	sent $((32 * MIB)) 0
	after=$(used "$B")
	expect [ $((after - before)) -lt $((4 * MIB)) ]
	expect [ "$(stat -c %s "$STREAM")" -lt 4096 ]
}

several() {
	start $((4 * MIB))
	clone_range "$A/file" 0 $MIB "$A/file" $((2 * MIB))
	run_ok refsnap create "$A/file" two
	clone_range "$A/file" $((3 * MIB)) $MIB "$A/file" 0
	run_ok refsnap create "$A/file" three
	carry "$B" -- -I "$A/.snapshot/file.one" "$A/.snapshot/file.three"
	expect [ "$(json_value "$WORK/sent.json" 'o["moved_bytes"]')" -eq \
		$((2 * MIB)) ]
	check_replica "$A/.snapshot/file.two" "$B/.snapshot/file.two"
	check_replica "$A/.snapshot/file.three" "$B/.snapshot/file.three"
}

# refdiff tells what differs in place, wherever it comes from.
told_by_refdiff() {
	start $((2 * MIB))
	clone_range "$A/file" 0 8192 "$A/file" $MIB
	run_ok refsnap create "$A/file" two
	run_status 1 refdiff "$A/.snapshot/file.one" "$A/.snapshot/file.two"
	expect [ "$(cat "$OUT")" = "$MIB 8192" ]
}

# What cannot be shared over there is copied.
smaller_blocks() {
	start $((2 * MIB))
	clone_range "$A/file" 3072 $((MIB - 4096)) "$A/file" $((MIB + 2048))
	sent $((MIB - 4096)) 0
}

on_fs() {
	local kind=$1

	make_fs "$kind" A
	make_fs "$kind" B
	test_case "cloned within the file" clone_inside
	test_case "swapped" swapped
	if [ "$kind" = xfs ]; then
		test_case "an insertion" insertion
		test_case "a collapse" collapse
	fi
	test_case "ends within blocks" ends
	test_case "contents of another file" stranger
	test_case "the replica shares them" takes_no_space
	test_case "several snapshots" several
	test_case "refdiff" told_by_refdiff
}

on_small_blocks() {
	make_fs xfs A 2G -b size=1024
	make_fs xfs B
	test_case "blocks of 1 KiB onto blocks of 4 KiB" smaller_blocks
}

for_each_fs on_fs xfs btrfs btrfs-zstd
for_each_fs on_small_blocks xfs
finish
