#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# 12-refsnap-restore.sh - refsnap restore, clone, delete, hold, release, unshare.
. "$(dirname "$0")/lib.sh"

# $A/live of random contents with one snapshot, $SNAP.
fresh() {
	chattr -R -i "$A" 2>/dev/null
	rm -rf "$A/live" "$A/.snapshot"
	random_file "$A/live" 100000 1
	take "$A/live" one
}

change() {
	random_patch "$A/live" 5000 10 "${1:-2}"
}

# What is there, but for the tool's own state.
listing() {
	tree_listing "$A" | grep -v refsend
}

# ---- restore ----

restored() {
	local inode

	fresh
	inode=$(stat -c %i "$A/live")
	exec 9<"$A/live"
	run_ok refsnap restore "$SNAP"
	expect grep -q "^restored $A/live from $SNAP (snapshot [0-9a-f-]*)" \
		"$OUT"
	expect grep -q "$(snap_ids "$A/live")" "$OUT"
	expect same "$A/live" "$SNAP"
	expect [ "$(stat -c %a "$A/live")" = 644 ]
	# In one step: the old file is still whole for who has it open.
	expect_not [ "$(stat -c %i "$A/live")" = "$inode" ]
	expect cmp - "$SNAP" <&9
	exec 9<&-
	# And it holds what a snapshot holds: once more without --force.
	run_ok refsnap restore "$SNAP"
}

changed_target() {
	fresh
	change
	cp "$A/live" "$WORK/changed"
	listing >"$WORK/was"
	run_code 5 refsnap restore "$SNAP"
	expect_error 'changed since its newest snapshot'
	listing >"$WORK/is"
	expect same "$WORK/was" "$WORK/is"
	run_ok refsnap restore --force "$SNAP"
	expect same "$A/live" "$SNAP"
	SAVED=$(sed -n 's/^saved what was there as //p' "$OUT")
	expect same "$SAVED" "$WORK/changed"
	expect [ "$(snap_ids "$A/live" | wc -l)" -eq 2 ]
	# And back.
	run_ok refsnap restore "$SAVED"
	expect same "$A/live" "$WORK/changed"
}

# Times put back after a write hide nothing.
changed_secretly() {
	fresh
	touch -r "$A/live" "$WORK/times"
	change
	touch -r "$WORK/times" "$A/live"
	run_code 5 refsnap restore "$SNAP"
}

# Snapshotted after the change: nothing would be lost, until that is deleted.
changed_and_saved() {
	fresh
	change
	ONE=$SNAP
	take "$A/live" two
	run_ok refsnap restore "$ONE"
	expect same "$A/live" "$ONE"
	run_ok refsnap restore "$SNAP"
	run_ok refsnap delete "$SNAP"
	run_code 5 refsnap restore "$ONE"
}

lost_target() {
	fresh
	cp -a "$A/live" "$WORK/original"
	rm "$A/live"
	run_ok refsnap restore "$SNAP"
	expect same "$A/live" "$SNAP"
	expect [ "$(stat -c %a "$A/live")" = 644 ]
}

open_target() {
	fresh
	exec 9<>"$A/live"
	run_code 1 refsnap restore "$SNAP"
	expect_error 'open for writing'
	run_code 1 refsnap restore --force "$SNAP"
	exec 9>&-
	run_ok refsnap restore "$SNAP"
}

# To another place, also on another file system.
other_target() {
	fresh
	mkdir -p "$A/there" "$WORK/outside"
	run_ok refsnap restore "$SNAP" "$A/there/new"
	expect same "$A/there/new" "$SNAP"
	expect [ "$(ls "$A/there")" = new ]
	run_code 5 refsnap restore "$SNAP" "$A/there/new"
	run_ok refsnap restore --force "$SNAP" "$A/there/new"
	run_ok refsnap restore "$SNAP" "$WORK/outside/new"
	expect same "$WORK/outside/new" "$SNAP"
	expect [ "$(stat -c %a "$WORK/outside/new")" = 644 ]
	run_code 5 refsnap restore "$SNAP" "$A/there"
	run_code 1 refsnap restore "$SNAP" "$A/.snapshot/new"
	run_code 1 refsnap restore "$SNAP" "$A/no/such"
	rm -rf "$A/there" "$WORK/outside"
}

# A plain copy or a moved snapshot does not say where it belongs.
unknown_target() {
	fresh
	cp "$A/live" "$A/plain"
	run_code 2 refsnap restore "$A/plain"
	run_ok refsnap restore "$A/plain" "$A/new"
	expect same "$A/plain" "$A/new"
	mv "$SNAP" "$A/moved"
	run_code 2 refsnap restore "$A/moved"
	rm "$A/plain" "$A/new" "$A/moved"
}

