#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# 10-refsnap.sh - refsnap create.
. "$(dirname "$0")/lib.sh"

# $A/live of random contents, without snapshots.
fresh() {
	chattr -R -i "$A" 2>/dev/null
	rm -rf "$A/live" "$A/.snapshot"
	random_file "$A/live" "${1:-100000}" 1
}

# Options that let create work on this kind of file system.
create() {
	case $FS in
	ext4) refsnap create --reflink=auto "$@" ;;
	*) refsnap create "$@" ;;
	esac
}

default_name() {
	fresh
	run_ok create "$A/live"
	expect grep -qxE \
		"$A/\.snapshot/live\.20[0-9]{6}T[0-9]{6}Z" "$OUT"
	expect same "$A/live" "$(cat "$OUT")"
	expect [ "$(stat -c %a "$(cat "$OUT")")" = 444 ]
	expect [ -z "$(find "$A/.snapshot/.refsend" -type f ! -name "live.*")" ]
}

within_one_second() {
	fresh
	for _ in 1 2 3 4 5; do
		run_ok create "$A/live"
		cat "$OUT"
	done >"$WORK/names"
	expect [ "$(sort -u "$WORK/names" | wc -l)" -eq 5 ]
	expect [ "$(ls "$A/.snapshot" | wc -l)" -eq 5 ]
	expect [ "$(snap_ids "$A/live" | sort -u | wc -l)" -eq 5 ]
}

given_name() {
	fresh
	run_ok create "$A/live" before-upgrade
	expect [ "$(cat "$OUT")" = "$A/.snapshot/live.before-upgrade" ]
	tree_listing "$A" >"$WORK/was"
	run_code 5 create "$A/live" before-upgrade
	expect_error 'exists already'
	tree_listing "$A" >"$WORK/is"
	expect same "$WORK/was" "$WORK/is"
	run_code 2 create "$A/live" a/b
	run_code 2 create "$A/live" a:b
	run_code 2 create "$A/live" ''
	run_code 1 create "$A/live" "$(printf %0251d 1)"
}

output_path() {
	fresh
	mkdir -p "$A/elsewhere"
	run_ok create -o "$A/elsewhere/copy" "$A/live"
	expect [ "$(cat "$OUT")" = "$A/elsewhere/copy" ]
	expect same "$A/live" "$A/elsewhere/copy"
	expect same_metadata "$A/live" "$A/elsewhere/copy"
	run_code 5 create -o "$A/elsewhere/copy" "$A/live"
	run_code 1 create -o "$A/no/such" "$A/live"
	run_code 2 create -o "$A/elsewhere/other" "$A/live" name
	run_ok refsnap info "$A/elsewhere/copy"
	rm -rf "$A/elsewhere"
}

# Everything that a file has beside its contents.
adorn() {
	setfattr -n user.comment -v "some value" "$1"
	setfattr -n user.binary -v 0x00ff0a00 "$1"
	chown 1234:4321 "$1"
	chmod "$2" "$1"
	[ -z "${3:-}" ] || setfacl -m "$3" "$1"
	touch -d '2001-02-03 04:05:06.789012345' "$1"
}

metadata_kept() {
	local mode

	for mode in 0600 0751 0444; do
		fresh
		adorn "$A/live" $mode
		take "$A/live" one
		expect same_metadata "$A/live" "$SNAP"
		expect [ "$((0$(stat -c %a "$SNAP")))" = $((mode & 0444)) ]
		random_patch "$A/live" 5 5 2
		run_ok refsnap restore --force "$SNAP"
		expect same "$A/live" "$SNAP"
		expect same_metadata "$A/live" "$SNAP"
		expect [ "$((0$(stat -c %a "$A/live")))" = $((mode)) ]
		run_ok refsnap clone "$SNAP" "$A/clone"
		expect same_metadata "$A/live" "$A/clone" mode
		expect same "$A/clone" "$SNAP"
		rm "$A/clone"
	done
}

access_list_kept() {
	fresh
	adorn "$A/live" 0660 u:1000:rwx,g:2000:r-x,u:1001:---
	take "$A/live" one
	expect same_metadata "$A/live" "$SNAP"
	cp -a "$A/live" "$A/original"
	run_ok refsnap clone "$SNAP" "$A/clone"
	expect same_metadata "$A/original" "$A/clone" mode
	random_patch "$A/live" 5 5 2
	run_ok refsnap restore --force "$SNAP"
	expect same_metadata "$A/original" "$A/live" mode
	rm "$A/clone" "$A/original"
}

# Set by hand on a live file, they are nobody's.
own_attributes_left() {
	fresh
	setfattr -n user.refsend.seal -v fake "$A/live"
	setfattr -n user.refsend.note -v fake "$A/live"
	setfattr -n user.other -v kept "$A/live"
	take "$A/live" one
	expect_not getfattr -n user.refsend.note "$SNAP"
	expect getfattr -n user.other "$SNAP"
	run_ok refsnap info "$SNAP"
	run_ok refsnap clone "$SNAP" "$A/clone"
	expect_not getfattr -n user.refsend.note "$A/clone"
	expect_not getfattr -n user.refsend.seal "$A/clone"
	rm "$A/clone"
}

