#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# 30-traps.sh - states of extent maps on XFS, and those that every file system
# with reflink can reach, in which equal addresses hold different bytes, or
# different addresses equal ones.  Each test shows that it reached its state.
. "$(dirname "$0")/lib.sh"
. "$HERE/pair.sh"

# Overwrite a block of one of them and leave it dirty: without SYNC its map
# still shows the old, shared block.
dirty() {
	random_patch "$1" "$2" 4096 "dirty$2"
	reached "$1" "$2" '*,shared,*'
	expect [ "$(address_at "$A/base" "$2")" = "$(address_at "$A/snap" "$2")" ]
}

dirty_overwrite() {
	two_files
	dirty "$A/snap" 12288
	diff_is_true "$A/base" "$A/snap" "$@"
	dirty "$A/base" 20480
	diff_is_true "$A/base" "$A/snap" "$@"
}

dirty_overwrite_sent() {
	two_files
	send_full "$A/base"
	dirty "$A/snap" 12288
	send_change "$A/base" "$A/snap"
}

# Opening syncs a plain copy; this block is written between that and the map.
# The run fails, for the snapshot changed; but first the block was compared,
# not called equal.
written_after_opening() {
	local code=0 tries=0

	two_files
	traced -f -y -o "$WORK/trace" -e trace=fsync,pread64 \
		-e inject=fsync:signal=STOP:when=2 \
		refdiff "$A/base" "$A/snap" >"$OUT" 2>"$ERR" &
	until grep -qs 'stopped by SIGSTOP' "$WORK/trace"; do
		sleep 0.02
		[ $((tries += 1)) -lt 1000 ] || break
	done
	dirty "$A/snap" 12288
	kill -CONT "$(sed -n 's/ .*stopped by SIGSTOP.*//p' "$WORK/trace")"
	wait $! || code=$?
	expect [ "$code" -eq 2 ]
	expect_error 'snap was changed while it was in use'
	expect grep -q "pread64([0-9]*<$A/snap>, .*, 4096, 12288)" \
		"$WORK/trace"
}

# XFS shows what is dirty in it as UNWRITTEN and nothing else.
dirty_fallocated() {
	two_files
	rm "$A/snap"
	fallocate -p -o 65536 -l 65536 "$A/base"
	sync "$A/base"
	reflink "$A/base" "$A/snap"
	fallocate -o 65536 -l 65536 "$A/snap"
	sync "$A/snap"
	send_full "$A/base"
	random_patch "$A/snap" 73728 4096 2
	case $FS in
	xfs) reached "$A/snap" 73728 ',unwritten,' ;;
	btrfs) reached "$A/snap" 73728 '*,delalloc,*' ;;
	esac
	diff_is_true "$A/base" "$A/snap" "$@"
	random_patch "$A/snap" 81920 4096 3
	send_change "$A/base" "$A/snap"
	diff_is_true "$A/snap" "$A/base" "$@"
}

fallocated_synced() {
	two_files
	fallocate -o 262144 -l 262144 "$A/base"
	random_patch "$A/base" 300000 50000 4
	sync "$A/base"
	rm "$A/snap"
	reflink "$A/base" "$A/snap"
	random_patch "$A/snap" 270336 8192 5
	random_patch "$A/snap" 400000 1 6
	sync "$A/snap"
	reached "$A/base" 270336 '*,unwritten,*'
	check_pair "$A/base" "$A/snap"
}

# Ranges of hole, unwritten, written zeros and data, in all pairs.
kinds_of_nothing() {
	local file i j n=0 at
	local kinds=(hole unwritten zeros data)

	rm -f "$A/base" "$A/snap"
	truncate -s $((17 * 65536)) "$A/base" "$A/snap"
	for i in "${kinds[@]}"; do
		for j in "${kinds[@]}"; do
			at=$((n * 65536))
			for file in "base $i" "snap $j"; do
				make_range "$A/${file% *}" "${file#* }" $at
			done
			n=$((n + 1))
		done
	done
	sync "$A/base" "$A/snap"
	expect [ -z "$(extent_at "$A/snap" 0)" ]
	reached "$A/snap" 65536 '*,unwritten,*'
	check_pair "$A/base" "$A/snap"
}