# Old or new, whenever it is killed.
killed() {
	local i

	rm -rf "$A/live" "$A/.snapshot"
	random_file "$A/live" 20000000 1
	take "$A/live" one
	ONE=$SNAP
	random_patch "$A/live" 0 4096 2
	take "$A/live" two
	for i in 0 1 2 4 7 10 15 20 30; do
		refsnap restore "$ONE" >"$OUT" 2>"$ERR" &
		sleep "0.0$(printf %02d "$i")"
		kill -9 $! 2>/dev/null
		wait $! 2>/dev/null
		cmp -s "$A/live" "$ONE" || cmp -s "$A/live" "$SNAP" ||
			fail "neither old nor new after 0.0$i s"
		run_ok refsnap restore --force "$SNAP"
	done
	expect [ -z "$(find "$A/.snapshot/.refsend" -name 'partial*')" ]
}

# ---- clone ----

cloned() {
	fresh
	run_ok refsnap clone "$SNAP" "$A/clone"
	expect same "$A/clone" "$SNAP"
	expect [ "$(stat -c %a "$A/clone")" = 644 ]
	random_patch "$A/clone" 0 10 2
	expect same "$A/live" "$SNAP"
	run_code 5 refsnap clone "$SNAP" "$A/clone"
	run_code 1 refsnap clone "$A/missing" "$A/other"
	run_code 1 refsnap clone "$SNAP" "$A/.snapshot/other"
	expect [ ! -e "$A/other" ]
	ln -s nowhere "$A/link"
	run_code 5 refsnap clone "$SNAP" "$A/link"
	expect [ ! -e "$A/nowhere" ]
	rm -f "$A/clone" "$A/link"
}

# ---- delete, hold, release ----

deleted() {
	fresh
	take "$A/live" two
	run_ok refsnap delete "$A/.snapshot/live.one" "$A/.snapshot/live.two"
	expect [ -z "$(snap_ids "$A/live")" ]
	run_code 1 refsnap delete "$A/.snapshot/live.one"
	run_code 5 refsnap delete "$A/live"
	expect_error 'use rm'
	run_code 5 refsnap delete --force "$A/live"
	expect [ -e "$A/live" ]
	run_code 5 refsnap delete "$A"
}

# One of several fails: the others go, and the code tells.
deleted_in_part() {
	fresh
	take "$A/live" two
	take "$A/live" three
	run_ok refsnap hold "$A/.snapshot/live.two" tag
	run_code 1 refsnap delete "$A/.snapshot/live."*
	expect [ "$(ls "$A/.snapshot")" = live.two ]
}

held() {
	fresh
	run_ok refsnap hold "$SNAP" backup
	run_ok refsnap hold "$SNAP" backup
	run_ok refsnap hold "$SNAP" 'second tag'
	run_code 1 refsnap delete "$SNAP"
	expect_error 'held by backup, second tag'
	run_code 1 refsnap delete --force "$SNAP"
	run_ok refsnap info "$SNAP"
	expect grep -q '^holds: *backup, second tag$' "$OUT"
	run_ok refsnap info --json "$SNAP"
	expect [ "$(json_value "$OUT" 'o["holds"]')" = \
		"['backup', 'second tag']" ]
	# The hold follows the snapshot, not its name.
	sleep 2.1
	mv "$SNAP" "$A/.snapshot/moved"
	run_code 1 refsnap delete "$A/.snapshot/moved"
	run_ok refsnap release "$A/.snapshot/moved" backup
	run_code 1 refsnap release "$A/.snapshot/moved" backup
	run_code 1 refsnap delete "$A/.snapshot/moved"
	run_ok refsnap release "$A/.snapshot/moved" 'second tag'
	run_ok refsnap delete "$A/.snapshot/moved"
	fresh
	run_code 2 refsnap hold "$SNAP" a/b
	run_code 2 refsnap hold "$SNAP" ''
	run_code 2 refsnap hold "$SNAP" "$(printf %0129d 1)"
	run_code 2 refsnap hold "$SNAP" $'two\nlines'
	run_code 5 refsnap hold "$A/live" tag
	run_code 1 refsnap hold "$A/missing" tag
	run_ok refsnap delete "$SNAP"
}

in_use() {
	fresh
	exec 9<"$SNAP"
	flock -s 9
	run_code 8 refsnap delete "$SNAP"
	expect_error 'in use'
	run_code 8 refsnap delete --force "$SNAP"
	exec 9<&-
	run_ok refsnap delete "$SNAP"
}

