#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# 31-traps-btrfs.sh - states of extent maps that only btrfs has: compressed and
# inline extents, files without copy-on-write, shared preallocation.  As root
# refdiff goes by the items of the trees, as a user by FIEMAP; check_pair does
# both.
. "$(dirname "$0")/lib.sh"
. "$HERE/pair.sh"

# The start of the extent at an offset as FIEMAP has it: of a compressed one,
# whatever part of it a file uses.
start_at() {
	extent_at "$@" | cut -d ' ' -f 2
}

# $A/source: compressed extents of 128 KiB, written at once.
compressed_source() {
	rm -f "$A/base" "$A/snap" "$A/source"
	random_file "$A/source" "${1:-131072}" 1
	sync "$A/source"
	reached "$A/source" 0 '*,encoded,*'
	: >"$A/base"
	: >"$A/snap"
}

# C1: one extent, seen from its start and from its middle.
encoded_part() {
	compressed_source
	clone_range "$A/source" 0 0 "$A/base" 0
	clone_range "$A/source" 0 0 "$A/snap" 0
	clone_range "$A/source" 65536 4096 "$A/snap" 0
	sync "$A/base" "$A/snap"
	reached "$A/snap" 0 '*,encoded,*'
	expect [ "$(start_at "$A/base" 0)" = "$(start_at "$A/snap" 0)" ]
	expect_not cmp -n 4096 "$A/base" "$A/snap"
	check_pair "$A/base" "$A/snap"
}

# Two files whose parts lie at distances such that FIEMAP merges two compressed
# extents into one record, and the records of both are the same.
encoded_merged() {
	local first second distance

	compressed_source 262144
	first=$(start_at "$A/source" 0)
	second=$(start_at "$A/source" 131072)
	distance=$((second - first))
	expect [ "$distance" -gt 0 ]
	expect [ "$distance" -le 65536 ] || return
	clone_range "$A/source" 0 $distance "$A/base" 0
	clone_range "$A/source" 65536 $distance "$A/snap" 0
	clone_range "$A/source" 131072 131072 "$A/base" $distance
	clone_range "$A/source" 131072 131072 "$A/snap" $distance
	sync "$A/base" "$A/snap"
	reached "$A/snap" 0 '*,encoded,*'
	expect [ "$(extent_at "$A/base" 0)" = "$(extent_at "$A/snap" 0)" ]
	expect_not cmp -n 4096 "$A/base" "$A/snap"
	check_pair "$A/base" "$A/snap"
}

# Another file system tells disk address and offset apart only together: here
# the sum of both is equal, and so is the transaction.
encoded_sums() {
	local distance

	compressed_source 262144
	distance=$(($(start_at "$A/source" 131072) - \
		$(start_at "$A/source" 0)))
	expect [ "$distance" -gt 0 ]
	expect [ "$distance" -le 126976 ] || return
	clone_range "$A/source" $distance 4096 "$A/base" 0
	clone_range "$A/source" 131072 4096 "$A/snap" 0
	sync "$A/base" "$A/snap"
	reached "$A/base" 0 '*,encoded,*'
	reached "$A/snap" 0 '*,encoded,*'
	check_pair "$A/base" "$A/snap"
}

# C4: what is left of an overwritten extent, twice with one address.
encoded_overwritten() {
	compressed_source
	clone_range "$A/source" 0 0 "$A/base" 0
	clone_range "$A/source" 0 0 "$A/snap" 0
	random_patch "$A/snap" 32768 4096 2
	sync "$A/base" "$A/snap"
	expect [ "$(start_at "$A/snap" 0)" = "$(start_at "$A/snap" 36864)" ]
	expect_not [ "$(start_at "$A/snap" 0)" = "$(start_at "$A/snap" 32768)" ]
	check_pair "$A/base" "$A/snap"
}

# C5: in the map a compressed extent runs over its neighbour on the disk, which
# is plain: one side's flags are clean.
encoded_over_plain() {
	local distance

	rm -f "$A/plain"
	compressed_source
	"$PYTHON" -c 'import random, sys
sys.stdout.buffer.write(random.Random(1).randbytes(4096))' >"$A/plain"
	truncate -s 8192 "$A/plain"
	sync "$A/plain"
	distance=$(($(start_at "$A/plain" 0) - $(start_at "$A/source" 0)))
	expect [ "$distance" -gt 0 ]
	expect [ "$distance" -lt 131072 ] || return
	clone_range "$A/source" 0 0 "$A/base" 0
	truncate -s 131072 "$A/snap"
	clone_range "$A/plain" 0 4096 "$A/snap" $distance
	sync "$A/base" "$A/snap"
	reached "$A/base" $distance '*,encoded,*'
	reached "$A/snap" $distance '*,shared,*'
	expect_not grep -q encoded <<<"$(flags_at "$A/snap" $distance)"
	expect [ "$(address_at "$A/base" $distance)" = \
		"$(address_at "$A/snap" $distance)" ]
	check_pair "$A/base" "$A/snap"
}

