#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 42-replica.sh - what a replica is beside its bytes: metadata, live file,
# names; and what the tools tell.

. "$(dirname "$0")/lib.sh"
. "$HERE/stream.sh"

# snap FILE NAME: a snapshot on any kind of file system.
snap() {
	run_ok refsnap create --reflink=auto "$1" "$2"
}

# Three snapshots.
prepare() {
	random_file "$A/file" 3000000 1
	snap "$A/file" one
	random_patch "$A/file" 1000000 50000 2
	snap "$A/file" two
	truncate -s 2000000 "$A/file"
	truncate -s 4000000 "$A/file"
	snap "$A/file" three
}

dry_runs() {
	local before from=$A/.snapshot/file

	mkdir "$B/dry"
	make_stream -I "$from.one" "$from.three"
	before=$(tree_listing "$A"; tree_listing "$B")
	run_ok refsend -n -i "$from.one" "$from.three"
	expect [ ! -s "$OUT" ]
	expect_error 'would send 1 snapshot:'
	run_code 4 refrecv -n "$B/dry" <"$STREAM"
	make_stream "$from.two"
	run_ok refrecv -n "$B/dry" <"$STREAM"
	expect_error 'would receive .*/dry/.snapshot/file.two whole'
	run_ok refrecv -n --json "$B/dry" <"$STREAM"
	expect [ "$(json_value "$OUT" 'o["dry_run"]')" = True ]
	expect [ "$before" = "$(tree_listing "$A"; tree_listing "$B")" ]
	receive_stream "$B/dry"
	before=$(tree_listing "$B")
	make_stream -I "$from.one" "$from.three"
	run_ok refrecv -n --json "$B/dry" <"$STREAM"
	expect [ "$(json_value "$OUT" 'len(o["snapshots"])')" -eq 2 ]
	run_ok refrecv -n "$B/dry" <"$STREAM"
	expect_error 'would receive .*/dry/.snapshot/file.three onto its base'
	make_stream "$from.one"
	cp "$STREAM" "$WORK/whole"
	run_ok refrecv -n "$B" <"$WORK/whole"
	expect [ "$before" = "$(tree_listing "$B")" ]
}

json() {
	local from=$A/.snapshot/file

	carry "$B" -- "$from.one"
	rm -f "$WORK/file"
	run_ok refsnap list --json "$B"
	expect [ "$(json_value "$OUT" 'len(o["snapshots"])')" -eq 1 ]
	run_ok refsnap info --json "$B/.snapshot/file.one"
	expect [ "$(json_value "$OUT" 'o["name"]')" = one ]
	run_status 1 refdiff --json "$from.one" "$from.two"
	expect [ "$(json_value "$OUT" 'len(o["ranges"]) > 0')" = True ]
	run_ok refsend --json -i "$from.one" -o "$WORK/file" "$from.two"
	expect [ "$(json_value "$OUT" 'o["stream_bytes"]')" -eq \
		"$(stat -c %s "$WORK/file")" ]
	expect [ "$(json_value "$OUT" 'o["snapshots"]')" -eq 1 ]
	case $test_suffix in
	' ['btrfs*)
		expect [ "$(json_value "$OUT" 'o["pin_seconds"] > 0')" = True ]
		;;
	*) expect [ "$(json_value "$OUT" 'o["pin_seconds"]')" = 0.0 ] ;;
	esac
	run_ok refsend --json -i "$from.one" "$from.two"
	tail -n 1 "$ERR" >"$WORK/sent.json"	# after warnings
	expect [ "$(json_value "$WORK/sent.json" 'o["stream_bytes"]')" -eq \
		"$(stat -c %s "$OUT")" ]
	run_ok refrecv --json "$B" <"$WORK/file"
	expect [ "$(json_value "$OUT" 'o["snapshots"][0]["path"]')" = \
		"$B/.snapshot/file.two" ]
	expect [ "$(json_value "$OUT" 'o["snapshots"][0]["id"]')" = \
		"$(snap_ids "$A/file" | sed -n 2p)" ]
}

# A stream kept in a file; the file must be new, and goes if there is no end.
stream_file() {
	local from=$A/.snapshot/file

	mkdir "$B/kept"
	rm -f "$WORK/file"
	run_ok refsend -o "$WORK/file" "$from.three"
	expect [ ! -s "$OUT" ]
	run_code 1 refsend -o "$WORK/file" "$from.three"
	expect_error 'cannot make'
	run_ok refrecv "$B/kept" <"$WORK/file"
	expect same "$from.three" "$B/kept/.snapshot/file.three"
	run_code 1 refsend -o /dev/full "$from.three"
	run_code 1 refsend -o "$WORK/none/file" "$from.three"
}

