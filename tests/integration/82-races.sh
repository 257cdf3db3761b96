#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 82-races.sh - snapshots that change, move or get a twin while they are used:
# what arrives is what was sealed, or the exit code says that nothing did, and
# nothing is refused without need.
#
# RACES=N makes each change N times, at random moments; SEED makes these again.

. "$(dirname "$0")/lib.sh"

RACETOOL=$HERE/racetool.py
STREAM=$WORK/stream
RACES=${RACES:-1}
SEED=${SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}

changed_while_read() {
	expect "$PYTHON" -B "$RACETOOL" changes "$A" "$RACES" "$SEED"
	note "$(tail -n 1 "$WORK/expect")"
}

deduped_between_maps() {
	expect "$PYTHON" -B "$RACETOOL" deduped "$A"
}

mapped_by_another() {
	PATH=$WORK/bin:$PATH expect "$PYTHON" -B "$RACETOOL" mapped "$A"
}

# make_stream ARGUMENT OF REFSEND...: into $STREAM.
make_stream() {
	run_status 0 refsend "$@" && mv "$OUT" "$STREAM"
}

# receive CODE ARGUMENT OF REFRECV...: $STREAM.
receive() {
	run_code "$1" refrecv --reserve=0 "${@:2}" <"$STREAM"
}

# publish DIRECTORY ARGUMENT OF REFSEND...: with the live file.
publish() {
	mkdir -p "$1"
	make_stream "${@:2}" && receive 0 --live "$1"
}

# overwrite_secretly FILE: and put mode and mtime back.
overwrite_secretly() {
	local mode mtime

	mode=$(stat -c %a "$1")
	mtime=$(stat -c %y "$1")
	chmod u+w "$1"
	random_patch "$1" 150000 10 secret
	touch -d "$mtime" "$1"
	chmod "$mode" "$1"
}

# What tells is ctime.  It refuses a file that can be written to; of a read-only
# one -v tells, since a rename moves it, too: then the file counts as it is.
mtime_put_back() {
	mkdir -p "$A/back/replica/early"
	random_file "$A/back/copy" 300000 1
	run_status 0 refsend "$A/back/copy"
	overwrite_secretly "$A/back/copy"
	run_code 5 refsend "$A/back/copy"
	random_file "$A/back/file" 300000 2
	take "$A/back/file" one
	publish "$A/back/replica" "$SNAP"
	overwrite_secretly "$A/back/file"
	run_code 5 refsnap restore "$SNAP"
	take "$A/back/file" two
	overwrite_secretly "$A/back/replica/file"
	make_stream "$SNAP"
	receive 5 --live "$A/back/replica"
	# Not within the time that it had for its publication.
	SNAP=$A/early/.snapshot/file.one
	while [ $(($(date +%s) - $(stat -c %Z "$SNAP"))) -lt 4 ]; do
		sleep 0.1
	done
	overwrite_secretly "$SNAP"
	make_stream -v "$SNAP"
	expect_error 'changed after it was sealed'
	receive 0 "$A/back/replica/early"
	expect same "$SNAP" "$A/back/replica/early/.snapshot/file.one"
}

# remount NAME [WHERE]: its image, maybe elsewhere.
remount() {
	local directory=${2:-$WORK/$1}

	umount "${!1}" || lib_bail "cannot unmount ${!1}"
	mkdir -p "$directory"
	mount -o loop,noatime "$WORK/$1.img" "$directory" ||
		lib_bail "cannot mount $1"
	test_mounts+=("$directory")
	printf -v "$1" %s "$directory"
}

# Identity is no matter of device numbers, mount points or caches.
remounted() {
	local name base=() from=$A

	mkdir "$A/moved" "$B/moved"
	random_file "$A/moved/file" 300000 1
	for name in one two three; do
		remount A "$WORK/elsewhere.$name"
		take "$A/moved/file" "$name"
		remount A "$from"
		remount B
		SNAP=$A/moved/.snapshot/file.$name
		make_stream -v "${base[@]}" "$SNAP"
		expect_not grep 'changed after' "$ERR"
		receive 0 --live "$B/moved"
		expect same "$A/moved/file" "$B/moved/file"
		base=(-i "$SNAP")
		random_patch "$A/moved/file" 5000 100 "$name"
	done
	remount B
	run_ok refsnap restore "$B/moved/.snapshot/file.two"
	expect same "$A/moved/.snapshot/file.two" "$B/moved/file"
}

