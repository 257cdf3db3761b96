#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 40-chain.sh - chains of snapshots travel whole and as differences, onto every
# kind of file system, on to a third place and back.

. "$(dirname "$0")/lib.sh"
. "$HERE/stream.sh"

MIB=1048576

# snap FILE NAME: a snapshot on any kind of file system.
snap() {
	run_ok refsnap create --reflink=auto "$1" "$2"
}

edit() {
	local file=$1 command commands=()

	shift
	for command; do
		commands+=(-c "$command")
	done
	xfs_io "${commands[@]}" "$file" >"$WORK/xfs_io" 2>&1
}

# history FILE: six snapshots, one to six, between which all kinds of change
# happen.
history() {
	local file=$1

	random_file "$file" $((6 * MIB)) 1
	edit "$file" "fpunch 2m 1m" "falloc 8m 256k"
	snap "$file" one
	random_patch "$file" $((64 * 4096)) $((3 * 4096)) 2
	random_patch "$file" 12345 100 3
	random_patch "$file" $((5 * MIB + 1)) 70000 4
	random_patch "$file" $((2 * MIB + 5000)) 10000 5
	edit "$file" "pwrite -S 0x41 8m 40k" "pwrite -S 0x42 9000k 777"
	snap "$file" two
	edit "$file" "truncate 5000001"
	snap "$file" three
	edit "$file" "truncate 8388613"
	random_patch "$file" $((8 * MIB)) 5 6
	random_patch "$file" 5000000 2 7
	snap "$file" four
	edit "$file" "fpunch 1m 512k" "fpunch 300000 5000" \
		"pwrite -S 0 600k 64k" "pwrite -S 0 2500001 4097"
	edit "$file" "fzero 4m 128k"
	snap "$file" five
	# Not on btrfs.
	edit "$file" "finsert 64k 64k"
	edit "$file" "fcollapse 1m 128k"
	random_patch "$file" 0 1 8
	snap "$file" six
}

check_all() {
	local name

	for name in "${@:2}"; do
		check_replica "$A/.snapshot/file.$name" \
			"$1/.snapshot/file.$name"
	done
}

chain() {
	local from=$A/.snapshot/file

	forget_reader
	history "$A/file"
	carry "$B" -- "$from.one"
	carry "$B" -- -i "$from.one" "$from.two"
	carry "$B" -- -p "$from.two" "$from.three"
	carry "$B" -- -I "$from.three" "$from.six"
	check_all "$B" one two three four five six
	expect [ "$(snap_ids "$A")" = "$(snap_ids "$B")" ]
}

# Not only step by step: over several changes at once, and backwards.
leaps() {
	local from=$A/.snapshot/file

	mkdir "$B/leap"
	carry "$B/leap" -- "$from.two"
	carry "$B/leap" -- -i "$from.two" "$from.six"
	carry "$B/leap" -- -i "$from.six" "$from.three"
	carry "$B/leap" -- --compress=none -i "$from.three" "$from.five"
	carry "$B/leap" -- --compress=zstd:3 -i "$from.two" "$from.one"
	carry "$B/leap" --reflink=never -- -i "$from.one" "$from.four"
	check_all "$B/leap" one two three four five six
	mkdir "$B/whole"
	carry "$B/whole" -- --compress=none "$from.five"
	carry "$B/whole" -- --compress=zstd:19 "$from.one"
	carry "$B/whole" -- -I "$from.one" "$from.six"
	check_all "$B/whole" one two three four five six
}

# The same snapshot again: nothing to do.
again() {
	local before

	before=$(tree_listing "$B")
	carry "$B" -- -I "$A/.snapshot/file.one" "$A/.snapshot/file.six"
	expect [ "$(json_value "$WORK/received.json" \
		'all(s["present"] for s in o["snapshots"])')" = True ]
	expect [ "$before" = "$(tree_listing "$B")" ]
}

# From A to B to C, then from A to C, then from B back to A.
onwards() {
	local from=$A/.snapshot/file on=$B/.snapshot/file

	mkdir "$B/C"
	carry "$B/C" -- "$on.one"
	carry "$B/C" -- -i "$on.one" "$on.two"
	check_all "$B/C" one two
	carry "$B/C" -- -i "$from.two" "$from.three"
	carry "$B/C" -- -I "$on.three" "$on.five"
	check_all "$B/C" three four five
	run_ok refsnap delete "$from.two" "$from.three"
	carry "$A" -- -i "$on.one" "$on.two"
	check_replica "$on.two" "$from.two"
	carry "$A" -- "$on.three"
	check_replica "$on.three" "$from.three"
	carry "$B/C" -- -i "$from.two" "$from.six"
	check_replica "$from.six" "$B/C/.snapshot/file.six"
	run_ok refsend -n --json -I "$from.one" "$from.six"
	expect [ "$(json_value "$OUT" 'o["snapshots"]')" -eq 5 ]
}

# onto SOURCE KIND: with replicas on that kind of file system.
onto() {
	local suffix=$test_suffix

	test_suffix="$suffix to [$2]"
	make_fs "$1" A
	make_fs "$2" B
	test_case "a chain with all kinds of change" chain
	if [ "$1" != "$2" ]; then
		test_case "over several snapshots, with options" leaps
		test_case "the same again is nothing to do" again
	fi
	test_case "on to a third place, and back" onwards
	test_suffix=$suffix
}

on_fs() {
	onto "$1" "$1"
	case $1 in
	xfs) onto "$1" btrfs ;;
	btrfs) onto "$1" xfs ;;
	btrfs-zstd) onto "$1" ext4 ;;
	ext4) onto "$1" btrfs-zstd ;;
	esac
}

for_each_fs on_fs
finish
