#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# 11-refsnap-list.sh - refsnap list and info, and what breaks a seal.
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

listed_by_origin() {
	fresh
	rm -f "$A/db" "$A/db.img"
	random_file "$A/db" 5000 1
	random_file "$A/db.img" 5000 2
	run_ok create "$A/db" one
	run_ok create "$A/db" img.one
	run_ok create "$A/db.img" two
	# One name for two: the second is refused.
	run_code 5 create "$A/db" img.two
	expect [ "$(snap_ids "$A/db" | wc -l)" -eq 2 ]
	expect [ "$(snap_ids "$A/db.img" | wc -l)" -eq 1 ]
	expect [ "$(snap_ids "$A" | wc -l)" -eq 3 ]
	run_ok refsnap list "$A"
	expect [ "$(wc -l <"$OUT")" -eq 4 ]
	run_ok refsnap list "$A/live"
	expect [ ! -s "$OUT" ]
	rm "$A/db"
	run_ok refsnap list "$A/db"
	expect [ "$(wc -l <"$OUT")" -eq 3 ]
	run_code 1 refsnap list "$A/never"
	run_ok refsnap list --json "$A"
	expect [ "$(json_value "$OUT" \
		'sorted(s["origin"] + "/" + s["name"] for s in
o["snapshots"])')" = "['db.img/two', 'db/img.one', 'db/one']" ]
	expect [ "$(json_value "$OUT" 'o["snapshots"][0]["size"]')" = 5000 ]
	expect [ "$(json_value "$OUT" \
		'len({s["lineage"] for s in o["snapshots"]})')" = 2 ]
	run_ok refsnap list --json "$A/db"
	expect [ "$(json_value "$OUT" \
		'[(s["name"], s["cut"]) for s in o["snapshots"]]')" = \
		"[('one', 1), ('img.one', 2)]" ]
	rm "$A/db.img"
}

seal_good() {
	fresh
	take "$A/live" one
	run_ok refsnap info "$SNAP"
	expect grep -q '^seal: *good$' "$OUT"
	run_ok refsnap info --json "$SNAP"
	expect [ "$(json_value "$OUT" 'o["state"], o["origin"]')" = \
		"('good', 'live')" ]
	sleep 2.1
	mv "$SNAP" "$A/.snapshot/renamed"
	run_ok refsnap info "$A/.snapshot/renamed"
	run_code 5 refsnap info "$A/live"
	run_code 1 refsnap info "$A/missing"
}

# broken COMMAND...: after that, it is no longer the snapshot.
broken() {
	fresh
	take "$A/live" one
	chmod u+w "$SNAP"
	"$@" "$SNAP"
	run_code 5 refsnap info "$SNAP"
	run_code 5 refsnap clone "$SNAP" "$A/clone"
	expect [ ! -e "$A/clone" ]
	run_code 5 refsnap restore --force "$SNAP"
	run_code 5 refsend -o "$WORK/stream" "$SNAP"
	expect [ ! -e "$WORK/stream" ]
	run_status 2 refdiff "$SNAP" "$A/live"
	run_ok refsnap list --json "$A"
	expect [ "$(json_value "$OUT" 'o["snapshots"][0]["state"]')" = broken ]
	run_code 5 refsnap delete "$SNAP"
	run_ok refsnap delete --force "$SNAP"
	expect [ ! -e "$SNAP" ]
}

written() {
	random_patch "$1" 100 1 2
	chmod u-w "$1"
}

# All times but ctime as they were; the mode too.
written_and_touched() {
	touch -r "$1" "$WORK/times"
	random_patch "$1" 100 1 2
	touch -r "$WORK/times" "$1"
}

resized() {
	touch -r "$1" "$WORK/times"
	truncate -s -1 "$1"
	chmod u-w "$1"
	touch -r "$WORK/times" "$1"
}

replaced_by_copy() {
	chmod u-w "$1"
	cp -a "$1" "$1.copy"
	mv "$1.copy" "$1"
}