# Compressed extents that both share are proven equal: as root nothing is read,
# as a user everything is.
encoded_cost() {
	compressed_source 1048576
	clone_range "$A/source" 0 0 "$A/base" 0
	clone_range "$A/source" 0 0 "$A/snap" 0
	sync "$A/base" "$A/snap"
	run_ok refdiff --json "$A/base" "$A/snap"
	expect [ "$(json_value "$OUT" 'o["base_read_bytes"]')" = 0 ]
	expect [ "$(json_value "$OUT" 'o["method"]')" = "btrfs extent items" ]
	run_ok as_user refdiff --json "$A/base" "$A/snap"
	expect [ "$(json_value "$OUT" 'o["base_read_bytes"]')" = 1048576 ]
	expect [ "$(json_value "$OUT" 'o["method"]')" = fiemap ]
}

# Small files lie in the tree: there is no address.
inline() {
	rm -f "$A/base" "$A/snap"
	random_file "$A/base" "$1" 1
	sync "$A/base"
	reached "$A/base" 0 '*,inline,*'
	cp --reflink=always "$A/base" "$A/snap" || fail "no reflink"
	random_patch "$A/snap" $(($1 / 2)) 1 2
	sync "$A/snap"
	reached "$A/snap" 0 '*,inline,*'
	check_pair "$A/base" "$A/snap"
	reflink "$A/base" "$A/equal"
	diff_is_true "$A/base" "$A/equal"
	rm "$A/equal"
}

# An inline file grows out of the tree.
inline_grown() {
	rm -f "$A/base" "$A/snap"
	random_file "$A/base" 1000 1
	sync "$A/base"
	reached "$A/base" 0 '*,inline,*'
	reflink "$A/base" "$A/snap"
	truncate -s 70000 "$A/snap"
	sync "$A/snap"
	diff_is_true "$A/base" "$A/snap"
	diff_is_true "$A/base" "$A/snap" as_user refdiff
	random_patch "$A/snap" 60000 5000 3
	check_pair "$A/base" "$A/snap"
}

# Without copy-on-write, blocks are overwritten in place as soon as nobody
# shares them: one address, one generation, two contents.
nocow_in_place() {
	local was

	rm -rf "$A/nocow"
	mkdir "$A/nocow"
	chattr +C "$A/nocow"
	random_file "$A/nocow/live" 65536 1
	sync "$A/nocow/live"
	cp --reflink=never "$A/nocow/live" "$A/nocow/base"
	sync "$A/nocow/base"
	was=$(address_at "$A/nocow/live" 8192)
	random_patch "$A/nocow/live" 8192 4096 2
	sync "$A/nocow/live"
	expect [ "$(address_at "$A/nocow/live" 8192)" = "$was" ]
	reflink "$A/nocow/live" "$A/nocow/snap"
	check_pair "$A/nocow/base" "$A/nocow/snap"
	check_pair "$A/nocow/live" "$A/nocow/snap"
}

nocow_cloned() {
	rm -rf "$A/nocow"
	mkdir "$A/nocow"
	chattr +C "$A/nocow"
	random_file "$A/nocow/base" 65536 1
	sync "$A/nocow/base"
	cp --reflink=always "$A/nocow/base" "$A/nocow/snap"
	expect [ "$(address_at "$A/nocow/base" 8192)" = \
		"$(address_at "$A/nocow/snap" 8192)" ]
	random_patch "$A/nocow/snap" 8192 4096 2
	# Dirty: the map without SYNC may still show the old block.
	diff_is_true "$A/nocow/base" "$A/nocow/snap"
	sync "$A/nocow/snap"
	# Again, now in place.
	random_patch "$A/nocow/snap" 8192 4096 3
	diff_is_true "$A/nocow/base" "$A/nocow/snap" as_user refdiff
	check_pair "$A/nocow/base" "$A/nocow/snap"
}

prealloc_shared() {
	rm -f "$A/base" "$A/snap"
	fallocate -l 262144 "$A/base"
	random_patch "$A/base" 131072 65536 1
	sync "$A/base"
	reflink "$A/base" "$A/snap"
	reached "$A/base" 0 '*,unwritten,shared,*'
	reached "$A/snap" 0 '*,unwritten,shared,*'
	expect [ "$(address_at "$A/base" 0)" = "$(address_at "$A/snap" 0)" ]
	random_patch "$A/snap" 4096 8192 2
	diff_is_true "$A/base" "$A/snap"
	random_patch "$A/base" 40960 8192 3
	diff_is_true "$A/base" "$A/snap" as_user refdiff
	sync "$A/base" "$A/snap"
	check_pair "$A/base" "$A/snap"
}