make_range() {
	case $2 in
	unwritten) fallocate -n -o "$3" -l 65536 "$1" ;;
	zeros) dd if=/dev/zero of="$1" bs=65536 count=1 seek=$(($3 / 65536)) \
		conv=notrunc status=none ;;
	data) random_patch "$1" "$3" 65536 "$3" ;;
	esac
}

# The address of a block stays when it moves inside of the file.
shifted() {
	local at=131072

	two_files
	fallocate "$1" -o 65536 -l 65536 "$A/snap" || fail "fallocate $1"
	sync "$A/snap"
	if [ "$1" = -i ]; then
		expect [ "$(extent_at "$A/snap" 131072 | cut -d ' ' -f 2)" = \
			"$(address_at "$A/base" 65536)" ]
	else
		expect [ "$(address_at "$A/snap" 65536)" = \
			"$(address_at "$A/base" $at)" ]
	fi
	check_pair "$A/base" "$A/snap"
}

# Blocks of a file shared at another offset of the other; the first of them
# begins a record in both maps.  A third file keeps all of base SHARED.
shared_elsewhere() {
	two_files
	reflink "$A/base" "$A/other"
	clone_range "$A/base" 65536 4096 "$A/snap" 8192
	clone_range "$A/base" 0 4096 "$A/snap" 40960
	sync "$A/snap"
	expect [ "$(address_at "$A/snap" 8192)" = \
		"$(address_at "$A/base" 65536)" ]
	reached "$A/base" 8192 '*,shared,*'
	reached "$A/snap" 8192 '*,shared,*'
	check_pair "$A/base" "$A/snap"
}

# E1: the tail block of the smaller file is shared, but its bytes past the end
# are not in the smaller file.  XFS gives it a block of its own.
tail_shrunk() {
	local live=$A/live keep=$A/keep

	rm -f "$A/base" "$A/snap" "$live" "$keep"
	random_file "$live" 16384 1
	sync "$live"
	reflink "$live" "$keep"
	truncate -s 9000 "$live"
	reflink "$live" "$A/base"
	clone_range "$keep" 0 0 "$live" 0
	reflink "$live" "$A/snap"
	sync "$A/base" "$A/snap"
	expect [ "$(stat -c %s "$A/base")" = 9000 ]
	expect [ "$(stat -c %s "$A/snap")" = 16384 ]
	if [ "$FS" = btrfs ]; then
		reached "$A/base" 8192 '*,shared,*'
		expect [ "$(address_at "$A/base" 8192)" = \
			"$(address_at "$A/snap" 8192)" ]
	fi
	check_pair "$A/base" "$A/snap"
}

# E2: the end is not aligned, and moves up.
tail_extended() {
	rm -f "$A/base" "$A/snap"
	random_file "$A/base" 5000 1
	sync "$A/base"
	reflink "$A/base" "$A/snap"
	"$@"
	expect [ "$(stat -c %s "$A/snap")" -gt 5000 ]
	check_pair "$A/base" "$A/snap"
}

extend_by_truncate() {
	truncate -s 8192 "$A/snap"
}

# A store past the end of the file, but in its last page, must not appear.
extend_after_store() {
	"$PYTHON" -c 'import mmap, sys
with open(sys.argv[1], "r+b") as f:
    m = mmap.mmap(f.fileno(), 5000)
    m[4096:4100] = b"mark"
    m.flush()' "$A/snap"
	truncate -s 12000 "$A/snap"
}

extend_by_write() {
	random_patch "$A/snap" 9000 100 7
}

# After the other owner is gone, blocks are overwritten where they are: an
# address that was seen once proves nothing.
address_reused() {
	local was

	two_files
	was=$(address_at "$A/snap" 12288)
	cp --reflink=never "$A/base" "$A/other"
	sync "$A/other"
	rm "$A/base"
	sync -f "$A"
	# The blocks are freed in the background.
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		random_patch "$A/snap" 12288 4096 again
		sync "$A/snap"
		[ "$(address_at "$A/snap" 12288)" = "$was" ] && break
		sleep 0.2
		reflink "$A/other" "$A/scratch"
		rm "$A/scratch" "$A/snap"
		reflink "$A/other" "$A/snap"
		rm "$A/other"
		cp --reflink=never "$A/snap" "$A/other"
		was=$(address_at "$A/snap" 12288)
		sleep 0.2
	done
	expect [ "$(address_at "$A/snap" 12288)" = "$was" ]
	expect_not same "$A/other" "$A/snap"
	check_pair "$A/other" "$A/snap"
}

