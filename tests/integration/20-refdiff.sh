#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# 20-refdiff.sh - refdiff: the ranges that changed, on every file system, with
# every shape of file; each result is compared with that of reading both files.
. "$(dirname "$0")/lib.sh"

# fresh SIZE: $A/live of random contents, and its snapshot one.
fresh() {
	rm -rf "$A/live" "$A/.snapshot"
	random_file "$A/live" "$1" "${2:-1}"
	take "$A/live" one
	ONE=$SNAP
}

# Snapshot two; then compare, in both directions.
compare() {
	take "$A/live" two
	TWO=$SNAP
	diff_is_true "$ONE" "$TWO"
	diff_is_true "$TWO" "$ONE"
}

blocks_written() {
	fresh 1048576
	random_patch "$A/live" 8192 4096 a
	random_patch "$A/live" 65536 12288 b
	random_patch "$A/live" 1044480 4096 c
	compare
	run_status 1 refdiff "$ONE" "$TWO"
	expect [ "$(cat "$OUT")" = "8192 4096
65536 12288
1044480 4096" ]
}

bytes_written() {
	fresh 300000
	random_patch "$A/live" 4095 2 a
	random_patch "$A/live" 299999 1 b
	compare
	run_status 1 refdiff "$ONE" "$TWO"
	expect [ "$(cat "$OUT")" = "0 8192
299008 992" ]
}

# Written, but with the bytes that were there.
written_alike() {
	fresh 1048576
	dd if="$ONE" of="$A/live" bs=4096 skip=3 seek=3 count=5 conv=notrunc \
		status=none
	compare
	run_ok refdiff "$ONE" "$TWO"
	expect [ ! -s "$OUT" ]
}

same_file() {
	fresh 100000
	run_ok refdiff "$ONE" "$ONE"
	expect [ ! -s "$OUT" ]
	diff_is_true "$ONE" "$ONE"
}

unchanged() {
	fresh "$1"
	compare
	run_ok refdiff "$ONE" "$TWO"
	expect [ ! -s "$OUT" ]
}

resized() {
	fresh "$1"
	truncate -s "$2" "$A/live"
	compare
	run_status 1 refdiff "$ONE" "$TWO"
}

grown_by_data() {
	fresh 5000
	random_patch "$A/live" 5000 200001 a
	compare
}

all_hole() {
	rm -rf "$A/live" "$A/.snapshot"
	truncate -s 10M "$A/live"
	take "$A/live" one
	ONE=$SNAP
	compare
	run_ok refdiff "$ONE" "$TWO"
	random_patch "$A/live" 5000000 1 a
	take "$A/live" three
	diff_is_true "$ONE" "$SNAP"
	diff_is_true "$SNAP" "$ONE"
}

punched_and_zeroed() {
	fresh 1048576
	fallocate -p -o 4096 -l 8192 "$A/live"
	fallocate -p -o 100000 -l 50000 "$A/live"
	dd if=/dev/zero of="$A/live" bs=4096 seek=50 count=3 conv=notrunc \
		status=none
	compare
}

random_changes() {
	local i

	fresh 2000001
	for i in 1 2 3; do
		"$PYTHON" - "$A/live" "$i" <<-'END'
		import os, random, sys
		choice = random.Random("changes" + sys.argv[2])
		fd = os.open(sys.argv[1], os.O_RDWR)
		for _ in range(60):
		    size = os.fstat(fd).st_size
		    at, length = choice.randrange(size), choice.randrange(1, 9000)
		    what = choice.randrange(8)
		    if what == 0:
		        os.ftruncate(fd, max(1, size - length))
		    elif what == 1:
		        os.pwrite(fd, bytes(length), at)
		    elif what == 2:
		        at, length = at // 4096 * 4096, 4096 * (length // 4096 + 1)
		        os.pwrite(fd, os.pread(fd, length, at), at)
		    else:
		        os.pwrite(fd, choice.randbytes(length), at)
		END
		rm -f "$A/.snapshot/live.two"
		compare
		ONE=$A/.snapshot/live.one
	done
}

options() {
	fresh 1048576
	random_patch "$A/live" 8192 4096 a
	take "$A/live" two
	run_status 1 refdiff --summary "$ONE" "$SNAP"
	expect grep -q '^changed bytes:  4096' "$OUT"
	expect grep -q '^ranges: *1$' "$OUT"
	run_status 1 refdiff --json "$ONE" "$SNAP"
	expect [ "$(json_value "$OUT" 'o["ranges"]')" = \
		"[{'offset': 8192, 'length': 4096}]" ]
	expect [ "$(json_value "$OUT" 'o["map_only"]')" = False ]
	expect [ "$(json_value "$OUT" 'o["base"]')" = "$ONE" ]
	run_status 1 refdiff --map-only --json "$ONE" "$SNAP"
	expect [ "$(json_value "$OUT" 'o["map_only"]')" = True ]
	expect [ "$(json_value "$OUT" 'o["base_read_bytes"]')" = 0 ]
	expect [ "$(json_value "$OUT" 'any(r["offset"] <= 8192 and
r["offset"] + r["length"] >= 12288 for r in o["ranges"])')" = True ]
	run_status 1 refdiff --map-only "$ONE" "$SNAP"
	expect_error 'warning: --map-only'
}

# What both share is not read.
reads_little() {
	fresh 8388608
	random_patch "$A/live" 8192 4096 a
	take "$A/live" two
	run_status 1 refdiff --json "$ONE" "$SNAP"
	expect [ "$(json_value "$OUT" 'o["base_read_bytes"]')" -le 131072 ]
	expect [ "$(json_value "$OUT" 'o["snapshot_read_bytes"]')" -le 131072 ]
}

# Without reflink everything is read, and one line says so.
reads_all() {
	fresh 1048576
	take "$A/live" two
	run_ok refdiff --json "$ONE" "$SNAP"
	expect [ "$(json_value "$OUT" 'o["base_read_bytes"]')" = 1048576 ]
	expect_error 'every byte is compared'
	expect [ "$(wc -l <"$ERR")" -eq 1 ]
}

far_out() {
	rm -rf "$A/live" "$A/.snapshot"
	truncate -s "$1" "$A/live"
	random_patch "$A/live" 4294963200 8192 a
	random_patch "$A/live" $(($1 - 12345)) 4096 b
	random_patch "$A/live" 0 4096 c
	take "$A/live" one
	ONE=$SNAP
	random_patch "$A/live" 4294967296 10 d
	random_patch "$A/live" $(($1 / 2)) 4096 e
	compare
	run_status 1 timeout 2 refdiff "$ONE" "$TWO"
}

unprivileged() {
	fresh 1048576
	random_patch "$A/live" 8192 4096 a
	random_patch "$A/live" 500000 10000 b
	compare
	diff_is_true "$ONE" "$TWO" as_user refdiff
	diff_is_true "$TWO" "$ONE" as_user refdiff
	chmod 600 "$TWO"
	run_status 2 as_user refdiff "$ONE" "$TWO"
	expect_error 'Permission denied'
}

# btrfs can make no private clone where it may not write.
read_only_directory() {
	fresh 1048576
	random_patch "$A/live" 8192 4096 a
	take "$A/live" two
	mkdir "$A/closed"
	mv "$A/.snapshot/live.one" "$A/.snapshot/live.two" "$A/closed/"
	chmod 555 "$A/closed"
	diff_is_true "$A/closed/live.one" "$A/closed/live.two" as_user refdiff
	expect [ -z "$(find "$A/closed" -type f ! -name 'live.*')" ]
	rm -rf "$A/closed"
}

read_only_mount() {
	fresh 1048576
	random_patch "$A/live" 8192 4096 a
	take "$A/live" two
	mount -o remount,ro "$A" || fail "no remount"
	diff_is_true "$ONE" "$SNAP"
	diff_is_true "$ONE" "$SNAP" as_user refdiff
	mount -o remount,rw "$A"
}

on_fs() {
	make_fs "$1" A 4G
	test_case "whole blocks" blocks_written
	test_case "single bytes" bytes_written
	test_case "the same bytes written again" written_alike
	test_case "a snapshot and itself" same_file
	test_case "empty" unchanged 0
	test_case "1 byte" unchanged 1
	test_case "size of no multiple" unchanged 1234567
	test_case "grows from nothing" resized 0 100000
	test_case "grows by a hole" resized 5000 100000
	test_case "grows by data" grown_by_data
	test_case "shrinks" resized 300000 5001
	test_case "shrinks to nothing" resized 300000 0
	test_case "shrinks to 1 byte" resized 4097 1
	test_case "all hole" all_hole
	test_case "holes and zeros" punched_and_zeroed
	test_case "random changes" random_changes
	test_case "--summary, --json, --map-only" options
	test_case "beyond 4 GiB" far_out 6000000001
	test_case "1 TiB with three blocks" far_out 1099511627777
	case $1 in
	ext4) test_case "no reflink: reads all and says so" reads_all ;;
	*) test_case "reads little" reads_little ;;
	esac
	test_case "as a user" unprivileged
	test_case "in a directory that is read-only" read_only_directory
	test_case "on a file system that is read-only" read_only_mount
}

