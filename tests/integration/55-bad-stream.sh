#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 55-bad-stream.sh - bad streams, names and bases: each is refused with its exit
# code and one sentence, and the replica directory stays as it was.

. "$(dirname "$0")/lib.sh"
. "$HERE/stream.sh"
. "$HERE/refuse.sh"

DAMAGETOOL=$HERE/damagetool.py

base_unknown() {
	mkdir "$A/empty"
	refuse 4 "$WORK/two" "$A/empty"
	expect_error 'does not have the base one'
	refuse 4 "$WORK/two" "$A/empty" -n
	fresh
	refuse 4 "$WORK/three" "$D"
}

base_of_other_contents() {
	mkdir "$A/other"
	random_file "$A/other/file" 200000 9
	run_ok refsnap create "$A/other/file" one
	refuse 5 "$WORK/two" "$A/other"
	expect_error 'snapshots of another file of that name'
	mkdir -p "$A/plain/.snapshot"
	cp "$A/file" "$A/plain/.snapshot/file.one"
	refuse 5 "$WORK/two" "$A/plain"
	expect_error 'file.one is there, but is not the base'
	# The right id and size, but not the contents that the sender has.
	mkdir "$A/forged"
	make_stream "$A/other/.snapshot/file.one"
	edited "snapshot=$(id base)" "lineage=$(id lineage)" <"$STREAM"
	run_ok refrecv "$A/forged" <"$WORK/edited"
	refuse 3 "$WORK/two" "$A/forged"
	expect_error 'the base is not the sender'
	# A replica knows the digest of what came whole.
	make_stream -i "$A/first/.snapshot/file.one" \
		"$A/first/.snapshot/file.two"
	refuse 5 "$STREAM" "$A/forged"
	expect_error 'another digest'
	# Nor the right size.
	mkdir "$A/shorter"
	random_file "$A/other/file" 199999 9
	run_ok refsnap create "$A/other/file" short
	make_stream "$A/other/.snapshot/file.short"
	edited "snapshot=$(id base)" "lineage=$(id lineage)" <"$STREAM"
	run_ok refrecv "$A/shorter" <"$WORK/edited"
	refuse 5 "$WORK/two" "$A/shorter"
	expect_error 'another size'
}

# A uuid of BEGIN of the stream "two".
id() {
	refrecv --dump <"$WORK/two" | sed -n "s/.* BEGIN .* $1=\([^ ]*\).*/\1/p"
}

unsafe_names() {
	local name long

	long=$(printf '%0256d' 0)
	fresh
	for name in a/b / /etc/passwd ../x .. . '' 'x\x00y' .snapshot "$long"
	do
		edited "origin=$name" <"$WORK/two"
		refuse 3 "$WORK/edited" "$D"
		[ "$name" = .snapshot ] && continue
		edited "name=$name" <"$WORK/two"
		refuse 3 "$WORK/edited" "$D"
		edited "base-name=$name" <"$WORK/two"
		refuse 3 "$WORK/edited" "$D"
	done
	edited "origin=${long:0:200}" "name=${long:0:55}" <"$WORK/two"
	refuse 3 "$WORK/edited" "$D"
	for name in a/b .. .snapshot .refsend '' "$long"; do
		edited flags=1 origin= "name=$name" <"$WORK/one"
		refuse 3 "$WORK/edited" "$A/empty"
	done
	expect [ ! -e "$A/x" ]
}

versions() {
	local bit

	fresh
	for version in 0 2 255 65535; do
		edited "version=$version" <"$WORK/two"
		refuse 3 "$WORK/edited" "$D"
		expect_error version
	done
	for bit in 3 5 17 62; do
		edited required=$((1 << bit | 3)) <"$WORK/two"
		refuse 3 "$WORK/edited" "$D"
	done
	edited required=0 <"$WORK/two"
	refuse 3 "$WORK/edited" "$D"
	edited size=0x8000000000000000 <"$WORK/two"
	refuse 3 "$WORK/edited" "$D"
}

no_stream() {
	fresh
	refuse 3 /dev/null "$D"
	refuse 3 "$A/file" "$D"
	refuse 3 /dev/zero "$D"
	cat "$WORK/two" "$WORK/two" >"$WORK/edited"
	refuse 3 "$WORK/edited" "$D"
	{ cat "$WORK/two"; echo; } >"$WORK/edited"
	refuse 3 "$WORK/edited" "$D"
	run_code 1 refrecv "$D" <&-
	run_code 1 refrecv "$A" <"$A"
	run_code 1 refrecv "$A/missing" <"$WORK/one"
	run_code 1 refrecv "$A/file" <"$WORK/one"
	run_code 1 as_user refrecv "$D" <"$WORK/two"
}

cuts() {
	fresh
	expect "$PYTHON" -B "$DAMAGETOOL" cuts "$WORK/two" "$D"
	note "$(tail -n 1 "$WORK/expect")"
	mkdir "$A/uncut"
	expect "$PYTHON" -B "$DAMAGETOOL" cuts "$WORK/one" "$A/uncut"
	note "$(tail -n 1 "$WORK/expect")"
}

flips() {
	fresh
	expect "$PYTHON" -B "$DAMAGETOOL" flips "$WORK/two" "$D"
	note "$(tail -n 1 "$WORK/expect")"
	run_ok refrecv "$D" <"$WORK/two"
	expect same "$A/.snapshot/file.two" "$D/.snapshot/file.two"
}

on_fs() {
	make_fs "$1" A
	test_case "streams" three_streams
	test_case "base unknown" base_unknown
	test_case "base of other contents" base_of_other_contents
	test_case "unsafe names" unsafe_names
	test_case "versions and features" versions
	test_case "not one stream" no_stream
	test_case "cut streams" cuts
	test_case "flipped bits" flips
}

for_each_fs on_fs xfs
finish