# A base that shares nothing any more: every byte is read, nothing differs.
base_unshared() {
	two_files
	random_patch "$A/snap" 8192 100 8
	run_ok refsnap unshare "$A/base"
	reached "$A/base" 65536 '*,last,*' sync
	expect_not grep -q shared <<<"$(flags_at "$A/base" 65536 sync)"
	check_pair "$A/base" "$A/snap"
}

# Blocks past the end of the file, which neither side shows.
allocated_past_end() {
	two_files 100000
	fallocate -n -o 100000 -l 262144 "$A/base"
	sync "$A/base"
	reached "$A/base" 131072 '*,unwritten,*'
	random_patch "$A/snap" 100000 50000 9
	check_pair "$A/base" "$A/snap"
}

# Many small extents, shared and not, so that windows of the two maps end at
# different places.
ragged() {
	local file=$A/base

	rm -f "$A/base" "$A/snap"
	"$PYTHON" - "$file" 12000 <<-'END'
	import os, sys
	fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
	for i in range(int(sys.argv[2])):
	    os.pwrite(fd, b"%4096d" % i, i * 8192)
	os.fsync(fd)
	END
	reflink "$file" "$A/snap"
	"$PYTHON" - "$A/snap" 12000 <<-'END'
	import os, random, sys
	fd = os.open(sys.argv[1], os.O_RDWR)
	choice = random.Random(1)
	for i in range(2000):
	    at = choice.randrange(int(sys.argv[2]) * 2)
	    os.pwrite(fd, b"%4095dx" % i, at * 4096)
	os.fsync(fd)
	END
	check_pair "$A/base" "$A/snap"
}

# Many small extents beside few large ones: a window of one map ends inside of
# an extent of the other.
small_beside_large() {
	rm -f "$A/base" "$A/snap"
	"$PYTHON" - "$A/base" <<-'END'
	import os, sys
	fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
	for i in range(5000):
	    os.pwrite(fd, b"%4096d" % i, i * 8192)
	os.fsync(fd)
	END
	"$PYTHON" - "$A/snap" <<-'END'
	import os, sys
	fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
	os.write(fd, b"%-4096d" % 7 * 10000)
	os.fsync(fd)
	END
	diff_is_true "$A/base" "$A/snap"
	diff_is_true "$A/base" "$A/snap" as_user refdiff
	diff_is_true "$A/snap" "$A/base"
	check_chain "$A/base" "$A/snap"
}

on_fs() {
	make_fs "$1" A
	test_case "dirty overwrite of a shared block" dirty_overwrite
	test_case "dirty overwrite of a shared block, as a user" \
		dirty_overwrite as_user refdiff
	test_case "dirty overwrite of a shared block, sent" \
		dirty_overwrite_sent
	test_case "dirty write into a fallocated range" dirty_fallocated
	test_case "dirty write into a fallocated range, as a user" \
		dirty_fallocated as_user refdiff
	test_case "written parts of a fallocated range" fallocated_synced
	test_case "hole, unwritten, zeros and data" kinds_of_nothing
	if [ "$1" = xfs ]; then
		if command -v strace >/dev/null; then
			test_case "a write after the file was opened" \
				written_after_opening
		else
			skip_case "a write after the file was opened" \
				"no strace"
		fi
		test_case "insert range" shifted -i
		test_case "collapse range" shifted -c
	fi
	test_case "a block shared at another offset" shared_elsewhere
	test_case "E1: the tail block of a shrunken file" tail_shrunk
	test_case "E2: the end moves by truncate" \
		tail_extended extend_by_truncate
	test_case "E2: the end moves after a store past it" \
		tail_extended extend_after_store
	test_case "E2: the end moves by a write" tail_extended extend_by_write
	[ "$1" = xfs ] && test_case \
		"an address is overwritten once its other owner is gone" \
		address_reused
	test_case "a base that shares nothing any more" base_unshared
	test_case "blocks past the end of the file" allocated_past_end
	test_case "ragged maps of 12,000 extents" ragged
	test_case "small extents beside large ones" small_beside_large
}

for_each_fs on_fs xfs btrfs
finish