prealloc_unshared() {
	local was

	rm -f "$A/base" "$A/snap"
	fallocate -l 262144 "$A/base"
	sync "$A/base"
	was=$(address_at "$A/base" 8192)
	random_patch "$A/base" 8192 4096 1
	sync "$A/base"
	expect [ "$(address_at "$A/base" 8192)" = "$was" ]
	fallocate -l 262144 "$A/snap"
	sync "$A/snap"
	check_pair "$A/snap" "$A/base"
}

# Snapshots of a file in two subvolumes: one file system, two devices for stat.
subvolumes() {
	rm -rf "$A/base" "$A/snap"
	run_ok btrfs subvolume create "$A/one"
	run_ok btrfs subvolume create "$A/two"
	random_file "$A/one/base" 1048576 1
	sync "$A/one/base"
	reflink "$A/one/base" "$A/two/snap"
	random_patch "$A/two/snap" 8192 4096 2
	chmod 777 "$A/one" "$A/two"
	check_pair "$A/one/base" "$A/two/snap"
	run_status 1 refdiff --json "$A/one/base" "$A/two/snap"
	expect [ "$(json_value "$OUT" 'o["base_read_bytes"]')" -le 131072 ]
	btrfs subvolume delete "$A/one" "$A/two" >"$WORK/deleted"
}

# Only of nameless clones can no block be given away while they are mapped.
# Every map of either kind has to be of one; each file, synced, gets one.
clones_mapped() {
	local command maps='FS_IOC_FIEMAP|BTRFS_IOC_TREE_SEARCH_V2'

	rm -f "$A/base" "$A/snap"
	random_file "$A/base" 1048576 1
	sync "$A/base"
	reflink "$A/base" "$A/snap"
	random_patch "$A/snap" 8192 4096 2
	for command in traced "as_user strace"; do
		# shellcheck disable=SC2086 # a command
		ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 \
			run_status 1 $command -y -e trace=ioctl,fsync \
			-o "$WORK/home/trace" refdiff "$A/base" "$A/snap"
		grep -E "$maps" "$WORK/home/trace" >"$WORK/maps"
		expect grep -q 'sync clone sync clone$' <<<"$(sed -n \
			's/^fsync.*/sync/p;s/.*FICLONE.*/clone/p' \
			"$WORK/home/trace" | xargs)"
		rm -f "$WORK/home/trace"
		expect [ "$(wc -l <"$WORK/maps")" -ge 5 ]
		expect_not grep -v "ioctl([0-9]*<$A/#[0-9]*>(deleted)" \
			"$WORK/maps"
		expect [ "$(grep -o '/#[0-9]*' "$WORK/maps" | sort -u |
			wc -l)" -eq 2 ]
	done
	# Where there can be none, nothing is mapped.
	chmod 555 "$A"
	ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 \
		run_status 1 as_user strace -y -e trace=ioctl \
		-o "$WORK/home/trace" refdiff "$A/base" "$A/snap"
	chmod 777 "$A"
	expect_not grep -E "$maps" "$WORK/home/trace"
	rm -f "$WORK/home/trace"
}

on_zstd() {
	test_case "C1: another part of one compressed extent" encoded_part
	test_case "C2: compressed extents that FIEMAP merges" encoded_merged
	test_case "compressed extents whose addresses add up" encoded_sums
	test_case "C4: a compressed extent that is overwritten in part" \
		encoded_overwritten
	test_case "C5: a compressed extent beside a plain one" \
		encoded_over_plain
	test_case "shared compressed extents are not read, as root" \
		encoded_cost
}

on_fs() {
	make_fs "$1" A
	[ "$1" = btrfs-zstd ] && on_zstd
	test_case "a file of 2,000 bytes in the tree" inline 2000
	test_case "a file of 1 byte in the tree" inline 1
	test_case "a file that grows out of the tree" inline_grown
	test_case "+C: overwritten in place" nocow_in_place
	test_case "+C: cloned" nocow_cloned
	test_case "shared preallocation" prealloc_shared
	test_case "preallocation of one's own" prealloc_unshared
	test_case "two subvolumes" subvolumes
	if command -v strace >/dev/null; then
		test_case "only private clones are mapped" clones_mapped
	else
		skip_case "only private clones are mapped" "no strace"
	fi
}

for_each_fs on_fs btrfs-zstd btrfs
finish
