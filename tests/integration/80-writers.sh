#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# 80-writers.sh - what exists nowhere else is never replaced: live files that
# were changed, or are being opened for writing, at bad moments.
. "$(dirname "$0")/lib.sh"

# Append to a file in the background; writes "kept" to $WORK/written if the
# file that took it still has its name afterwards.
append_later() {
	"$PYTHON" - "$1" "$2" <<'END' &
import os, sys, time
time.sleep(float(sys.argv[2]))
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND)
os.write(fd, b"precious")
os.fsync(fd)
END
	writer=$!
}

# What append_later wrote must stand in the file of that name.
expect_precious() {
	wait "$writer"
	expect [ "$(tail -c 8 "$1")" = precious ]
}

# The file was never published; its own snapshot was deleted again.
live_unpublished() {
	mkdir "$A/one" "$A/two"
	random_file "$A/one/disk" 100000 1
	run_ok refsnap create --reflink=auto "$A/one/disk" s
	random_file "$A/two/disk" 100000 2
	run_ok refsnap create --reflink=auto "$A/two/disk" mine
	run_ok refsnap delete "$A/two/.snapshot/disk.mine"
	cp "$A/two/disk" "$A/precious"
	run_ok refsend -o "$A/stream" "$A/one/.snapshot/disk.s"
	run_code 5 sh -c 'refrecv --live "$1" <"$2"' - "$A/two" "$A/stream"
	expect same "$A/two/disk" "$A/precious"
	# Held by a snapshot of its own, but of another lineage.
	run_ok refsnap create --reflink=auto "$A/two/disk" mine
	run_code 5 sh -c 'refrecv --live "$1" <"$2"' - "$A/two" "$A/stream"
	expect same "$A/two/disk" "$A/precious"
}

# It holds a snapshot, which is there, but of another file.
live_of_another() {
	mkdir "$A/six"
	random_file "$A/six/other" 100000 3
	run_ok refsnap create --reflink=auto "$A/six/other" s
	run_ok refsnap restore "$A/six/.snapshot/other.s" "$A/six/disk"
	refsend "$A/one/.snapshot/disk.s" >"$WORK/stream"
	run_code 5 refrecv --live "$A/six" <"$WORK/stream"
	expect_error 'changed since it was published, or was never'
	expect same "$A/six/disk" "$A/six/other"
}

# Published, worked on, snapshotted, and that snapshot deleted.
live_worked_on() {
	mkdir "$A/three"
	refsend "$A/one/.snapshot/disk.s" | run_ok refrecv --live "$A/three"
	echo "my work" >>"$A/three/disk"
	run_ok refsnap create --reflink=auto "$A/three/disk" tmp
	run_ok refsnap delete "$A/three/.snapshot/disk.tmp"
	cp "$A/three/disk" "$A/precious"
	echo x >>"$A/one/disk"
	run_ok refsnap create --reflink=auto "$A/one/disk" t
	run_ok refsend -o "$A/change" -i "$A/one/.snapshot/disk.s" \
		"$A/one/.snapshot/disk.t"
	run_code 5 sh -c 'refrecv --live "$1" <"$2"' - "$A/three" "$A/change"
	expect same "$A/three/disk" "$A/precious"
}

# A writer comes just before the rename.
live_writer_at_rename() {
	mkdir "$A/four"
	refsend "$A/one/.snapshot/disk.s" | run_ok refrecv --live "$A/four"
	append_later "$A/four/disk" 0.5
	traced -o /dev/null -f -e trace=renameat2 \
		-e inject=renameat2:delay_enter=1500000:when=2 \
		refrecv --live "$A/four" <"$A/change" 2>"$ERR"
	expect [ $? -eq 1 ]
	expect_error 'opened for writing'
	expect_precious "$A/four/disk"
	# The next run refuses: that is work now.
	run_code 5 sh -c 'refrecv --live "$1" <"$2"' - "$A/four" "$A/change"
	expect_precious "$A/four/disk"
	expect [ -z "$(ls "$A/four/.snapshot/.refsend" | grep partial)" ]
}

# The same, and the names cannot be exchanged back.
live_writer_and_failure() {
	local kept number

	for kept in twin stuck; do
		mkdir "$A/$kept"
		refsend "$A/one/.snapshot/disk.s" |
			run_ok refrecv --live "$A/$kept"
	done
	# The last lock is that on the old file, before the exchange.
	run_ok traced -o "$WORK/trace" -e trace=flock refrecv -T1 --live \
		"$A/twin" <"$A/change"
	number=$(grep -c '^flock' "$WORK/trace")
	append_later "$A/stuck/disk" 1
	traced -o /dev/null -e trace=renameat2,flock \
		-e inject=renameat2:error=EIO:when=3 \
		-e inject=flock:delay_exit=2500000:when="$number" \
		refrecv -T1 --live "$A/stuck" <"$A/change" 2>"$ERR"
	expect [ $? -eq 1 ]
	expect_error 'what was there is .*/replaced\.'
	kept=$(sed -n 's/.*what was there is //p' "$ERR")
	expect_precious "$kept"
	# A later run does not sweep it away.
	run_status 0 refrecv --live "$A/stuck" <"$A/change"
	expect_precious "$kept"
}

