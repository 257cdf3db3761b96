#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 56-bad-place.sh - replicas that are not what they were, names that are taken,
# links in the way, full disks: refused, and the place stays as it was.

. "$(dirname "$0")/lib.sh"
. "$HERE/stream.sh"
. "$HERE/refuse.sh"

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
	local id

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
	# The id is there, but other contents.
	id=$(snap_ids "$A/file" | head -n 1)
	refsend "$A/.snapshot/file.two" | edited snapshot="$id"
	refuse 5 "$WORK/edited" "$D"
	expect_error 'has another digest'
	refsend "$A/.snapshot/file.three" | edited snapshot="$id"
	refuse 5 "$WORK/edited" "$D"
	expect_error 'has another size'
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

two_at_once() {
	local first second code=0 tries=0

	fresh
	mkfifo "$WORK/fifo"
	# To look whether it has the lock is to take it for a moment: --wait.
	refrecv --wait "$D" <"$WORK/fifo" &
	first=$!
	exec 8>"$WORK/fifo"
	head -c 400 "$WORK/two" >&8
	while flock -n "$D" true && [ $((tries += 1)) -lt 500 ]; do
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

# refrecv has the first record of its snapshot, DATA of 10,000 bytes, and waits
# for the rest.
receive_slowly() {
	local tries=0

	fresh
	mkfifo "$WORK/fifo"
	refrecv "$D" <"$WORK/fifo" 2>"$WORK/slow" &
	slow=$!
	exec 8>"$WORK/fifo"
	head -c 12000 "$WORK/two" >&8
	until ls "$D/.snapshot/.refsend/partial."* >"$WORK/partial" \
		2>/dev/null; do
		sleep 0.02
		[ $((tries += 1)) -lt 500 ] || break
	done
	expect [ -s "$WORK/partial" ]
}

# The rest comes: it has to end with this exit code.
receive_rest() {
	local code=0

	tail -c +12001 "$WORK/two" >&8
	exec 8>&-
	rm "$WORK/fifo"
	wait "$slow" || code=$?
	expect [ "$code" -eq "$1" ]
}

base_modified_meanwhile() {
	receive_slowly
	chmod u+w "$R"
	random_patch "$R" 190000 5 7
	chmod u-w "$R"
	receive_rest 1
	expect grep -q 'file.one was changed while it was in use' "$WORK/slow"
	expect [ "$(ls -A "$D/.snapshot")" = file.one ]
}

# Others remove what a killed run left, never what a run is making.
partial_in_use() {
	receive_slowly
	random_file "$D/other" 1000 1
	run_ok refsnap create "$D/other" one
	expect ls "$(cat "$WORK/partial")"
	receive_rest 0
	expect same "$A/.snapshot/file.two" "$D/.snapshot/file.two"
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

on_fs() {
	make_fs "$1" A
	test_case "streams" three_streams
	test_case "replica modified" replica_modified
	test_case "replica replaced or copied" replica_replaced
	test_case "name taken, or the same again" name_taken
	test_case "symbolic links in the way" symbolic_links
	test_case "two at once" two_at_once
	test_case "base modified meanwhile" base_modified_meanwhile
	test_case "a partial in use stays" partial_in_use
}

for_each_fs on_fs xfs
full_streams
for_each_fs on_full xfs btrfs ext4
finish
