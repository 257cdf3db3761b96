#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 68-mounted-anew.sh - the file system was mounted again, maybe after a loss of
# power or an error that took the times of a write and left its contents: what
# can be written to is not believed by its times.
. "$(dirname "$0")/lib.sh"

# From now on this is another boot of the system, or one that cannot be told.
boot() {
	printf '%s\n' "$1" >"$WORK/boot_id"
}
unknown_boot() {
	: >"$WORK/boot_id"
}

remount() {
	sync
	umount "$A" && mount -o loop,noatime "$WORK/A.img" "$A" ||
		fail "cannot mount again"
}

# Mounted anew, by a start of the system or without: anew HOW
anew() {
	case $1 in
	boot) boot "$RANDOM" ;;
	remount) remount ;;
	esac
}

# Overwrite byte 8192 of a file on $A in its image: no time moves.
write_behind() {
	local block
	block=$(address_at "$1" 8192)
	sync
	umount "$A" || return
	printf changed | dd of="$WORK/A.img" bs=1 seek="$block" conv=notrunc \
		status=none
	mount -o loop,noatime "$WORK/A.img" "$A"
}

writable_plain() {
	boot first
	rm -f "$A/plain" "$A/kept"
	reflink_or_copy "$A/file" "$A/plain"
	reflink_or_copy "$A/file" "$A/kept"
	chmod a-w "$A/kept"
	run_ok refsend -n "$A/plain"
	run_ok refsend -n "$A/kept"
	run_ok refsend -n -i "$A/plain" "$A/kept"
	anew "$1"
	run_code 5 refsend -n "$A/plain"
	expect_error 'its file system .* mounted anew since it was sealed'
	run_code 5 refsend -n -i "$A/plain" "$A/kept"
	run_ok refsend -n "$A/kept"
	# The way out.
	setfattr -x user.refsend.seal "$A/plain"
	chmod a-w "$A/plain"
	run_ok refsend -n "$A/plain"
}

# Bind mounts and mount name spaces are no mounting of the file system.
other_names() {
	boot first
	reflink_or_copy "$A/file" "$A/elsewhere"
	run_ok refsend -n "$A/elsewhere"
	mkdir -p "$WORK/bound"
	mount --bind "$A" "$WORK/bound"
	run_ok refsend -n "$WORK/bound/elsewhere"
	umount "$WORK/bound"
	run_ok unshare -m refsend -n "$A/elsewhere"
	run_ok as_user refsend -n "$A/elsewhere"
}

# O_DIRECT, and the file system shuts down before the times are written.
shut_down() {
	local before

	boot first
	mkdir -p "$A/rep"
	random_file "$A/lost" 8000000 7
	sync
	send_and_receive "$A/rep" "$A/lost"
	sync
	sleep 0.1
	before=$(stat -c %z "$A/lost")
	dd if="$A/file" of="$A/lost" bs=4096 seek=100 count=1 oflag=direct \
		conv=notrunc status=none
	xfs_io -x -c shutdown "$A" || fail "no shutdown"
	umount "$A" && mount -o loop,noatime "$WORK/A.img" "$A"
	[ "$before" = "$(stat -c %z "$A/lost")" ] || note "the times were kept"
	run_code 5 refsend -n "$A/lost"
}

# Not sealed, since the file belongs to somebody else: the id says which boot.
id_of_plain() {
	as_user refsend "$1" | refrecv --dump |
		sed -n 's/.* BEGIN snapshot=\([^ ]*\).*/\1/p'
}
unsealed_plain() {
	local writable kept
	rm -f "$A/theirs" "$A/constant"
	cp "$A/file" "$A/theirs"
	cp "$A/file" "$A/constant"
	chmod 644 "$A/theirs"
	chmod 444 "$A/constant"
	boot first
	writable=$(id_of_plain "$A/theirs")
	kept=$(id_of_plain "$A/constant")
	expect [ -n "$writable" ]
	expect [ "$writable" = "$(id_of_plain "$A/theirs")" ]
	anew "$1"
	expect [ "$writable" != "$(id_of_plain "$A/theirs")" ]
	expect [ "$kept" = "$(id_of_plain "$A/constant")" ]
	expect_not getfattr -n user.refsend.seal "$A/theirs"
}