# Two snapshots and a replica of the first, with its live file, below $1.
source_and_replica() {
	mkdir "$1/source" "$1/replica"
	random_file "$1/source/file" 300000 1
	take "$1/source/file" one
	publish "$1/replica" "$SNAP"
	random_patch "$1/source/file" 70000 9000 2
	take "$1/source/file" two
}

# The same inodes with the same attributes in another subvolume: none of them is
# the original, and what is new there is of another lineage.
twin_subvolume() {
	local sub=$A/sub twin=$A/twin before

	btrfs -q subvolume create "$sub"
	source_and_replica "$sub"
	btrfs -q subvolume snapshot "$sub" "$twin"
	expect [ "$(stat -c %i "$sub/source/file")" = \
		"$(stat -c %i "$twin/source/file")" ]
	run_code 5 refsend "$twin/source/.snapshot/file.one"
	expect_error 'another subvolume'
	run_status 2 refdiff "$sub/source/.snapshot/file.one" \
		"$twin/source/.snapshot/file.two"
	make_stream "$sub/source/.snapshot/file.two"
	receive 5 --live "$twin/replica"
	before=$(tree_listing "$twin/replica")
	make_stream -i "$sub/source/.snapshot/file.one" \
		"$sub/source/.snapshot/file.two"
	receive 5 "$twin/replica"
	expect [ "$before" = "$(tree_listing "$twin/replica")" ]
	receive 0 --live "$sub/replica"
	expect same "$sub/source/file" "$sub/replica/file"
	random_patch "$twin/source/file" 0 9000 3
	take "$twin/source/file" three
	before=$(tree_listing "$sub/replica")
	make_stream "$SNAP"
	receive 5 "$sub/replica"
	expect_error '--as'
	expect [ "$before" = "$(tree_listing "$sub/replica")" ]
	receive 0 --as other "$sub/replica"
	expect same "$SNAP" "$sub/replica/.snapshot/other.three"
}

# A copy of the image, as a backup of the disk would bring back, is the same to
# the tools; after both went on, their snapshots have ids of their own.
twin_image() {
	local one=$A/source/.snapshot/file.one

	source_and_replica "$A"
	mkdir "$B/twins"
	send_and_receive "$B/twins" "$one"
	umount "$A"
	cp --sparse=always "$WORK/A.img" "$WORK/twin.img"
	mount -o loop,noatime "$WORK/twin.img" "$A" || lib_bail "cannot mount"
	send_and_receive "$B/twins" -i "$one" "$A/source/.snapshot/file.two"
	random_patch "$A/source/file" 0 9000 3
	take "$A/source/file" three
	make_stream -i "$one" "$SNAP"
	cp "$A/source/file" "$WORK/twin"
	umount "$A"
	mount -o loop,noatime "$WORK/A.img" "$A" || lib_bail "cannot mount"
	random_patch "$A/source/file" 0 9000 4
	take "$A/source/file" three
	send_and_receive "$B/twins" -i "$one" "$SNAP"
	receive 5 "$B/twins"
	expect_error 'exists already and is not this snapshot'
	expect same "$SNAP" "$B/twins/.snapshot/file.three"
	mv "$B/twins/.snapshot/file.three" "$B/twins/.snapshot/file.mine"
	receive 0 "$B/twins"
	expect same "$WORK/twin" "$B/twins/.snapshot/file.three"
	expect same "$SNAP" "$B/twins/.snapshot/file.mine"
}

# taken_ahead SNAPSHOT HOURS: its time, as if the clock had been ahead.
taken_ahead() {
	"$PYTHON" - "$@" <<'END'
import os, struct, sys
path, hours = sys.argv[1], int(sys.argv[2])
seal = bytearray(os.getxattr(path, "user.refsend.seal"))
created, = struct.unpack_from("<q", seal, 50)
struct.pack_into("<q", seal, 50, created + 3600 * hours)
os.setxattr(path, "user.refsend.seal", seal)
END
}

