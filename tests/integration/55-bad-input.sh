#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 55-bad-input.sh - bad streams, bases and places: each is refused with its exit
# code and one sentence, and the replica directory stays as it was.

. "$(dirname "$0")/lib.sh"
. "$HERE/stream.sh"

DAMAGETOOL=$HERE/damagetool.py
number=0

# refuse CODE STREAM DIR [OPTION]...: DIR stays as it was.
refuse() {
	local code=$1 stream=$2 directory=$3 before

	shift 3
	before=$(tree_listing "$directory")
	run_code "$code" refrecv "$@" "$directory" <"$stream"
	expect [ ! -s "$OUT" ]
	expect [ "$before" = "$(tree_listing "$directory")" ]
}

# A directory with the replica of "one" in it; its path is in $D.
fresh() {
	number=$((number + 1))
	D=$A/replica$number
	mkdir "$D"
	run_ok refrecv "$D" <"$WORK/one"
	R=$D/.snapshot/file.one
}

edited() {
	"$PYTHON" -B "$STREAM_EDIT" "$@" >"$WORK/edited"
}

# Streams: one (whole), two (onto one), three (onto two).
prepare() {
	local from=$A/.snapshot/file

	random_file "$A/file" 40000 1
	truncate -s 200000 "$A/file"
	run_ok refsnap create "$A/file" one
	random_patch "$A/file" 4096 10000 2
	random_patch "$A/file" 150000 5000 3
	dd if=/dev/zero of="$A/file" bs=4k seek=6 count=2 conv=notrunc \
		status=none
	fallocate -p -o 32768 -l 4096 "$A/file"
	run_ok refsnap create "$A/file" two
	truncate -s 100000 "$A/file"
	run_ok refsnap create "$A/file" three
	mkdir "$A/first"
	carry "$A/first" -- "$from.one"
	mv "$STREAM" "$WORK/one"
	carry "$A/first" -- -i "$from.one" "$from.two"
	mv "$STREAM" "$WORK/two"
	carry "$A/first" -- -i "$from.two" "$from.three"
	mv "$STREAM" "$WORK/three"
	# All kinds of record are in it.
	run_ok refrecv --dump <"$WORK/two"
	for record in BEGIN META 'DATA.*prefix=same' ZERO HOLE END; do
		expect grep -q "$record" "$OUT"
	done
}

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

replica_modified() {
	fresh
	chmod u+w "$R"
	random_patch "$R" 100 5 7
	refuse 5 "$WORK/two" "$D"
	expect_error "$R should be the base, but "
	run_code 5 refsend "$R"
	chmod u-w "$R"
	refuse 5 "$WORK/two" "$D"
	run_code 5 refsend "$R"
	fresh
	chmod 644 "$R"
	refuse 5 "$WORK/two" "$D"
	fresh
	touch "$R"
	refuse 5 "$WORK/two" "$D"
	fresh
	truncate -s 1 "$R"
	refuse 5 "$WORK/two" "$D"
	fresh
	setfattr -n user.refsend.seal -v nonsense "$R" 2>/dev/null ||
		{ chmod 644 "$R"; setfattr -n user.refsend.seal -v x "$R"; }
	refuse 5 "$WORK/two" "$D"
	fresh
	setfattr -x user.refsend.seal "$R"
	refuse 5 "$WORK/two" "$D"
}

replica_replaced() {
	fresh
	cp "$R" "$D/copy"
	mv -f "$D/copy" "$R"
	refuse 5 "$WORK/two" "$D"
	for how in -a '-a --reflink=always'; do
		fresh
		# shellcheck disable=SC2086
		cp $how "$R" "$D/copy"
		refuse 0 "$WORK/one" "$D"	# the right one is still there
		mv -f "$D/copy" "$R"
		refuse 5 "$WORK/two" "$D"
		run_code 5 refsend "$R"
	done
	fresh
	mv "$D" "$D.moved"
	cp -a "$D.moved" "$D"
	refuse 5 "$WORK/two" "$D"
	run_ok refrecv "$D.moved" <"$WORK/two"
}

name_taken() {
	fresh
	echo taken >"$D/.snapshot/file.two"
	refuse 5 "$WORK/two" "$D"
	expect_error 'file.two exists already'
	rm "$D/.snapshot/file.two"
	mkdir "$D/.snapshot/file.two"
	refuse 5 "$WORK/two" "$D"
	rmdir "$D/.snapshot/file.two"
	mkfifo "$D/.snapshot/file.two"
	refuse 5 "$WORK/two" "$D"
	rm "$D/.snapshot/file.two"
	run_ok refrecv "$D" <"$WORK/two"
	refuse 0 "$WORK/two" "$D"
	refuse 0 "$WORK/one" "$D"
}