metadata() {
	local file=$A/owned replica=$B/.snapshot/owned.one

	random_file "$file" 10000 1
	chown 54321:65534 "$file"
	chmod 4751 "$file"
	setfattr -n user.colour -v blue "$file"
	setfattr -n user.empty "$file"
	setfattr -n trusted.secret -v red "$file"
	setfacl -m u:54322:rw,g:54323:r "$file"
	touch -a -d '2001-02-03 04:05:06.123456789' "$file"
	touch -m -d '2002-03-04 05:06:07.987654321' "$file"
	snap "$file" one
	carry "$B" -v -- "$A/.snapshot/owned.one"
	expect [ "$(stat -c %u:%g:%a "$replica")" = 54321:65534:440 ]
	expect [ "$(stat -c %x%y "$replica")" = \
		"$(stat -c %x%y "$A/.snapshot/owned.one")" ]
	expect [ "$(stat -c %.9X.%.9Y "$replica")" = "$(TZ=UTC stat \
		-c %.9X.%.9Y "$A/.snapshot/owned.one")" ]
	expect [ "$(getfattr -n user.colour --only-values --absolute-names \
		"$replica")" = blue ]
	expect getfattr --absolute-names -n user.empty "$replica"
	expect_not getfattr --absolute-names -n trusted.secret "$replica"
	run_ok refsnap clone "$replica" "$B/clone"
	expect [ "$(stat -c %u:%g:%a "$B/clone")" = 54321:65534:771 ]
	expect [ "$(getfacl -pcn "$B/clone")" = "$(getfacl -pcn "$file")" ]
	mkdir "$B/trusting"
	carry "$B/trusting" --trust-metadata -- "$A/.snapshot/owned.one"
	check_replica "$A/.snapshot/owned.one" "$B/trusting/.snapshot/owned.one"
	run_ok refsnap clone "$B/trusting/.snapshot/owned.one" "$B/trusting/new"
	expect [ "$(stat -c %a "$B/trusting/new")" = 4771 ]
	expect same_metadata "$file" "$B/trusting/new" mode
	rm -f "$B/clone" "$B/trusting/new"
}

# The name of the owner counts where it is known, else the number.
owner_names() {
	mkdir "$B/names"
	make_stream "$A/.snapshot/owned.one"
	"$PYTHON" "$STREAM_EDIT" uid=777 user=nobody gid=778 \
		group=nobody-at-all <"$STREAM" >"$WORK/edited"
	run_ok refrecv "$B/names" <"$WORK/edited"
	expect [ "$(stat -c %u:%g "$B/names/.snapshot/owned.one")" = 65534:778 ]
}

live() {
	local file=$A/moving from=$A/.snapshot/moving published before

	random_file "$file" 300000 1
	chmod 640 "$file"
	snap "$file" one
	random_patch "$file" 5000 100 2
	snap "$file" two
	random_patch "$file" 299999 100 3
	snap "$file" three
	mkdir "$B/live"
	published=$B/live/moving
	carry "$B/live" --live -- "$from.one"
	expect same "$published" "$from.one"
	expect same_metadata "$published" "$from.one"
	expect [ "$(stat -c %a "$published")" = 640 ]
	before=$(stat -c %i:%z "$published")
	carry "$B/live" --live -- "$from.one"
	expect [ "$before" = "$(stat -c %i:%z "$published")" ]
	carry "$B/live" --live -- -i "$from.one" "$from.two"
	expect same "$published" "$from.two"
	make_stream -i "$from.two" "$from.three"
	before=$(tree_listing "$B/live")
	exec 9>>"$published"
	run_code 1 refrecv --live "$B/live" <"$STREAM"
	expect_error "$published is open for writing"
	exec 9>&-
	expect [ "$before" = "$(tree_listing "$B/live")" ]
	echo mine >>"$published"
	before=$(tree_listing "$B/live")
	run_code 5 refrecv --live "$B/live" <"$STREAM"
	expect_error "$published changed since"
	expect [ "$before" = "$(tree_listing "$B/live")" ]
	receive_stream "$B/live"
	expect [ "$(tail -c 5 "$published")" = mine ]
	rm "$published"
	receive_stream --live "$B/live"
	expect same "$published" "$from.three"
	rm "$published"
	mkfifo "$published"
	run_code 5 refrecv --live "$B/live" <"$STREAM"
	rm "$published"
}

# A patch allocates what it patches: without this, XFS reserves far more.
# For a file that lives on, that is a burden.
cow_extent_size() {
	local replica=$B/live/.snapshot/moving.two

	expect [ "$(xfs_io -r -c cowextsize "$replica" | cut -d ' ' -f 1)" = \
		"[$(stat -f -c %S "$replica")]" ]
	run_ok refsnap clone "$replica" "$B/live/clone"
	expect [ "$(xfs_io -r -c cowextsize "$B/live/clone" |
		cut -d ' ' -f 1)" = "[0]" ]
	rm "$B/live/clone"
}