# The clock was set back before each snapshot: they count in their order.
clock_set_back() {
	local from=$A/clock/.snapshot/file hours=9 name

	mkdir "$A/clock"
	random_file "$A/clock/file" 300000 1
	for name in one two three four; do
		random_patch "$A/clock/file" 70000 9000 "$name"
		take "$A/clock/file" "$name"
		taken_ahead "$SNAP" $((hours -= 2))
	done
	expect [ "$(refsnap list --json "$A/clock/file" | json_value \
		/dev/stdin '[s["name"] for s in o["snapshots"]]')" = \
		"['one', 'two', 'three', 'four']" ]
	publish "$A/clock/replica" "$from.one"
	make_stream -I "$from.one" "$from.four"
	receive 0 --live "$A/clock/replica"
	expect same "$A/clock/file" "$A/clock/replica/file"
	for name in one two three four; do
		expect same "$from.$name" \
			"$A/clock/replica/.snapshot/file.$name"
	done
}

# Share blocks of both snapshots with one file, then with another.
dedupe() {
	local other to

	for other in 1 2; do
		for to in "$A/moving/.snapshot/"file.*; do
			xfs_io -c "dedupe $A/moving/other$other 0 0 2000000" \
				"$to"
		done
		address_at "$A/moving/.snapshot/file.one" 0 sync \
			>>"$WORK/addresses"
	done
}

defragment() {
	btrfs filesystem defragment -f "$A/moving/.snapshot/"file.*
	sync -f "$A"
	address_at "$A/moving/.snapshot/file.one" 0 sync >>"$WORK/addresses"
}

balance() {
	btrfs balance start --full-balance "$A"
}

# beside MOVER...: send again and again while each works in the background.
beside() {
	local from=$A/moving/.snapshot/file mover movers=() i

	rm -rf "$A/moving" "$WORK/addresses" "$WORK/stop"
	mkdir "$A/moving"
	random_file "$A/moving/file" 3000000 1
	cp --reflink=never "$A/moving/file" "$A/moving/other1"
	cp --reflink=never "$A/moving/file" "$A/moving/other2"
	take "$A/moving/file" one
	random_patch "$A/moving/file" 2500000 9000 2
	take "$A/moving/file" two
	for mover; do
		while [ -d "$WORK" ] && [ ! -e "$WORK/stop" ]; do
			"$mover" >"$WORK/mover.$mover" 2>&1
		done &
		movers+=($!)
	done
	for i in 1 2 3 4 5 6 7 8; do
		rm -rf "$A/moving/replica"
		send_and_receive "$A/moving/replica" "$from.one"
		send_and_receive "$A/moving/replica" -i "$from.one" "$from.two"
		expect same "$from.two" "$A/moving/replica/.snapshot/file.two"
		expect same "$from.one" "$A/moving/replica/.snapshot/file.one"
		diff_is_true "$from.one" "$from.two"
	done
	: >"$WORK/stop"
	wait "${movers[@]}"
	expect [ "$(sort -u "$WORK/addresses" | wc -l)" -ge 2 ]
}

on_fs() {
	make_fs "$1" A
	make_fs "$1" B
	mkdir "$A/early"
	random_file "$A/early/file" 300000 1
	take "$A/early/file" one
	if command -v strace >/dev/null; then
		test_case "changed while it is read" changed_while_read
		test_case "written to by a mapping of another" mapped_by_another
		[ "$1" = ext4 ] || test_case "deduped between two maps" \
			deduped_between_maps
	else
		skip_case "changed while it is read" "no strace"
	fi
	test_case "overwritten, and mtime put back" mtime_put_back
	test_case "remounted between all steps" remounted
	case $1 in
	btrfs)
		test_case "a snapshot of the subvolume" twin_subvolume
		test_case "dedupe, defragmentation and balance beside" \
			beside dedupe defragment balance
		;;
	xfs)
		test_case "dedupe beside" beside dedupe
		;;
	esac
	test_case "the clock was set back" clock_set_back
	[ "$1" = btrfs ] || test_case "a copy of the image" twin_image
}

for_each_fs on_fs xfs btrfs ext4
finish
