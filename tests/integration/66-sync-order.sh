#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 66-sync-order.sh - what is published was synced before it gets its name, and
# the name after that, before the tool ends.  A crash shows only some of this,
# since file systems order writes by themselves: the calls are looked at.

. "$(dirname "$0")/lib.sh"
. "$HERE/stream.sh"

ORDERTOOL=$HERE/ordertool.py
command -v strace >/dev/null || skip_all "strace is missing"

# ordered ARGUMENT OF ORDERTOOL... -- COMMAND...: it ends with $CODE, 0 if not
# given, and its calls are in order.  Reads $INPUT.
ordered() {
	local arguments=()

	while [ "$1" != -- ]; do
		arguments+=("$1")
		shift
	done
	shift
	run_status "${CODE:-0}" traced -f -y -o "$WORK/trace" \
		-e trace=%desc,%file "$@" <"${INPUT:-/dev/null}" &&
		expect "$PYTHON" -B "$ORDERTOOL" "$WORK/trace" "$A" \
			"${arguments[@]}"
}

created() {
	rm -rf "$A/live" "$A/.snapshot"
	random_file "$A/live" 100000 1
	ordered --named "$S/live.one" --synced "$A" --synced "$S" \
		--synced "$STATE" -- \
		refsnap create --reflink=auto "$A/live" one
	random_patch "$A/live" 5000 10 2
	ordered --named "$S/live.two" --synced "$S" --synced "$STATE" -- \
		refsnap create --reflink=auto "$A/live" two
	# And by copy; the live file stays the same.
	ordered --named "$S/live.three" -- \
		refsnap create --reflink=never "$A/live" three
}

# The stamp goes beside the live file, whole or not at all.
stamped() {
	ordered --named "$STATE/live.*[0-9a-f]" --synced "$STATE/live.*.new" -- \
		refsnap create --reflink=auto "$A/live" four
	ordered --named "$STATE/live.*.next" -- \
		refsnap restore "$S/live.two"
}

created_elsewhere() {
	mkdir "$A/there"
	ordered --named "$A/there/new" --synced "$A/there" \
		--synced "$A/there/.snapshot" -- \
		refsnap create --reflink=auto -o "$A/there/new" "$A/live"
	rm -rf "$A/there"
}

restored() {
	ordered --named "$A/live" --synced "$A" --synced "$STATE" -- \
		refsnap restore "$S/live.one"
	random_patch "$A/live" 5000 10 3
	ordered --named "$A/live" --named "$S/live.*Z" --synced "$A" -- \
		refsnap restore --force "$S/live.two"
	rm "$A/live"
	ordered --named "$A/live" --synced "$A" -- \
		refsnap restore "$S/live.one"
}

cloned() {
	ordered --named "$A/clone" --synced "$A" -- \
		refsnap clone "$S/live.one" "$A/clone"
	rm "$A/clone"
}

unshared() {
	ordered --synced "$A/live" -- refsnap unshare "$A/live"
}

# By FALLOC_FL_UNSHARE_RANGE, or where there is none by a copy.
unshared_by_copy() {
	ordered --named "$A/live" --synced "$A" -- refsnap unshare "$A/live"
}

held() {
	ordered --synced "$STATE" --synced "$STATE/holds" \
		--synced "$STATE/holds/*.tag" -- \
		refsnap hold "$S/live.one" tag
	ordered --synced "$STATE/holds" -- refsnap release "$S/live.one" tag
}

deleted() {
	ordered --synced "$S" -- refsnap delete "$S/live.three" "$S/live.four"
}

pruned() {
	random_file "$A/other" 100000 1
	run_ok refsnap create --reflink=auto "$A/other" one
	run_ok refsnap create --reflink=auto "$A/other" two
	ordered --synced "$S" -- refsnap prune --keep 1 "$A/other"
	expect [ ! -e "$S/other.one" ]
	run_ok refsnap delete "$S/other.two"
	rm "$A/other"
}

digest_recorded() {
	ordered --synced "$S/live.two" -- refsnap verify --record "$S/live.two"
}

# A stream in a file.
sent() {
	mkdir "$WORK/sent"
	run_ok traced -f -y -o "$WORK/trace" -e trace=%desc,%file \
		refsend -o "$WORK/sent/full" "$S/live.one"
	expect "$PYTHON" -B "$ORDERTOOL" "$WORK/trace" "$WORK/sent" \
		--synced "$WORK/sent/full" --synced "$WORK/sent"
	rm -r "$WORK/sent"
}

received() {
	local to=$A/replica/.snapshot
	local state=$to/.refsend

	refsend "$S/live.one" >"$STREAM.one"
	refsend -i "$S/live.one" "$S/live.two" >"$STREAM.two"
	mkdir "$A/replica"
	INPUT=$STREAM.one ordered --named "$to/live.one" \
		--synced "$A/replica" --synced "$to" --synced "$state" -- \
		refrecv --reserve=0 "$A/replica"
	INPUT=$STREAM.two ordered --named "$to/live.two" --synced "$to" \
		--synced "$state" -- refrecv --reserve=0 "$A/replica"
}

# Whoever published it may not have come to sync its name.  With the hold, no
# directory is made, which would sync the same.
received_again() {
	run_ok refsnap hold "$A/replica/.snapshot/live.two" tag
	INPUT=$STREAM.two ordered --synced "$A/replica/.snapshot" -- \
		refrecv --reserve=0 "$A/replica"
}