# A file of that name which refrecv never published stays.
live_foreign() {
	mkdir "$B/foreign"
	echo foreign >"$B/foreign/moving"
	make_stream "$A/.snapshot/moving.one"
	run_code 5 refrecv --live "$B/foreign" <"$STREAM"
	expect [ "$(ls -A "$B/foreign")" = moving ]
	expect [ "$(cat "$B/foreign/moving")" = foreign ]
	carry "$B/foreign" --live --as moved -- "$A/.snapshot/moving.one"
	expect same "$B/foreign/moved" "$A/.snapshot/moving.one"
}

two_sources() {
	local before other=$A/other/.snapshot/moving

	mkdir "$A/other" "$B/both"
	random_file "$A/other/moving" 50000 9
	snap "$A/other/moving" first
	random_patch "$A/other/moving" 0 10 10
	snap "$A/other/moving" second
	carry "$B/both" -- "$A/.snapshot/moving.one"
	before=$(tree_listing "$B/both")
	make_stream "$other.first"
	run_code 5 refrecv "$B/both" <"$STREAM"
	expect_error '--as'
	expect [ "$before" = "$(tree_listing "$B/both")" ]
	carry "$B/both" --as else -- "$other.first"
	make_stream -i "$other.first" "$other.second"
	run_code 5 refrecv "$B/both" <"$STREAM"
	run_ok refrecv --json --as else "$B/both" <"$STREAM"
	read_again
	carry "$B/both" -- -i "$A/.snapshot/moving.one" "$A/.snapshot/moving.two"
	check_replica "$other.second" "$B/both/.snapshot/else.second"
	check_replica "$A/.snapshot/moving.two" "$B/both/.snapshot/moving.two"
	run_ok refsnap list --json "$B/both/else"
	expect [ "$(json_value "$OUT" 'len(o["snapshots"])')" -eq 2 ]
}

# Copies that refsnap never made: own names, identity by first use.
plain_copies() {
	local file=$A/plain

	mkdir "$B/plain"
	random_file "$file" 500000 1
	cp --reflink=auto "$file" "$A/monday"
	random_patch "$file" 70001 5000 2
	cp --reflink=auto "$file" "$A/tuesday"
	chmod 444 "$A/tuesday"
	random_patch "$file" 400000 90000 3
	truncate -s 490001 "$file"
	cp --reflink=auto "$file" "$A/wednesday"
	carry "$B/plain" -- "$A/monday"
	expect getfattr -n user.refsend.seal "$A/monday"
	carry "$B/plain" -- -i "$A/monday" "$A/tuesday"
	expect [ "$(ls "$B/plain")" = $'monday\ntuesday' ]
	check_replica "$A/tuesday" "$B/plain/tuesday"
	mv "$A/tuesday" "$A/.renamed"
	mv "$B/plain/tuesday" "$B/plain/.renamed"
	carry "$B/plain" --as wed -- -i "$A/.renamed" "$A/wednesday"
	expect same "$A/wednesday" "$B/plain/wed"
	carry "$B/plain" -- -i "$A/monday" "$A/.renamed"
	run_code 2 refrecv --live "$B/plain" <"$STREAM"
	mv "$A/monday" "$A/writable-and-renamed"
	run_code 5 refsend "$A/writable-and-renamed"
	run_code 2 refsend -I "$A/.renamed" "$A/wednesday"
	expect_error 'one lineage'
	run_code 2 refsend -i "$A/.renamed" "$A/.renamed"
}

on_fs() {
	local onto

	case $1 in
	xfs) onto=btrfs-zstd ;;
	btrfs) onto=xfs ;;
	btrfs-zstd) onto=ext4 ;;
	ext4) onto=btrfs ;;
	esac
	forget_reader
	make_fs "$1" A
	make_fs "$onto" B
	test_suffix="$test_suffix to [$onto]"
	test_case "three snapshots" prepare
	test_case "dry runs tell and write nothing" dry_runs
	test_case "a stream in a file" stream_file
	test_case "JSON of every tool" json
	test_case "metadata" metadata
	test_case "owners by name, else by number" owner_names
	test_case "the live file of a replica" live
	[ "$onto" = xfs ] &&
		test_case "the copy-on-write extent size" cow_extent_size
	test_case "a live file that is not ours stays" live_foreign
	test_case "two sources of one name" two_sources
	test_case "plain copies" plain_copies
}

for_each_fs on_fs
finish