# A copy, even with all attributes, is another file.
copied() {
	fresh
	take "$A/live" one
	cp -a --reflink=auto "$SNAP" "$A/copy"
	expect getfattr -n user.refsend.seal "$A/copy"
	run_code 5 refsnap info "$A/copy"
	expect_error 'not the snapshot'
	run_ok refsnap info "$SNAP"
	rm "$A/copy"
}

# sealed_slowly CODE MICROSECONDS: send a plain copy; it takes the file system so
# long to set an attribute.
sealed_slowly() {
	run_code "$1" traced -qq -o /dev/null -e trace=fsetxattr \
		-e "inject=fsetxattr:delay_enter=$2" refsend -n "$A/plain"
}

# A full journal, or another node, holds the attribute up: it fits all the same,
# and the file is not refused the next time.
slow_sealing() {
	fresh
	cp "$A/live" "$A/plain"
	sealed_slowly 0 100000
	expect getfattr -n user.refsend.seal "$A/plain"
	run_ok refsnap info "$A/plain"
	run_ok refsend -n "$A/plain"
	rm "$A/plain"
}

# Longer than half of the longest interval, 10 s: no seal would be true, so there
# is none.
too_slow_sealing() {
	fresh
	cp "$A/live" "$A/plain"
	sealed_slowly 1 5100000
	expect_error "cannot seal $A/plain: the file system takes too long"
	expect_not getfattr -n user.refsend.seal "$A/plain"
	run_ok refsend -n "$A/plain"
	expect getfattr -n user.refsend.seal "$A/plain"
	rm "$A/plain"
}

# A write through a descriptor that was open before the mode changed, or by
# root, with its times put back: only ctime tells.
ctime_tells() {
	fresh
	chmod 644 "$A/live"
	cp "$A/live" "$A/plain"
	run_ok refsend -o "$WORK/stream" "$A/plain"
	rm "$WORK/stream"
	expect getfattr -n user.refsend.seal "$A/plain"
	run_ok refsnap info "$A/plain"
	touch -r "$A/plain" "$WORK/times"
	random_patch "$A/plain" 100 1 2
	touch -r "$WORK/times" "$A/plain"
	run_code 5 refsnap info "$A/plain"
	expect_error 'ctime differs'
	run_code 5 refsend -o "$WORK/stream" "$A/plain"
	rm "$A/plain"
}

malformed_seal() {
	fresh
	take "$A/live" one
	chmod u+w "$SNAP"
	setfattr -n user.refsend.seal -v 0x0200ff "$SNAP"
	run_code 5 refsnap info "$SNAP"
	expect_error malformed
	setfattr -n user.refsend.seal -v nonsense "$SNAP"
	run_code 5 refsnap info "$SNAP"
	expect_error malformed
	setfattr -n user.refsend.seal -v 0x0100ff "$SNAP"
	run_code 5 refsnap info "$SNAP"
	expect_error 'another version of refsnap (seal version 1, '
	run_ok refsnap list "$A"
	rm -f "$SNAP"
}

on_fs() {
	make_fs "$1" A
	test_case "list: by origin" listed_by_origin
	test_case "info: good seal" seal_good
	test_case "info: a written snapshot" broken written
	test_case "info: a written snapshot, mtime put back" \
		broken written_and_touched
	test_case "info: a resized snapshot" broken resized
	test_case "info: replaced by its copy" broken replaced_by_copy
	test_case "info: a copy" copied
	test_case "info: a written plain copy, mtime put back" ctime_tells
	if command -v strace >/dev/null; then
		test_case "a plain copy whose sealing takes long" slow_sealing
		[ "$1" != xfs ] ||
			test_case "a plain copy whose sealing takes too long" \
				too_slow_sealing
	else
		skip_case "a plain copy whose sealing takes long" "no strace"
	fi
	test_case "info: malformed seal" malformed_seal
}

for_each_fs on_fs "$@"
finish
