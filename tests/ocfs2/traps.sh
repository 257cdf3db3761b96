#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# traps.sh - states of extent maps that only OCFS2 has.  Each test shows that
# it reached its state.

. "$(dirname "$0")/../integration/lib.sh"
. "$HERE/pair.sh"

# A changed block moves a whole megabyte; what travels is the block.
coarse_copy_on_write() {
	two_files $((32 << 20))
	send_full "$A/base"
	random_patch "$A/snap" 5242880 4096 2
	sync "$A/snap"
	expect [ "$(address_at "$A/base" 5242880)" != \
		"$(address_at "$A/snap" 5242880)" ]
	expect [ "$(address_at "$A/base" 5246976)" != \
		"$(address_at "$A/snap" 5246976)" ]
	expect [ "$(address_at "$A/base" 8388608)" = \
		"$(address_at "$A/snap" 8388608)" ]
	diff_is_true "$A/base" "$A/snap"
	run_ok refsend -n --json -i "$A/base" "$A/snap"
	expect [ "$(json_value "$OUT" 'o["stream_bytes"]')" -lt 8192 ]
	send_change "$A/base" "$A/snap"
}

# An address that is no block's, but that of the inode; and a file that grows
# out of its inode: inline OFFSET LENGTH
inline() {
	rm -f "$A/base" "$A/snap"
	random_file "$A/base" 1500 1
	read_only "$A/base"
	reflink "$A/base" "$A/snap"
	reached "$A/base" 0 '*,inline,*'
	reached "$A/snap" 0 '*,inline,*'
	random_patch "$A/snap" "$1" "$2" 2
	check_pair "$A/base" "$A/snap"
}

# A clone shares what was never written, unlike on XFS.
unwritten_and_shared() {
	two_files
	rm "$A/snap"
	fallocate -o 0 -l 1048576 "$A/base"
	reflink "$A/base" "$A/snap"
	reached "$A/base" 524288 '*,unwritten,shared,*'
	reached "$A/snap" 524288 '*,unwritten,shared,*'
	random_patch "$A/snap" 524288 4096 4
	check_pair "$A/base" "$A/snap"
}

# The flag stays when the other owner is gone, and blocks are written in place.
shared_with_nobody() {
	local was

	two_files
	cp --reflink=never "$A/base" "$A/other"
	was=$(address_at "$A/snap" 12288)
	rm "$A/base"
	reached "$A/snap" 12288 '*,shared,*'
	random_patch "$A/snap" 12288 4096 5
	sync "$A/snap"
	expect [ "$(address_at "$A/snap" 12288)" = "$was" ]
	check_pair "$A/other" "$A/snap"
}

# Read all inodes that are not in use again from disk.  Twice: the first round
# leaves some.
forget() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
	sleep 0.5
	echo 3 >/proc/sys/vm/drop_caches
}

# Write to a file so that the times of its inode on disk do not tell, by
# O_DIRECT or by a reflink of a range into it; $A/other shares blocks with it,
# else OCFS2 refuses: write_forgotten direct|reflink FILE
write_forgotten() {
	local was

	forget
	was=$(stat -c '%y %z' "$2")
	if [ "$1" = reflink ]; then
		clone_range "$A/other" 0 65536 "$2" 0
	else
		"$PYTHON" - "$2" <<-'END'
		import mmap, os, sys
		block = mmap.mmap(-1, 4096)
		block[:] = b"direct!\n" * 512
		fd = os.open(sys.argv[1], os.O_RDWR | os.O_DIRECT)
		os.pwritev(fd, [block], 8192)
		END
	fi
	expect_not [ "$(stat -c '%y %z' "$2")" = "$was" ]
	forget
	expect [ "$(stat -c '%y %z' "$2")" = "$was" ]
	cp --reflink=never "$2" "$A/kept"
}

# $A/live with a snapshot $SNAP, and $A/other that differs at the start.
live_files() {
	rm -rf "$A/.snapshot" "$A/live" "$A/other" "$A/replica"
	random_file "$A/live" 300000 1
	take "$A/live" one
	reflink "$SNAP" "$A/other"
	random_patch "$A/other" 0 65536 9
}

restore_sees() {
	live_files
	write_forgotten "$1" "$A/live"
	run_code 5 refsnap restore "$SNAP"
	expect same "$A/kept" "$A/live"
	run_ok refsnap restore --force "$SNAP"
	expect same "$SNAP" "$A/live"
	forget
	run_ok refsnap restore "$SNAP"
}

live_sees() {
	local one

	live_files
	one=$SNAP
	mkdir "$A/replica"
	run_ok refsend "$one"
	cp "$OUT" "$WORK/stream"
	run_ok refrecv --live --reserve=0 "$A/replica" <"$WORK/stream"
	random_patch "$A/live" 100000 4096 2
	take "$A/live" two
	run_ok refsend -i "$one" "$SNAP"
	cp "$OUT" "$WORK/stream"
	write_forgotten direct "$A/replica/live"
	run_code 5 refrecv --live --reserve=0 "$A/replica" <"$WORK/stream"
	expect same "$A/kept" "$A/replica/live"
}

# Such a file might be another one when it is a base.
plain_and_writable() {
	random_file "$A/plain" 100000 1
	run_code 7 refsend "$A/plain"
	chmod a-w "$A/plain"
	run_ok refsend "$A/plain"
	chmod u+w "$A/plain"
	run_code 5 refsend "$A/plain"
}

# A map that is read in several pieces goes on where it stopped.
several_windows() {
	rm -f "$A/base" "$A/snap"
	"$PYTHON" - "$A/base" <<-'END'
	import os, sys
	fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
	os.ftruncate(fd, 9000 * 8192)
	for i in range(9000):
	    os.pwrite(fd, b"%4096d" % i, i * 8192)
	os.fsync(fd)
	END
	read_only "$A/base"
	reflink "$A/base" "$A/snap"
	expect [ "$("$PYTHON" "$FILETOOL" map "$A/base" | wc -l)" -gt 8192 ]
	random_patch "$A/snap" 8192 4096 6
	random_patch "$A/snap" $((8999 * 8192)) 4096 7
	random_patch "$A/snap" $((5000 * 8192)) 4096 8
	diff_is_true "$A/base" "$A/snap"
	check_chain "$A/base" "$A/snap"
}

on_fs() {
	make_fs "$1" A
	test_case "a changed block moves a megabyte" coarse_copy_on_write
	test_case "files within their inodes" inline 700 10
	test_case "out of the inode" inline 1400 70000
	test_case "what was never written is shared" unwritten_and_shared
	test_case "SHARED, but with nobody" shared_with_nobody
	test_case "a map of several windows" several_windows
	test_case "restore sees a direct write that is forgotten" \
		restore_sees direct
	test_case "restore sees a reflink that is forgotten" \
		restore_sees reflink
	test_case "--live sees a direct write that is forgotten" live_sees
	test_case "a plain file with write permission" plain_and_writable
}

large_clusters() {
	test_suffix="$test_suffix, clusters of 64 KiB"
	make_fs "$1" A 2G -C 65536
	test_case "what was never written is shared" unwritten_and_shared
	test_case "SHARED, but with nobody" shared_with_nobody
}

for_each_fs on_fs ocfs2
for_each_fs large_clusters ocfs2
finish