symbolic_links() {
	local name

	mkdir "$A/elsewhere"
	for name in "$A/elsewhere/file.two" /nowhere file.one; do
		fresh
		ln -s "$name" "$D/.snapshot/file.two"
		refuse 3 "$WORK/two" "$D"
		expect_error 'symbolic link'
	done
	fresh
	ln -s "$A/elsewhere/live" "$D/file"
	refuse 3 "$WORK/two" "$D" --live
	expect_error 'symbolic link'
	fresh
	mv "$D/.snapshot" "$A/elsewhere/snapshots"
	ln -s "$A/elsewhere/snapshots" "$D/.snapshot"
	refuse 3 "$WORK/two" "$D"
	refuse 3 "$WORK/one" "$D"
	fresh
	mv "$D/.snapshot/.refsend" "$A/elsewhere/state" 2>/dev/null ||
		mkdir "$A/elsewhere/state"
	ln -s "$A/elsewhere/state" "$D/.snapshot/.refsend"
	refuse 3 "$WORK/two" "$D"
	fresh
	rm -rf "$D/.snapshot/.refsend"
	echo file >"$D/.snapshot/.refsend"
	refuse 3 "$WORK/two" "$D"
	expect [ "$(ls -A "$A/elsewhere/state")" = "" ]
	expect [ "$(ls -A "$A/elsewhere/snapshots")" = file.one ]
	# A link that the user names is his own affair.
	fresh
	ln -s "$D" "$A/link"
	run_ok refrecv "$A/link" <"$WORK/two"
	expect refsnap info "$D/.snapshot/file.two"
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
		edited version=$version <"$WORK/two"
		refuse 3 "$WORK/edited" "$D"
		expect_error version
	done
	for bit in 2 3 4 5 17 62; do
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

terminals() {
	local file=$A/.snapshot/file.one

	run_status 2 script -qec "refsend $file" /dev/null
	expect grep -q 'does not go to a terminal' "$OUT"
	fresh
	run_status 2 script -qec "refrecv $D" /dev/null
	expect grep -q 'does not come from a terminal' "$OUT"
}

# A plain copy that changes while a slow reader takes the stream.
changed_while_sent() {
	local change process code

	mkdir "$A/slow"
	mkfifo "$WORK/fifo"
	for change in 'random_patch "$A/slow/copy" 5000000 10 8' \
		'truncate -s 9000000 "$A/slow/copy"' \
		'echo >>"$A/slow/copy"' \
		'touch -d @1000000000 "$A/slow/copy"'; do
		rm -f "$A/slow/copy"
		head -c 8388608 /dev/urandom >"$A/slow/copy"
		refsend "$A/slow/copy" >"$WORK/fifo" 2>"$ERR" &
		process=$!
		exec 8<"$WORK/fifo"
		head -c 4096 <&8 >"$STREAM"
		eval "$change"
		cat <&8 >>"$STREAM"
		exec 8<&-
		code=0
		wait "$process" || code=$?
		expect [ "$code" -eq 1 ]
		expect [ "$(wc -l <"$ERR")" -eq 1 ]
		expect_error "$A/slow/copy was changed while"
		refuse 3 "$STREAM" "$A/empty"
	done
	rm "$WORK/fifo"
}

sealed_modified() {
	local snap=$A/sealed/.snapshot/file.one

	mkdir "$A/sealed"
	random_file "$A/sealed/file" 100000 1
	run_ok refsnap create "$A/sealed/file" one
	run_ok refsnap create "$A/sealed/file" two
	chmod 644 "$snap"
	run_code 5 refsend "$snap"
	expect_error "$snap is not the snapshot that its seal says"
	random_patch "$snap" 0 1 2
	run_code 5 refsend "$snap"
	run_code 5 refsend -i "$snap" "$A/sealed/.snapshot/file.two"
	run_code 5 refsend -i "$A/sealed/.snapshot/file.two" "$snap"
	chmod 444 "$snap"
	run_code 5 refsend "$snap"
	expect [ ! -s "$OUT" ]
	exec 8>>"$A/sealed/file"
	run_code 1 refsend "$A/sealed/file"
	expect_error 'open for writing'
	exec 8>&-
}

two_at_once() {
	local first second code=0

	fresh
	mkfifo "$WORK/fifo"
	refrecv "$D" <"$WORK/fifo" &
	first=$!
	exec 8>"$WORK/fifo"
	head -c 400 "$WORK/two" >&8
	while flock -n "$D" true; do
		sleep 0.02
	done
	run_code 8 refrecv "$D" <"$WORK/one"
	expect_error 'another refrecv'
	run_ok refrecv -n "$D" <"$WORK/two"
	refrecv --wait "$D" <"$WORK/two" 2>"$WORK/second" 8>&- &
	second=$!
	sleep 0.3
	expect kill -0 "$second"
	tail -c +401 "$WORK/two" >&8
	exec 8>&-
	wait "$first" || code=$?
	expect [ "$code" -eq 0 ]
	wait "$second" || code=$?
	expect [ "$code" -eq 0 ]
	expect same "$A/.snapshot/file.two" "$D/.snapshot/file.two"
	rm "$WORK/fifo"
}

usage() {
	local file=$A/.snapshot/file.one

	run_code 2 refsend
	run_code 2 refsend "$file" "$file"
	run_code 2 refsend --nonsense "$file"
	run_code 2 refsend -x "$file"
	run_code 2 refsend -i
	run_code 2 refsend -i "$file" -I "$file" "$file"
	run_code 2 refsend -n -o "$WORK/none" "$file"
	for level in '' zstd: zstd:0 zstd:20 zstd:x zstd:3x gzip zstd:-1; do
		run_code 2 refsend "--compress=$level" "$file"
	done
	run_code 2 refsend -i "$file" "$file"
	run_code 2 refsend -I "$A/.snapshot/file.two" "$file"
	expect [ ! -e "$WORK/none" ]
	run_code 2 refrecv "$D" "$D" <"$WORK/one"
	run_code 2 refrecv --dump "$D" <"$WORK/one"
	run_code 2 refrecv --nonsense "$D" <"$WORK/one"
	run_code 2 refrecv --reflink=maybe "$D" <"$WORK/one"
	run_code 2 refrecv --reserve=much "$D" <"$WORK/one"
	run_code 2 refrecv --reserve=-1 "$D" <"$WORK/one"
	for tool in refsend refrecv; do
		run_ok "$tool" --help
		expect grep -q "^Usage: $tool" "$OUT"
		run_ok "$tool" --version
		expect grep -q "^$tool (refsend) [0-9]" "$OUT"
	done
}

no_snapshot() {
	local file=$A/.snapshot/file.one

	mkfifo "$A/fifo"
	for what in "$A" "$A/fifo" /dev/null "$A/missing" "$file/x" '' \
		"$A/missing/x"; do
		run_code 1 refsend "$what"
		run_code 1 refsend -i "$file" "$what"
		run_code 1 refsend -i "$what" "$file"
		expect [ ! -s "$OUT" ]
	done
	chmod 600 "$A/file"
	run_code 1 as_user refsend "$A/file"
	expect_error 'Permission denied'
}

no_reader() {
	local file=$A/large

	head -c 4000000 /dev/urandom >"$file"
	run_ok refsnap create "$file" one
	file=$A/.snapshot/large.one
	run_code 1 bash -c 'refsend "$1" >&-' - "$file"
	run_code 1 bash -c 'refsend "$1" >/dev/full' - "$file"
	run_code 1 bash -c 'set -o pipefail
		refsend "$1" | true' - "$file"
	run_code 1 bash -c 'refrecv --dump <"$1" >/dev/full' - "$WORK/two"
	run_code 1 bash -c 'refrecv --json "$1" <"$2" >/dev/full' - "$D" \
		"$WORK/one"
}

on_xfs() {
	make_fs xfs A
	test_case "streams" prepare
	test_case "base unknown" base_unknown
	test_case "base of other contents" base_of_other_contents
	test_case "replica modified" replica_modified
	test_case "replica replaced or copied" replica_replaced
	test_case "name taken, or the same again" name_taken
	test_case "symbolic links in the way" symbolic_links
	test_case "unsafe names" unsafe_names
	test_case "versions and features" versions
	test_case "not one stream" no_stream
	test_case "terminals" terminals
	test_case "source changed while it is sent" changed_while_sent
	test_case "sealed snapshot modified" sealed_modified
	test_case "two at once" two_at_once
	test_case "wrong options and arguments" usage
	test_case "what is no snapshot" no_snapshot
	test_case "nobody reads" no_reader
	test_case "cut streams" cuts
	test_case "flipped bits" flips
}

# The disk is full before the snapshot is whole.
disk_full() {
	local before filler=$A/filler free

	mkdir "$A/D"
	run_ok refrecv --reserve=0 "$A/D" <"$WORK/small"
	free=$(df --output=avail -B 1M "$A" | tail -n 1)
	fallocate -l "$((free - 24))M" "$filler" 2>/dev/null ||
		note "fallocate fails"
	sync -f "$A"
	before=$(tree_listing "$A/D")
	run_code 7 refrecv --reserve=0 "$A/D" <"$WORK/large"
	expect_error 'No space left'
	expect [ "$before" = "$(tree_listing "$A/D")" ]
	rm "$filler"
	sync -f "$A"
	run_ok refrecv --reserve=0 "$A/D" <"$WORK/large"
	expect same "$WORK/S/.snapshot/file.two" "$A/D/.snapshot/file.two"
}

reserve() {
	local before

	before=$(tree_listing "$A/D")
	mkdir "$A/E"
	refuse 7 "$WORK/small" "$A/E"
	expect_error 'fall below the reserve'
	refuse 7 "$WORK/small" "$A/E" --reserve=10T
	run_ok refrecv --reserve=1M "$A/E" <"$WORK/small"
	expect [ "$before" = "$(tree_listing "$A/D")" ]
}

on_full() {
	make_fs "$1" A 300M
	test_case "full disk" disk_full
	test_case "reserve" reserve
}

full_streams() {
	make_fs xfs S
	head -c 1000000 /dev/urandom >"$S/file"
	run_ok refsnap create "$S/file" one
	head -c 64000000 /dev/urandom >>"$S/file"
	run_ok refsnap create "$S/file" two
	refsend "$S/.snapshot/file.one" >"$WORK/small"
	refsend -i "$S/.snapshot/file.one" "$S/.snapshot/file.two" \
		>"$WORK/large"
}

for_each_fs on_xfs xfs
full_streams
for_each_fs on_full xfs btrfs ext4
finish