# Another file gets the name just before the rename, as editors do it.
live_renamed_over() {
	mkdir "$A/five"
	refsend "$A/one/.snapshot/disk.s" | run_ok refrecv --live "$A/five"
	echo precious >"$A/five/new"
	(sleep 0.5; mv "$A/five/new" "$A/five/disk") &
	traced -o /dev/null -f -e trace=renameat2 \
		-e inject=renameat2:delay_enter=1500000:when=2 \
		refrecv --live "$A/five" <"$A/change" 2>"$ERR"
	expect [ $? -eq 1 ]
	expect_error 'another file'
	expect [ "$(cat "$A/five/disk")" = precious ]
}

# unshare by copy takes time.
unshare_writer() {
	random_file "$A/big" 60000000 1
	sync "$A/big"
	append_later "$A/big" 0.5
	traced -o /dev/null -f -e trace=pwrite64 \
		-e inject=pwrite64:delay_enter=50000 \
		refsnap unshare "$A/big" 2>"$ERR"
	expect [ $? -eq 1 ]
	expect_precious "$A/big"
	expect [ -z "$(ls "$A/.snapshot/.refsend" 2>/dev/null | grep partial)" ]
	run_ok refsnap unshare "$A/big"
	expect [ "$(tail -c 8 "$A/big")" = precious ]
}

unshare_nocow() {
	: >"$A/nocow"
	chattr +C "$A/nocow"
	random_file "$A/other" 100000 1
	cat "$A/other" >"$A/nocow"
	run_ok refsnap create "$A/nocow" s
	run_ok refsnap unshare "$A/nocow"
	expect [ "$(lsattr "$A/nocow" | grep -c C--)" -eq 1 ]
	expect same "$A/nocow" "$A/other"
}

# Timestamps of whole seconds: two writes in one of them look alike.
coarse_times() {
	local i

	for i in 1 2 3; do
		echo aaaa >"$A/coarse$i"
		run_ok refsnap create --reflink=auto --reserve=0 "$A/coarse$i" s
		echo bbbb >"$A/coarse$i"
		run_code 5 refsnap restore "$A/.snapshot/coarse$i.s"
		expect [ "$(cat "$A/coarse$i")" = bbbb ]
	done
}

# Strange files in the tool's own directory.
strange_state() {
	run_ok refsnap create --reflink=auto "$A/one/disk" state
	mkfifo "$A/one/.snapshot/.refsend/partial.x"
	run_ok timeout 20 refsnap create --reflink=auto "$A/one/disk" state2
	for i in "$A/one/.snapshot/.refsend/"live.*; do
		rm "$i"
		mkfifo "$i"
	done
	run_code 5 timeout 20 refsnap restore "$A/one/.snapshot/disk.s"
	run_ok timeout 20 refsnap restore --force "$A/one/.snapshot/disk.s"
	expect same "$A/one/disk" "$A/one/.snapshot/disk.s"
}

# A file of a user among the state would be swept.
file_among_state() {
	local state=$A/one/.snapshot/.refsend

	run_code 1 refsnap create --reflink=auto -o "$state/partial.mine" \
		"$A/one/disk"
	expect_error 'the tools keep their state there'
	run_code 1 refsnap clone "$A/one/.snapshot/disk.s" "$state/partial.mine"
	run_code 1 sh -c 'cd "$1" && refsnap clone ../disk.s partial.mine' - \
		"$state"
	expect [ ! -e "$state/partial.mine" ]
}

# --live publishes what was received, or says that it did not: here it was
# counted after the replica's own snapshots, and by a source that deleted some.
live_counted_otherwise() {
	local from=$A/seven/.snapshot/disk to=$A/eight

	mkdir "$A/seven" "$to"
	random_file "$A/seven/disk" 100000 7
	run_ok refsnap create --reflink=auto "$A/seven/disk" a
	refsend "$from.a" | run_ok refrecv --reserve=0 --live "$to"
	run_ok refsnap create --reflink=auto "$to/disk" mine1
	run_ok refsnap create --reflink=auto "$to/disk" mine2
	random_patch "$A/seven/disk" 1000 10 8
	run_ok refsnap create --reflink=auto "$A/seven/disk" b
	refsend -i "$from.a" "$from.b" >"$WORK/stream"
	run_code 5 refrecv --reserve=0 --live "$to" <"$WORK/stream"
	expect_error 'counts as newer than the snapshot that was received'
	run_code 5 refrecv --reserve=0 --live "$to" <"$WORK/stream"
	expect same "$from.b" "$to/.snapshot/disk.b"
	run_ok refsnap delete "$to"/.snapshot/disk.mine[12]
	run_code 5 refrecv --reserve=0 --live "$to" <"$WORK/stream"
	expect_error 'changed since it was published'
	rm "$to/disk"
	run_ok refrecv --reserve=0 --live "$to" <"$WORK/stream"
	expect same "$A/seven/disk" "$to/disk"
	run_ok refsnap create --reflink=auto "$A/seven/disk" c
	refsend -i "$from.b" "$from.c" |
		run_ok refrecv --reserve=0 --live "$to"
	run_ok refsnap delete "$from.b" "$from.c"
	random_patch "$A/seven/disk" 2000 10 9
	run_ok refsnap create --reflink=auto "$A/seven/disk" d
	refsend -i "$from.a" "$from.d" >"$WORK/stream"
	run_code 5 refrecv --reserve=0 --live "$to" <"$WORK/stream"
	expect_error "counts as newer"
	expect same "$from.d" "$to/.snapshot/disk.d"
}