immutable() {
	fresh
	run_ok create --immutable "$A/live" one
	SNAP=$A/.snapshot/live.one
	expect grep -q '^....i' <<<"$(lsattr "$SNAP")"
	run_ok refsnap info "$SNAP"
	expect grep -q '^immutable: *yes' "$OUT"
	expect_not rm -f "$SNAP"
	run_ok refsnap clone "$SNAP" "$A/clone"
	expect_not grep -q '^....i' <<<"$(lsattr "$A/clone")"
	run_ok refsnap hold "$SNAP" tag
	run_ok refsnap release "$SNAP" tag
	run_ok refsnap delete "$SNAP"
	expect [ ! -e "$SNAP" ]
	rm "$A/clone"
}

odd_names() {
	local name number=0

	for name in 'with space' $'new\nline' $'not\xff\xfeUTF-8' -n --json \
		'*' "$(printf %0200d 1)" .hidden "quote'\"\\"; do
		number=$((number + 1))
		rm -rf "$A/odd"
		mkdir "$A/odd"
		random_file "$A/odd/$name" 5000 1
		run_ok create "$A/odd/$name" one
		SNAP=$A/odd/.snapshot/$name.one
		expect same "$A/odd/$name" "$SNAP"
		(cd "$A/odd" && create -- "$name" two) >"$OUT" 2>"$ERR" ||
			fail "create -- $name: $(cat "$ERR")"
		run_ok refsnap list "$A/odd/$name"
		expect [ "$(wc -l <"$OUT")" -eq 3 ]
		expect [ "$(snap_ids "$A/odd/$name" | wc -l)" -eq 2 ]
		run_ok refsnap info --json "$SNAP"
		expect [ "$(json_value "$OUT" 'o["name"]')" = one ]
		run_ok refsnap hold "$SNAP" tag
		run_code 1 refsnap delete "$SNAP"
		run_ok refsnap release "$SNAP" tag
		random_patch "$A/odd/$name" 1 10 2
		run_ok refsnap restore --force "$SNAP"
		expect same "$A/odd/$name" "$SNAP"
		run_ok refsnap delete "$SNAP"
	done
	rm -rf "$A/odd"
}

odd_files() {
	fresh
	ln -s live "$A/link"
	mkfifo "$A/fifo"
	mkdir "$A/directory"
	run_ok create "$A/link" through-link
	expect same "$A/live" "$A/.snapshot/link.through-link"
	tree_listing "$A" >"$WORK/was"
	run_code 1 create "$A/directory"
	run_code 1 timeout 5 refsnap create "$A/fifo"
	run_code 1 create "$A/missing"
	expect_error 'No such file'
	run_code 1 create "$A/missing/file"
	run_code 1 create "$A/live/"
	run_code 1 create ''
	run_code 1 create /dev/null
	tree_listing "$A" >"$WORK/is"
	expect same "$WORK/was" "$WORK/is"
	rm -rf "$A/link" "$A/fifo" "$A/directory"
}

# .snapshot is not followed out of the directory.
link_in_the_way() {
	fresh
	mkdir -p "$WORK/outside"
	ln -s "$WORK/outside" "$A/.snapshot"
	run_code 1 create "$A/live" one
	expect [ -z "$(ls -A "$WORK/outside")" ]
	rm "$A/.snapshot"
}

other_file_system() {
	fresh
	mkdir -p "$WORK/outside"
	run_code 7 refsnap create -o "$WORK/outside/snap" "$A/live"
	expect [ -z "$(ls -A "$WORK/outside")" ]
	if [ "$FS" != ext4 ]; then
		run_ok refsnap create --reserve=0 --reflink=auto \
			-o "$WORK/outside/snap" "$A/live"
		expect same "$A/live" "$WORK/outside/snap"
		run_ok refsnap info "$WORK/outside/snap"
	fi
	rm -rf "$WORK/outside"
}

no_permission() {
	fresh
	mkdir "$A/closed"
	cp "$A/live" "$A/closed/"
	chmod 600 "$A/live"
	run_code 1 as_user refsnap create "$A/live"
	run_code 1 as_user refsnap create --reflink=auto "$A/closed/live"
	expect [ "$(ls -A "$A/closed")" = live ]
	rm -rf "$A/closed"
}

unprivileged() {
	rm -rf "$A/mine"
	mkdir "$A/mine"
	random_file "$A/mine/live" 100000 1
	chown -R 65534:65534 "$A/mine"
	chmod 640 "$A/mine/live"
	run_ok as_user refsnap create --reflink=auto "$A/mine/live" one
	SNAP=$A/mine/.snapshot/live.one
	expect same "$A/mine/live" "$SNAP"
	expect [ "$(stat -c %a "$SNAP")" = 440 ]
	run_ok as_user refsnap info "$SNAP"
	run_ok as_user refsnap hold "$SNAP" tag
	run_code 1 as_user refsnap delete "$SNAP"
	run_ok as_user refsnap release "$SNAP" tag
	random_patch "$A/mine/live" 5 5 2
	run_code 5 as_user refsnap restore "$SNAP"
	run_ok as_user refsnap restore --force "$SNAP"
	expect same "$A/mine/live" "$SNAP"
	expect [ "$(stat -c %a:%u "$A/mine/live")" = 640:65534 ]
	run_ok as_user refsnap clone "$SNAP" "$A/mine/clone"
	run_ok as_user refsnap unshare "$A/mine/clone"
	run_ok as_user refsnap delete "$SNAP"
	run_status 1 as_user refsnap create --reflink=auto --immutable \
		"$A/mine/live" two
	expect_error 'immutable'
	rm -rf "$A/mine"
}