# One thread, so that the order of its calls is that of the trace.
received_resumable() {
	local to=$A/resumable/.snapshot stream streams=$HERE/../streams

	mkdir "$A/resumable"
	# Its CHECKPOINT stands between ranges.
	"$PYTHON" -B "$streams/mkstream" "$streams/good-full.txt" \
		"$STREAM.extra"
	INPUT=$STREAM.extra ordered --named "$to/disk.img.*" -- \
		refrecv --reserve=0 --resumable -T 1 "$A/resumable"
	expect grep -q 'fsetxattr.*user.refsend.partial' "$WORK/trace"
	for stream in one two; do
		"$PYTHON" -B "$STREAM_EDIT" extra=yes <"$STREAM.$stream" \
			>"$STREAM.extra"
		INPUT=$STREAM.extra ordered --named "$to/live.$stream" \
			--synced "$to" -- refrecv --reserve=0 --resumable \
			-T 1 "$A/resumable"
		expect grep -q 'fsetxattr.*user.refsend.partial' "$WORK/trace"
		expect grep -q 'fremovexattr.*user.refsend.partial' \
			"$WORK/trace"
	done
	rm "$STREAM.extra"
}

# The state is closed when the contents are synced, synced then, and opened before
# anything is written.
received_broken_off() {
	local to=$A/broken-off/.snapshot

	mkdir "$A/broken-off"
	"$PYTHON" -B "$STREAM_EDIT" extra=yes <"$STREAM.one" |
		head -c -10 >"$STREAM.extra"
	CODE=6 INPUT=$STREAM.extra ordered --synced "$to/.refsend/partial.*" \
		-- refrecv --reserve=0 --resumable -T 1 "$A/broken-off"
	expect [ "$(grep -c 'fsetxattr.*user.refsend.partial' \
		"$WORK/trace")" -ge 2 ]
	run_ok refrecv --token "$A/broken-off"
	run_ok refsend --resume "$(cut -d ' ' -f 1 "$OUT")" \
		-o "$STREAM.resumed" "$S/live.one"
	INPUT=$STREAM.resumed ordered --named "$to/live.one" --synced "$to" -- \
		refrecv --reserve=0 -T 1 "$A/broken-off"
	expect grep -q 'fsetxattr.*user.refsend.partial' "$WORK/trace"
	rm "$STREAM.extra" "$STREAM.resumed"
}

# What CLONE shares is synced as what is written is, before a CHECKPOINT tells of
# it.
received_moved() {
	local to=$A/resumable/.snapshot

	mkdir -p "$A/resumable"
	random_file "$A/moved" 1000000 1
	run_ok refsnap create "$A/moved" one
	clone_range "$S/moved.one" 0 409600 "$A/moved" 491520
	run_ok refsnap create "$A/moved" two
	refsend "$S/moved.one" >"$STREAM.moved"
	run_ok refrecv --reserve=0 "$A/resumable" <"$STREAM.moved"
	refsend -i "$S/moved.one" "$S/moved.two" >"$STREAM.moved"
	"$PYTHON" -B "$STREAM_EDIT" extra=yes <"$STREAM.moved" >"$STREAM.extra"
	run_ok refrecv --dump <"$STREAM.extra"
	expect grep -q ' CLONE ' "$OUT"
	INPUT=$STREAM.extra ordered --named "$to/moved.two" --synced "$to" -- \
		refrecv --reserve=0 --resumable -T 1 "$A/resumable"
	expect grep -q 'FICLONERANGE\|BTRFS_IOC_CLONE_RANGE' "$WORK/trace"
	rm "$STREAM.moved" "$STREAM.extra" "$A/moved"
}

received_live() {
	local to=$A/replica

	rm -rf "$to/live" "$to/.snapshot"
	INPUT=$STREAM.one ordered --named "$to/live" --synced "$to" \
		--named "$to/.snapshot/.refsend/live.*.next" -- \
		refrecv --reserve=0 --live "$to"
	INPUT=$STREAM.two ordered --named "$to/live" --synced "$to" \
		--synced "$to/.snapshot/.refsend" -- \
		refrecv --reserve=0 --live "$to"
}

received_live_again() {
	INPUT=$STREAM.two ordered --synced "$A/replica" \
		--synced "$A/replica/.snapshot" -- \
		refrecv --reserve=0 --live "$A/replica"
}

repaired() {
	local to=$A/replica/.snapshot

	chmod u+w "$to/live.two"
	random_patch "$to/live.two" 5000 10 7
	ordered --named "$to/live.two" --synced "$to" \
		--synced "$to/.refsend" -- \
		refsync --verify --repair "$S/live.two" "$A/replica"
	expect same "$S/live.two" "$to/live.two"
}

on_fs() {
	make_fs "$1" A
	S=$A/.snapshot
	STATE=$S/.refsend
	test_case "create" created
	test_case "create -o" created_elsewhere
	test_case "stamps" stamped
	test_case "restore" restored
	test_case "clone" cloned
	case $1 in
	xfs) test_case "unshare" unshared ;;
	*) test_case "unshare by copy" unshared_by_copy ;;
	esac
	test_case "hold and release" held
	test_case "delete" deleted
	test_case "prune" pruned
	test_case "verify --record" digest_recorded
	test_case "refsend -o" sent
	test_case "receive" received
	test_case "receive what is there" received_again
	test_case "receive --resumable" received_resumable
	test_case "receive --resumable, broken off" received_broken_off
	[ "$FS" = ext4 ] ||
		test_case "receive --resumable, moved" received_moved
	test_case "receive --live" received_live
	test_case "receive --live what is there" received_live_again
	test_case "repair" repaired
}

for_each_fs on_fs xfs btrfs ext4
finish