on_fs() {
	make_fs "$1" A
	test_case "a live file that was never published" live_unpublished
	test_case "a live file that holds another's snapshot" live_of_another
	test_case "a live file that was worked on" live_worked_on
	if command -v strace >/dev/null; then
		test_case "a writer at the rename" live_writer_at_rename
		test_case "a writer, and no way back" live_writer_and_failure
		test_case "another file at the rename" live_renamed_over
	else
		skip_case "a writer at the rename" "no strace"
	fi
	test_case "a live file whose snapshots count otherwise" \
		live_counted_otherwise
	test_case "no file of a user among the state" file_among_state
	test_case "strange files among the state" strange_state
	case $1 in
	btrfs*)
		test_case "unshare keeps the no-copy-on-write flag" \
			unshare_nocow
		command -v strace >/dev/null &&
			test_case "a writer during unshare" unshare_writer
		;;
	esac
}

# A seal has to tell later writes also by whole seconds.
coarse_plain() {
	random_file "$A/plain" 100000 1
	run_status 0 refsend "$A/plain"
	run_status 0 refsend "$A/plain"
	expect getfattr -n user.refsend.seal "$A/plain"
	random_patch "$A/plain" 1000 10 2
	run_code 5 refsend "$A/plain"
}

# Who may not seal it waits until a later write gets another time.
coarse_unsealed() {
	local first start

	random_file "$A/theirs" 100000 1
	# At the beginning of a second, so that all else falls into it.
	start=$(date +%s)
	while [ "$(date +%s)" = "$start" ]; do sleep 0.01; done
	random_patch "$A/theirs" 1000 10 2
	first=$(as_user refsend "$A/theirs" | refrecv --dump | grep BEGIN)
	random_patch "$A/theirs" 1000 10 3
	expect [ -n "$first" ]
	expect [ "$first" != "$(as_user refsend "$A/theirs" |
		refrecv --dump | grep BEGIN)" ]
}

# On tmpfs a mapping that was read takes writes that move no time.
write_mapped() {
	"$PYTHON" - "$1" <<'END'
import mmap, sys
with open(sys.argv[1], "r+b") as file, mmap.mmap(file.fileno(), 0) as area:
    area[50000]
    area[50000:50008] = b"precious"
END
}

no_times() {
	random_file "$A/plain" 100000 1
	run_code 7 refsend "$A/plain"
	expect_error 'this file system'
	chmod a-w "$A/plain"
	run_status 0 refsend "$A/plain"
	mkdir "$A/from" "$A/to"
	random_file "$A/from/disk" 100000 1
	run_ok refsnap create --reflink=auto --reserve=0 "$A/from/disk" a
	refsend "$A/from/.snapshot/disk.a" |
		run_ok refrecv --reserve=0 --live "$A/to"
	run_ok refsnap create --reflink=auto --reserve=0 "$A/from/disk" b
	refsend -i "$A/from/.snapshot/disk.a" "$A/from/.snapshot/disk.b" |
		run_ok refrecv --reserve=0 --live "$A/to"
	run_ok refsnap create --reflink=auto --reserve=0 "$A/from/disk" c
	refsend -i "$A/from/.snapshot/disk.b" "$A/from/.snapshot/disk.c" \
		>"$WORK/stream"
	write_mapped "$A/to/disk"
	run_code 5 refrecv --reserve=0 --live "$A/to" <"$WORK/stream"
	run_code 5 refsnap restore "$A/to/.snapshot/disk.a"
	expect grep -q precious "$A/to/disk"
}

on_tmpfs() {
	make_fs tmpfs A 1G
	setfattr -n user.probe -v 1 "$A" 2>/dev/null || {
		skip_case "writes that move no time" "tmpfs has no attributes"
		return
	}
	test_case "writes that move no time" no_times
}

whole_seconds() {
	truncate -s 600M "$WORK/coarse.img"
	mkfs.ext4 -q -F -I 128 "$WORK/coarse.img" >/dev/null 2>&1
	A=$WORK/coarse
	mkdir "$A"
	mount -o loop "$WORK/coarse.img" "$A"
	test_mounts+=("$A")
	test_case "restore where times have whole seconds" coarse_times
	test_case "a plain file whose times have whole seconds" coarse_plain
	test_case "the same of somebody else" coarse_unsealed
}

for_each_fs on_fs xfs btrfs ext4
whole_seconds
on_tmpfs
finish