# Two file systems whose maps say the same of other contents.
two_devices() {
	make_fs "$1" A 1G
	make_fs "$1" B 1G
	random_file "$A/base" 1048576 1
	random_file "$B/snap" 1048576 2
	twins
}

# Likewise, and one has the identity of the other: a copy of the image.
two_copies() {
	make_fs xfs A 1G
	random_file "$A/base" 1048576 1
	umount "$A"
	mkdir -p "$WORK/B"
	mountpoint -q "$WORK/B" && umount "$WORK/B"
	cp --sparse=always "$WORK/A.img" "$WORK/B.img"
	mount -o loop "$WORK/A.img" "$A" || lib_bail "mount"
	mount -o loop,nouuid "$WORK/B.img" "$WORK/B" || lib_bail "mount"
	test_mounts+=("$WORK/B")
	B=$WORK/B
	mv "$B/base" "$B/snap"
	random_patch "$B/snap" 8192 4096 2
	twins
}

# Are $A/base and $B/snap, shared each on its own, at the same address?
twins() {
	sync -f "$A"
	sync -f "$B"
	reflink "$A/base" "$A/other"
	reflink "$B/snap" "$B/other"
	sync -f "$A"
	sync -f "$B"
	expect [ "$(address_at "$A/base" 8192)" = \
		"$(address_at "$B/snap" 8192)" ]
	reached "$A/base" 8192 '*,shared,*'
	reached "$B/snap" 8192 '*,shared,*'
	diff_is_true "$A/base" "$B/snap"
	diff_is_true "$B/snap" "$A/base"
	diff_is_true "$A/base" "$B/snap" as_user refdiff
	run_status 1 refdiff "$A/base" "$B/snap"
	expect_error 'do not lie on one file system'
}

