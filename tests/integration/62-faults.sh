#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 62-faults.sh - whatever call of the system fails, and whatever block cannot be
# read, one sentence says so, what was there before stays whole, and the next
# run does what was wanted.
#
# FAULT_ALL=1 lets every call fail, one after the other, instead of a choice of
# some; SEED makes that choice, and that of blocks, the same again.

. "$(dirname "$0")/lib.sh"
. "$HERE/stream.sh"
. "$HERE/refuse.sh"

FAILING=$(dirname "$(command -v refsend)")/tests/fault/failing.so
FAULT_ALL=${FAULT_ALL:-0}
SEED=${SEED:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
RANDOM=$SEED

# A sanitizer that is part of the tool, as clang has it, takes the calls first.
is_in_the_way() {
	grep -q __asan_init "$(command -v refsnap)" || return
	rm -f "$WORK/told"
	ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD=$FAILING \
		FAULT=malloc:1:12 FAULT_TOLD=$WORK/told refsnap list "$A" \
		>"$OUT" 2>&1
	[ ! -e "$WORK/told" ]
}

# calls_fail CASE...: see faulttool.py.
calls_fail() {
	local much=some

	[ "$FAULT_ALL" = 0 ] || much=all
	mkdir "$A/calls"
	"$PYTHON" -B "$HERE/faulttool.py" "$FAILING" "$A/calls" "$much" \
		"$SEED" "$@" >"$OUT" 2>&1 || fail "seed $SEED"
	note "$(cut -c 1-500 "$OUT")"
}

# spoil FILE OFFSET: the block of $A/FILE there, which nothing else on $A
# equals, cannot be read any more.
spoil() {
	dd if="$A/$1" of="$WORK/block" bs=4096 skip=$(($2 / 4096)) count=1 \
		status=none
	umount "$A"
	run_ok "$PYTHON" -c '
import os, sys
image, block = os.open(sys.argv[1], os.O_RDWR), open(sys.argv[2], "rb").read()
end = found = 0
while end < os.fstat(image).st_size:
    try:
        start = os.lseek(image, end, os.SEEK_DATA)
    except OSError:
        break
    end = os.lseek(image, start, os.SEEK_HOLE)
    data = os.pread(image, end - start, start)
    found += data.count(block)
    if block in data:
        os.pwrite(image, b"spoilt", start + data.index(block) + 100)
sys.exit(found != 1)' "$WORK/A.img" "$WORK/block"
	mount -o loop,noatime "$WORK/A.img" "$A"
	expect_not dd if="$A/$1" of=/dev/null bs=4096 count=1 \
		skip=$(($2 / 4096))
}

# refsend of this fails, and what it wrote passes for nothing.
unfinished() {
	run_code 1 refsend "$@"
	expect_error 'Input/output error'
	mv "$OUT" "$STREAM"
	: >"$OUT"
	run_code 3 refrecv --dump <"$STREAM"
	: >"$OUT"
	refuse 3 "$STREAM" "$B/replica"
	run_code 1 refsend -o "$WORK/none" "$@"
	expect [ ! -e "$WORK/none" ]
}

# Snapshots one and two of DIRECTORY/file, of 256 blocks; in 100 to 149 some
# bytes differ, so that the old ones are worth being the prefix.
one_and_two() {
	random_file "$1/file" 1048576 "$RANDOM.1"
	run_ok refsnap create "$1/file" one
	run_ok "$PYTHON" -c '
import os, random, sys
fd, source = os.open(sys.argv[1], os.O_WRONLY), random.Random(sys.argv[2])
for block in range(100, 150):
    os.pwrite(fd, source.randbytes(700), block * 4096 + 50)' "$1/file" "$RANDOM"
	run_ok refsnap create "$1/file" two
}

# All files, without reading them.
files() {
	find "$1" -type f -printf '%i %P %s %m %T@\n' | sort
}

# A block that both snapshots have; then one that only the second has.
source_spoilt() {
	local from=$A/.snapshot/file before

	make_fs btrfs A 1G -d single
	one_and_two "$A"
	random_file "$A/plain" 500000 "$RANDOM.3"
	cp "$from.two" "$WORK/two"
	rm -rf "$B/replica" "$B/other"
	send_and_receive "$B/replica" "$from.one"
	send_and_receive "$B/other" "$from.one"
	spoil .snapshot/file.one $((RANDOM % 100 * 4096))
	spoil plain $((RANDOM % 100 * 4096))
	unfinished "$from.one"
	unfinished "$from.two"
	unfinished --compress=none "$A/plain"
	before=$(files "$A")
	run_code 1 refsnap create --reflink=never "$A/file" three
	run_code 1 refsnap unshare "$A/file"
	expect [ "$before" = "$(files "$A")" ]
	# The difference does not need it.
	send_and_receive "$B/other" -i "$from.one" "$from.two"
	expect same "$WORK/two" "$B/other/.snapshot/file.two"
	spoil .snapshot/file.two $(((100 + RANDOM % 50) * 4096))
	unfinished -i "$from.one" "$from.two"
	unfinished -I "$from.one" "$from.two"
	run_code 2 refdiff "$from.one" "$from.two"
}

# A block of the base of a replica, which a clone does not need, and a copy and
# a change of that block do.
replica_spoilt() {
	local before at

	rm -rf "$B/file" "$B/.snapshot"
	one_and_two "$B"
	refsend -i "$B/.snapshot/file.one" "$B/.snapshot/file.two" >"$STREAM"
	for at in $((RANDOM % 100)) $((100 + RANDOM % 50)); do
		make_fs btrfs A 1G -d single
		send_and_receive "$A/replica" "$B/.snapshot/file.one"
		spoil replica/.snapshot/file.one $((at * 4096))
		before=$(files "$A")
		run_code 1 refrecv --reflink=never "$A/replica" <"$STREAM"
		expect_error 'Input/output error'
		expect [ "$before" = "$(files "$A")" ]
	done
	run_code 1 refrecv "$A/replica" <"$STREAM"
	expect [ "$before" = "$(files "$A")" ]
	run_ok refsnap delete "$A/replica/.snapshot/file.one"
	send_and_receive "$A/replica" "$B/.snapshot/file.one"
	run_ok refrecv "$A/replica" <"$STREAM"
	expect same "$B/.snapshot/file.two" "$A/replica/.snapshot/file.two"
}

# In check, all commands on one file system and a choice of them on another.
on_fs() {
	local cases=()

	[ "$1" = xfs ] || [ "$FAULT_ALL" != 0 ] ||
		cases=(create-to restore unshare receive-change
			receive-go-on)
	make_fs "$1" A
	if [ ! -e "$FAILING" ]; then
		skip_case "calls that fail" "$FAILING was not built"
	elif is_in_the_way; then
		skip_case "calls that fail" "the sanitizer is linked statically"
	else
		test_case "calls that fail" calls_fail "${cases[@]}"
	fi
}

blocks_cannot_be_read() {
	local round rounds=1

	[ "$FAULT_ALL" = 0 ] || rounds=20
	make_fs xfs B
	for ((round = 1; round <= rounds; round++)); do
		source_spoilt
		replica_spoilt
	done
	note "seed $SEED, $rounds rounds"
}

for_each_fs on_fs xfs btrfs
if lib_kind_usable xfs && lib_kind_usable btrfs; then
	test_case "blocks that cannot be read" blocks_cannot_be_read
else
	skip_case "blocks that cannot be read" "no mkfs for xfs and btrfs"
fi
finish
