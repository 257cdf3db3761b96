#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 63-space.sh - without space, by much or by little, for data or for metadata,
# by a quota or by the reserve: exit code 7, nothing is lost, nothing stays
# behind, and it works once there is space.
#
# FAULT_ALL=1 tries each command 100 times at random amounts of free space,
# instead of twice; SEED makes them the same again.

. "$(dirname "$0")/lib.sh"
. "$HERE/stream.sh"

FAULT_ALL=${FAULT_ALL:-0}
SEED=${SEED:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
CASES="create create-first create-copy create-to restore clone unshare hold
	send send-whole receive receive-change receive-copy receive-live
	receive-resumable"

# no_room space|quota DIR: see fulltool.py.
no_room() {
	local count=2

	[ "$FAULT_ALL" = 0 ] || count=100
	# shellcheck disable=SC2086 # a list
	"$PYTHON" -B "$HERE/fulltool.py" "$1" "$count" "$SEED" "$2" $CASES \
		>"$OUT" 2>&1 || fail "seed $SEED"
	note "$(cut -c 1-500 "$OUT")"
}

no_quota() {
	run_ok btrfs quota enable "$A"
	run_ok btrfs subvolume create "$A/limited"
	no_room quota "$A/limited"
}

# A btrfs that the tools call full can still be written to and cleaned up.
stays_writable() {
	random_file "$A/new" 1000000 5
	run_ok sync "$A/new"
	run_ok rm "$A/new"
	run_ok mkdir "$A/new"
	run_ok rmdir "$A/new"
	run_ok refsnap delete "$1"
	run_ok sync -f "$A"
	expect grep -q " $A btrfs rw," /proc/mounts
}

# leave BYTES: take all other space of $A.
leave() {
	fallocate -l $(($(free_bytes) - $1)) "$A/ballast" || fail "no ballast"
	sync -f "$A"
}

free_bytes() {
	echo $(($(stat -f -c '%a * %S' "$A")))
}

# until_refused COMMAND NUMBER...: run with 1, 2, ... until it exits with 7.
until_refused() {
	local number code=0

	for ((number = 1; number <= 100 && code == 0; number++)); do
		"$1" "$number" >"$OUT" 2>"$ERR" || code=$?
	done
	REFUSED=$((number - 1))
	expect [ "$code" -eq 7 ]
	expect [ "$(wc -l <"$ERR")" -eq 1 ]
}

next_replica() {
	rm -f "$WORK/source/file"
	head -c 8000000 /dev/urandom >"$WORK/source/file"
	chmod a-w "$WORK/source/file"
	refsend "$WORK/source/file" >"$STREAM"
	mkdir -p "$A/in/$1"
	refrecv "$A/in/$1" <"$STREAM"
}

next_snapshot() {
	head -c 1000000 /dev/urandom |
		dd of="$A/file" bs=1M conv=notrunc,fsync status=none
	refsnap create "$A/file" "$1"
}

# above MIB: more than that is free on $A.
above() {
	expect [ "$(free_bytes)" -gt $(($1 << 20)) ]
}

# Driven to the reserve by one large replica, by small ones, and by snapshots of
# a file that changes.  btrfs tells late what is used up.
to_the_reserve() {
	make_fs btrfs A 1G
	mkdir -p "$WORK/source" "$A/large"
	random_file "$A/file" 4000000 1
	leave $((330 << 20))
	head -c 150M /dev/urandom >"$WORK/source/large"
	chmod a-w "$WORK/source/large"
	run_ok refsend --compress=none -o "$STREAM" "$WORK/source/large"
	run_code 7 refrecv "$A/large" <"$STREAM"
	expect_error 'below the reserve'
	expect [ ! -e "$A/large/large" ]
	rm "$STREAM"
	sync -f "$A"
	until_refused next_replica
	expect_error 'below the reserve'
	expect [ "$REFUSED" -gt 3 ]
	expect [ ! -e "$A/in/$REFUSED/file" ]
	above 247
	until_refused next_snapshot
	expect_error 'below the reserve'
	above 247
	run_ok refsnap create --reserve=0 "$A/file" more
	stays_writable "$A/.snapshot/file.more"
	stays_writable "$A/in/1/file"
}

next_clone() {
	[ -e "$A/.snapshot/file.$1" ] || refsnap create "$A/file" "$1"
}

# Much is free, but not for metadata: each snapshot has an extent for each 4
# KiB, and no chunk can be added.
out_of_metadata() {
	local i

	make_fs btrfs A 1G
	"$PYTHON" -c '
import os, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
os.posix_fallocate(fd, 0, 100 << 20)
for at in range(0, 100 << 20, 8192):
    os.pwrite(fd, bytes(4095) + b"x", at)' "$A/file"
	for ((i = 0; i < 200; i++)); do
		fallocate -l 8M "$A/ballast.$i" 2>/dev/null || break
	done
	rm -f "$A"/ballast.*[02468]
	sync -f "$A"
	until_refused next_clone
	expect [ "$REFUSED" -gt 3 ]
	expect_not [ -e "$A/.snapshot/file.$REFUSED" ]
	above 256
	# Again and again, until even the last piece is used up.
	for i in 1 2 3; do
		until_refused next_clone
	done
	stays_writable "$A/.snapshot/file.1"
	run_ok refsnap delete "$A"/.snapshot/file.*
	run_ok sync -f "$A"
	run_ok next_clone 1
}

on_fs() {
	make_fs "$1" A 700M
	mkdir "$A/room"
	test_case "no space" no_room space "$A/room"
	[ "$1" = btrfs ] || return
	make_fs btrfs A 700M --mixed
	mkdir "$A/room"
	test_case "no space, data and metadata in one" no_room space "$A/room"
	make_fs btrfs A
	test_case "no quota" no_quota
	test_case "down to the reserve" to_the_reserve
	test_case "no space for metadata" out_of_metadata
}

for_each_fs on_fs xfs btrfs
finish