trouble() {
	random_file "$WORK/file" 1000 1
	mkfifo "$WORK/fifo"
	run_code 2 refdiff "$WORK/file" "$WORK/missing"
	expect_error 'No such file'
	run_code 2 refdiff "$WORK/missing" "$WORK/file"
	run_code 2 refdiff "$WORK" "$WORK/file"
	run_code 2 timeout 5 refdiff "$WORK/fifo" "$WORK/file"
	run_code 2 refdiff
	run_code 2 refdiff "$WORK/file"
	run_code 2 refdiff "$WORK/file" "$WORK/file" "$WORK/file"
	run_code 2 refdiff --no-such-option "$WORK/file" "$WORK/file"
	run_code 2 refdiff --json --summary "$WORK/file" "$WORK/file"
	run_code 2 bash -c 'refdiff --json "$1" "$1" >/dev/full' x "$WORK/file"
	run_ok refdiff --help
	run_ok refdiff --version
}

for_each_fs on_fs "$@"
if [ $# -eq 0 ]; then
	make_fs tmpfs A 1G
	test_suffix=" [tmpfs]"
	test_case "whole blocks" blocks_written
	test_case "random changes" random_changes
	test_case "no reflink: reads all and says so" reads_all
	test_suffix=
fi
test_case "base and snapshot on two devices, XFS" two_devices xfs
test_case "base and snapshot on two devices, btrfs" two_devices btrfs
test_case "base and snapshot on two copies of one XFS" two_copies
test_case "trouble is exit code 2" trouble
finish