# refsend reads it: more than a pipe holds waits for the reader.
being_sent() {
	fresh
	mkfifo "$WORK/fifo"
	refsend --compress=none "$SNAP" >"$WORK/fifo" &
	exec 9<"$WORK/fifo"
	head -c 100 <&9 >"$WORK/sent"
	run_code 8 refsnap delete "$SNAP"
	cat <&9 >>"$WORK/sent"
	exec 9<&-
	wait $!
	rm "$WORK/fifo"
	run_ok refsnap delete "$SNAP"
}

# ---- unshare ----

unshared() {
	local inode

	fresh
	truncate -s 300000 "$A/live"
	setfattr -n user.comment -v kept "$A/live"
	take "$A/live" two
	if [ "$FS" != ext4 ]; then
		reached "$A/live" 8192 '*,shared,*' sync
	fi
	cp -a --reflink=never "$A/live" "$WORK/before"
	inode=$(stat -c %i "$A/live")
	run_ok refsnap unshare "$A/live"
	expect same "$A/live" "$SNAP"
	# In place moves mtime: somebody else may write meanwhile.
	[ "$FS" = xfs ] && touch -r "$WORK/before" "$A/live"
	expect same_metadata "$A/live" "$SNAP"
	expect [ "$(stat -c %a "$A/live")" = 644 ]
	expect_not grep -q shared <<<"$("$PYTHON" "$FILETOOL" map "$A/live" \
		sync)"
	expect [ -z "$(extent_at "$A/live" 200000 sync)" ]
	if [ "$FS" = xfs ]; then
		expect [ "$(stat -c %i "$A/live")" = "$inode" ]
	fi
	# No snapshot is unshared, nor what is open or has two names.
	run_code 5 refsnap unshare "$SNAP"
	run_code 1 refsnap unshare "$A"
	run_code 1 refsnap unshare "$A/missing"
	[ "$FS" = xfs ] && return
	exec 9<>"$A/live"
	run_code 1 refsnap unshare "$A/live"
	expect_error 'open for writing'
	exec 9>&-
	ln "$A/live" "$A/second"
	run_code 1 refsnap unshare "$A/live"
	expect_error 'several names'
	rm "$A/second"
}

# ---- bad arguments ----

bad_arguments() {
	fresh
	listing >"$WORK/was"
	for verb in create list info restore clone delete unshare hold \
		release; do
		run_code 2 refsnap $verb
		run_code 2 refsnap $verb --no-such-option "$SNAP"
	done
	run_code 2 refsnap
	run_code 2 refsnap burn "$SNAP"
	run_code 2 refsnap create "$A/live" a b
	run_code 2 refsnap create --reflink=maybe "$A/live"
	run_code 2 refsnap create --force "$A/live"
	run_code 2 refsnap create --json "$A/live"
	run_code 2 refsnap list "$A" "$A"
	run_code 2 refsnap list --force "$A"
	run_code 2 refsnap info "$SNAP" "$SNAP"
	run_code 2 refsnap info --immutable "$SNAP"
	run_code 2 refsnap restore "$SNAP" a b
	run_code 2 refsnap restore --json "$SNAP"
	run_code 2 refsnap clone "$SNAP"
	run_code 2 refsnap clone "$SNAP" a b
	run_code 2 refsnap delete -o x "$SNAP"
	run_code 2 refsnap unshare "$A/live" "$A/live"
	run_code 2 refsnap unshare --force "$A/live"
	run_code 2 refsnap hold "$SNAP"
	run_code 2 refsnap hold "$SNAP" a b
	run_code 2 refsnap release "$SNAP"
	run_ok refsnap --help
	run_ok refsnap --version
	run_code 7 bash -c 'refsnap list "$1" >/dev/full' x "$A"
	listing >"$WORK/is"
	expect same "$WORK/was" "$WORK/is"
}

on_fs() {
	make_fs "$1" A
	test_case "restore" restored
	test_case "restore: a changed target" changed_target
	test_case "restore: a target changed, its times put back" \
		changed_secretly
	test_case "restore: a target changed, then snapshotted" \
		changed_and_saved
	test_case "restore: a lost target" lost_target
	test_case "restore: a target open for writing" open_target
	test_case "restore: to another place" other_target
	test_case "restore: to where?" unknown_target
	test_case "restore: killed" killed
	test_case "clone" cloned
	test_case "delete" deleted
	test_case "delete: one of several is held" deleted_in_part
	test_case "hold and release" held
	test_case "delete: in use" in_use
	test_case "delete: being sent" being_sent
	test_case "unshare" unshared
	test_case "bad arguments" bad_arguments
}

for_each_fs on_fs "$@"
finish
