#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 65-crash.sh - the file system crashes at any moment: the old state is there
# or the new one, whole; what exit code 0 promised is there; the next run needs
# no help.
#
# XFS and ext4 are shut down, as by xfs_io -x -c shutdown, and mounted again.
# A btrfs lies on an image on XFS, which is reflinked while it is written to:
# what a crash would leave.  CRASHES=N crashes so often in each test.

. "$(dirname "$0")/lib.sh"
. "$HERE/work.sh"

CRASHES=${CRASHES:-0}

# crash HOW MOMENT WORK COUNT: COUNT is for make check.
crash() {
	local count=$4

	[ "$CRASHES" -gt 0 ] && count=$CRASHES
	disaster "$1" "$2" "$3" "$count" "$IMAGE"
}

# after_calls HOW WORK CALL...: after each of these calls of a program.
after_calls() {
	local how=$1 work=$2 calls

	shift 2
	command -v strace >/dev/null || {
		skip "no strace"
		return
	}
	calls=$*
	disaster "$how" "calls=${calls// /,}" "$work" \
		$((1 + CRASHES / 50)) "$IMAGE"
}

on_shutdown() {
	IMAGE=$WORK/place.img
	place_on "$1" "$IMAGE"
	test_case "crash as refrecv exits" crash shutdown success receive 15
	test_case "crash as refsnap or refsend exits" \
		crash shutdown success local 30
	test_case "crash while refrecv runs" \
		crash shutdown random receive 15
	test_case "crash while refsnap or refsend runs" \
		crash shutdown random local 20
	[ "$1" = xfs ] || return
	test_case "crash after the log was flushed, refrecv" \
		crash shutdown-flush random receive 8
	test_case "crash after each call that names, refrecv" \
		after_calls shutdown receive fsync renameat renameat2 unlinkat
}

on_image() {
	make_fs xfs H 20G
	IMAGE=$H/place.img
	place_on "$1" "$IMAGE"
	test_case "crash image as refrecv exits" crash image success receive 15
	test_case "crash image as refsnap or refsend exits" \
		crash image success local 30
	test_case "crash image while refrecv runs" \
		crash image random receive 15
	test_case "crash image while refsnap or refsend runs" \
		crash image random local 20
	test_case "crash image after each call that names, refrecv" \
		after_calls image receive fsync renameat renameat2 unlinkat
}

lib_kind_usable xfs || skip_all "no mkfs for xfs"
make_source
for_each_fs on_shutdown xfs ext4
for_each_fs on_image btrfs
finish