reserve_kept() {
	fresh
	run_code 7 create --reserve=1T "$A/live" one
	expect [ ! -e "$A/.snapshot/live.one" ]
	run_ok create --reserve=0 "$A/live" one
	run_code 2 create --reserve=much "$A/live" two
}

# ---- no reflink ----

copies_only() {
	fresh
	run_code 7 refsnap create "$A/live" one
	expect_error 'reflink=auto'
	expect [ ! -e "$A/.snapshot/live.one" ]
	run_ok refsnap create --reflink=auto "$A/live" one
	expect_error 'warning: .*copied whole'
	exec 9<>"$A/live"
	run_code 1 refsnap create --reflink=auto "$A/live" two
	expect_error 'open for writing'
	exec 9>&-
	run_ok refsnap create --reflink=never "$A/live" two
	expect [ ! -s "$ERR" ]
	expect same "$A/live" "$A/.snapshot/live.two"
}

# Copies keep holes.
copies_keep_holes() {
	rm -rf "$A/live" "$A/.snapshot"
	truncate -s 100M "$A/live"
	random_patch "$A/live" 50000000 4096 1
	run_ok refsnap create --reflink=never "$A/live" one
	expect same "$A/live" "$A/.snapshot/live.one"
	expect [ "$(stat -c %b "$A/.snapshot/live.one")" -lt 2048 ]
}

reflinks_while_open() {
	fresh
	exec 9<>"$A/live"
	run_ok refsnap create "$A/live" one
	run_code 1 refsnap create --reflink=never "$A/live" two
	expect_error 'open for writing'
	exec 9>&-
}

# ---- killed ----

# Whenever create is killed: no half snapshot, and no remains after the next.
killed() {
	local i snap

	rm -rf "$A/live" "$A/.snapshot"
	random_file "$A/live" 20000000 1
	sync "$A/live"
	for i in 0 1 2 4 7 10 15 20 25 30; do
		random_patch "$A/live" $((i * 4096)) 4096 "$i"
		create --reflink="${1:-always}" --reserve=0 "$A/live" "kill$i" \
			>"$OUT" 2>"$ERR" &
		sleep "0.0$(printf %02d "$i")"
		kill -9 $! 2>/dev/null
		wait $! 2>/dev/null
	done
	for snap in "$A/.snapshot/live."*; do
		[ -e "$snap" ] || continue
		run_ok refsnap info "$snap"
		expect [ "$(stat -c %s "$snap")" = 20000000 ]
	done
	run_ok create --reflink="${1:-always}" "$A/live" last
	expect same "$A/live" "$A/.snapshot/live.last"
	expect [ -z "$(find "$A/.snapshot/.refsend" -name 'partial*')" ]
}

# Remains of a killed run go, those of a running one stay.
partials_swept() {
	fresh
	run_ok create "$A/live" one
	: >"$A/.snapshot/.refsend/partial.0123456789abcdef"
	: >"$A/.snapshot/.refsend/partial.fedcba9876543210"
	exec 9<"$A/.snapshot/.refsend/partial.fedcba9876543210"
	flock -x 9
	run_ok create "$A/live" two
	expect [ ! -e "$A/.snapshot/.refsend/partial.0123456789abcdef" ]
	expect [ -e "$A/.snapshot/.refsend/partial.fedcba9876543210" ]
	exec 9<&-
}

on_fs() {
	make_fs "$1" A
	test_case "create: default name" default_name
	test_case "create: five within one second" within_one_second
	test_case "create: given name" given_name
	test_case "create: -o" output_path
	test_case "create: owner, times, attributes, mode" metadata_kept
	test_case "create: access list" access_list_kept
	test_case "create: user.refsend.* is not copied" own_attributes_left
	test_case "create: --immutable" immutable
	test_case "create: odd names" odd_names
	test_case "create: links, FIFOs, directories, nothing" odd_files
	test_case "create: .snapshot is a link" link_in_the_way
	test_case "create: -o on another file system" other_file_system
	test_case "create: no permission" no_permission
	test_case "all verbs as a user" unprivileged
	test_case "create: reserve" reserve_kept
	test_case "create: keeps holes in a copy" copies_keep_holes
	if [ "$1" = ext4 ]; then
		test_case "create: copies when asked to" copies_only
		test_case "create: killed" killed auto
	else
		test_case "create: open for writing" reflinks_while_open
		test_case "create: killed" killed
		test_case "create: killed while copying" killed never
	fi
	test_case "create: remains are swept" partials_swept
}

for_each_fs on_fs "$@"
finish