unknown() {
	unknown_boot
	reflink_or_copy "$A/file" "$A/odd"
	run_code 7 refsend -n "$A/odd"
	expect_error 'chmod a-w it'
	chmod a-w "$A/odd"
	run_ok refsend -n "$A/odd"
}

unchanged_live() {
	boot first
	random_file "$A/live" 50000 3
	rm -f "$A/.snapshot/live.one"
	run_ok refsnap create --reflink=auto "$A/live" one
	anew "$1"
	run_ok refsnap restore "$A/.snapshot/live.one"
	expect same "$A/live" "$A/.snapshot/live.one"
}

lineage() {
	local one
	boot first
	random_file "$A/again" 50000 4
	run_ok refsnap create --reflink=auto "$A/again" one
	run_ok refsnap list --json "$A/again"
	one=$(json_value "$OUT" 'o["snapshots"][0]["lineage"]')
	run_ok refsnap delete "$A/.snapshot/again.one"
	boot second
	run_ok refsnap create --reflink=auto "$A/again" two
	run_ok refsnap list --json "$A/again"
	expect [ "$one" = "$(json_value "$OUT" \
		'o["snapshots"][0]["lineage"]')" ]
}

# changed_live HOW MODE
changed_live() {
	local before
	boot first
	rm -f "$A/.snapshot/live.two"
	chmod u+w "$A/live"
	random_file "$A/live" 50000 4
	chmod "$2" "$A/live"
	run_ok refsnap create --reflink=never "$A/live" two
	before=$(stat -c '%i %s %y %z' "$A/live")
	write_behind "$A/live" || fail "cannot unmount"
	expect [ "$before" = "$(stat -c '%i %s %y %z' "$A/live")" ]
	expect grep -aq changed "$A/live"
	expect_not grep -aq changed "$A/.snapshot/live.two"
	anew "$1"
	run_code 5 refsnap restore "$A/.snapshot/live.two"
	expect grep -aq changed "$A/live"
	unknown_boot
	run_code 5 refsnap restore "$A/.snapshot/live.two"
}

changed_replica() {
	boot first
	rm -rf "$A/.snapshot"
	random_file "$A/file" 50000 5
	run_ok refsnap create --reflink=auto "$A/file" one
	random_patch "$A/file" 100 100 6
	run_ok refsnap create --reflink=auto "$A/file" two
	mkdir "$A/to"
	refsend "$A/.snapshot/file.one" >"$WORK/one"
	refsend -i "$A/.snapshot/file.one" "$A/.snapshot/file.two" \
		>"$WORK/two" 2>"$ERR"
	run_ok refrecv --reflink=never --live "$A/to" <"$WORK/one"
	remount
	run_ok refrecv --live "$A/to" <"$WORK/one"
	write_behind "$A/to/file" || fail "cannot unmount"
	run_code 5 refrecv --live "$A/to" <"$WORK/two"
	expect grep -aq changed "$A/to/file"
	expect same "$A/to/.snapshot/file.two" "$A/.snapshot/file.two"
}

reflink_or_copy() {
	cp --reflink=auto "$1" "$2"
}

on_fs() {
	local how

	make_fs "$1" A
	boot first
	random_file "$A/file" 100000 1
	for how in boot remount; do
		test_case "a writable plain copy, $how" writable_plain "$how"
		test_case "a plain copy of somebody else's, $how" \
			unsealed_plain "$how"
		test_case "an unchanged live file, $how" unchanged_live "$how"
	done
	test_case "other mount points" other_names
	test_case "no /proc: a writable plain copy is refused" unknown
	test_case "the lineage of a file stays" lineage
	[ "$1" = btrfs ] ||
		test_case "a file system that shut down" shut_down
	[ "$1" = ext4 ] || return
	for how in boot remount; do
		test_case "a live file changed without a trace, $how" \
			changed_live "$how" 644
		test_case "likewise read-only, $how" changed_live "$how" 444
	done
	test_case "--live: likewise" changed_replica
}

boot first
mount --bind "$WORK/boot_id" /proc/sys/kernel/random/boot_id ||
	skip_all "/proc cannot be covered"
for_each_fs on_fs xfs btrfs ext4
finish
