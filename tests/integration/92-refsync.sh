#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 92-refsync.sh - refsync on one machine: what is brought where, onto what, and
# back.

. "$(dirname "$0")/lib.sh"

MIB=1048576
RSH=$WORK/rsh		# stands in for ssh: -e "$RSH"

# The words after the host are one command line for a shell.
cat >"$RSH" <<'END'
#!/bin/sh
[ "$1" != -l ] || shift 2
echo "$1" >"$0.host"
shift
exec sh -c "$*"
END
chmod +x "$RSH"

# A file system with the live file, and an empty place for replicas.
start() {
	rm -rf "$A/vms" "${B:?}"/*
	mkdir "$A/vms"
	random_file "$A/vms/vm.img" $((8 * MIB)) 1
	seed=1
}

# change [MIB]: a block at so many MiB
change() {
	seed=$((seed + 1))
	random_patch "$A/vms/vm.img" $((${1:-seed % 8} * MIB)) 4096 "$seed"
}

# The snapshots of a directory, by name.
snapshots() {
	ls "$1/.snapshot" 2>/dev/null
}

newest() {
	snapshots "$1" | tail -n 1
}

# Each snapshot of the one is in the other, byte for byte.
same_snapshots() {
	local file

	for file in $(snapshots "$1"); do
		expect same "$1/.snapshot/$file" "$2/.snapshot/$file"
		run_ok refsnap info "$2/.snapshot/$file"
	done
	expect [ "$(snapshots "$1")" = "$(snapshots "$2")" ]
}

# source VALUE: of the JSON of the last refsync.
source_value() {
	json_value "$OUT" "o['sources'][0]$1"
}

# Names are seconds: each run of a test has one of its own.
next_second() {
	local now

	now=$(date +%s)

	while [ "$(date +%s)" -eq "$now" ]; do
		sleep 0.05
	done
}

sync_json() {
	next_second
	run_ok refsync --json "$@"
}

first_and_next() {
	start
	sync_json "$A/vms/vm.img" "$B/replica"
	expect [ "$(source_value "['full']")" = True ]
	same_snapshots "$A/vms" "$B/replica"
	change 3
	sync_json "$A/vms/vm.img" "$B/replica"
	expect [ "$(source_value "['full']")" = False ]
	expect [ "$(source_value "['data_bytes']")" -eq 4096 ]
	same_snapshots "$A/vms" "$B/replica"
	sync_json "$A/vms/.snapshot/$(newest "$A/vms")" "$B/replica"
	expect [ "$(source_value "['present']")" = True ]
	expect [ "$(source_value "['taken']")" = False ]
}

# Names do not matter, here or there.
base_by_id() {
	start
	sync_json "$A/vms/vm.img" "$B/replica"
	mv "$A/vms/.snapshot/$(newest "$A/vms")" "$A/vms/.snapshot/moved"
	mv "$B/replica/.snapshot/$(newest "$B/replica")" \
		"$B/replica/.snapshot/elsewhere"
	change
	sync_json "$A/vms/vm.img" "$B/replica"
	expect [ "$(source_value "['full']")" = False ]
	expect [ "$(source_value "['base']")" = "$(refsnap info --json \
		"$A/vms/.snapshot/moved" | "$PYTHON" -c \
		'import json, sys; print(json.load(sys.stdin)["id"])')" ]
}

# A base that is not what it was, on either side, is none.
base_broken() {
	local file

	start
	sync_json "$A/vms/vm.img" "$B/replica"
	change
	sync_json "$A/vms/vm.img" "$B/replica"
	file=$B/replica/.snapshot/$(newest "$B/replica")
	chmod u+w "$file"
	random_patch "$file" 0 4096 99
	change
	sync_json "$A/vms/vm.img" "$B/replica"
	expect [ "$(source_value "['full']")" = False ]
	expect same "$A/vms/.snapshot/$(newest "$A/vms")" \
		"$B/replica/.snapshot/$(newest "$B/replica")"
	# Likewise here.
	file=$A/vms/.snapshot/$(newest "$A/vms")
	chmod u+w "$file"
	random_patch "$file" 0 4096 98
	change
	next_second
	run_ok refsync --json "$A/vms/vm.img" "$B/replica"
	expect_error 'is not what its seal says'
	expect [ "$(source_value "['full']")" = False ]
	# The newest is not what it was: no older one in its place.
	file=$B/replica/.snapshot/$(newest "$B/replica")
	chmod u+w "$file"
	run_code 5 refsync --restore "$B/replica/vm.img" "$A/vms/back"
	expect [ ! -e "$A/vms/back" ]
	chmod u-w "$file"
	expect same "$A/vms/.snapshot/$(newest "$A/vms")" \
		"$B/replica/.snapshot/$(newest "$B/replica")"
}

held() {
	refsnap info "$1" | grep -c refsync
}

# The newest that both have is held on both sides, and nothing else.
holds() {
	local first

	start
	sync_json "$A/vms/vm.img" "$B/replica"
	first=$(newest "$A/vms")
	expect [ "$(held "$A/vms/.snapshot/$first")" -eq 1 ]
	expect [ "$(held "$B/replica/.snapshot/$first")" -eq 1 ]
	run_code 1 refsnap delete "$A/vms/.snapshot/$first"
	change
	sync_json "$A/vms/vm.img" "$B/replica"
	expect [ "$(held "$A/vms/.snapshot/$first")" -eq 0 ]
	expect [ "$(held "$B/replica/.snapshot/$first")" -eq 0 ]
	expect [ "$(held "$A/vms/.snapshot/$(newest "$A/vms")")" -eq 1 ]
	expect [ "$(held "$B/replica/.snapshot/$(newest "$B/replica")")" -eq 1 ]
	# An older one that is brought once more does not take it back.
	sync_json "$A/vms/.snapshot/$first" "$B/replica"
	expect [ "$(held "$A/vms/.snapshot/$(newest "$A/vms")")" -eq 1 ]
	expect [ "$(held "$B/replica/.snapshot/$(newest "$B/replica")")" -eq 1 ]
	# Of two destinations each has its own.
	change
	sync_json "$A/vms/vm.img" "$B/second"
	expect [ "$(cat "$A"/vms/.snapshot/.refsend/holds/* | wc -c)" -eq 0 ]
	expect [ "$(ls "$A/vms/.snapshot/.refsend/holds" | wc -l)" -eq 2 ]
}

# What was taken meanwhile comes too, or not.
between() {
	start
	sync_json "$A/vms/vm.img" "$B/replica"
	change
	run_ok refsnap create "$A/vms/vm.img" by-hand
	change
	sync_json "$A/vms/vm.img" "$B/replica"
	expect [ "$(source_value "['snapshots']")" -eq 2 ]
	same_snapshots "$A/vms" "$B/replica"
	change
	run_ok refsnap create "$A/vms/vm.img" left-out
	change
	sync_json --newest-only "$A/vms/vm.img" "$B/replica"
	expect [ "$(source_value "['snapshots']")" -eq 1 ]
	expect [ ! -e "$B/replica/.snapshot/vm.img.left-out" ]
}

no_full() {
	start
	run_code 4 refsync --no-full "$A/vms/vm.img" "$B/replica"
	expect_error 'no-full'
	expect [ -z "$(snapshots "$B/replica")" ]
	sync_json "$A/vms/vm.img" "$B/replica"
	change
	next_second
	run_ok refsync --no-full "$A/vms/vm.img" "$B/replica"
	# Nothing of what is there is here: that is said.
	rm -f "$A"/vms/.snapshot/vm*
	next_second
	run_ok refsync "$A/vms/vm.img" "$B/replica"
	expect_error "nothing that is there is here"
}

live() {
	local older

	start
	sync_json --live "$A/vms/vm.img" "$B/replica"
	expect same "$A/vms/vm.img" "$B/replica/vm.img"
	# The same again; what is there already, and the live file is not.
	run_ok refsync --live "$A/vms/.snapshot/$(newest "$A/vms")" \
		"$B/replica"
	rm "$B/replica/vm.img"
	run_ok refsync --live "$A/vms/.snapshot/$(newest "$A/vms")" \
		"$B/replica"
	expect same "$A/vms/vm.img" "$B/replica/vm.img"
	older=$(newest "$A/vms")
	change
	sync_json --live "$A/vms/vm.img" "$B/replica"
	expect same "$A/vms/vm.img" "$B/replica/vm.img"
	# The live file does not go back.
	run_code 5 refsync --live "$A/vms/.snapshot/$older" "$B/replica"
	expect same "$A/vms/vm.img" "$B/replica/vm.img"
	# By another name it is another file, and must not pass for it.
	run_code 5 refsync --live --as other \
		"$A/vms/.snapshot/$(newest "$A/vms")" "$B/replica"
	expect_error 'a snapshot of vm.img'
	expect [ ! -e "$B/replica/other" ]
	# Into what changed since nothing is published, be the snapshot there.
	random_patch "$B/replica/vm.img" 0 4096 77
	run_code 5 refsync --live "$A/vms/.snapshot/$(newest "$A/vms")" \
		"$B/replica"
	change
	next_second
	run_code 5 refsync --live "$A/vms/vm.img" "$B/replica"
	expect_error 'vm.img'
}

other_name() {
	start
	sync_json --as db "$A/vms/vm.img" "$B/replica"
	change
	sync_json --as db "$A/vms/vm.img" "$B/replica"
	expect [ "$(source_value "['full']")" = False ]
	expect [ "$(snapshots "$B/replica" | grep -c '^db\.')" -eq 2 ]
}

several_sources() {
	start
	random_file "$A/vms/db" $MIB 5
	next_second
	run_code 1 refsync --json "$A/vms/vm.img" "$A/vms/none" "$A/vms/db" \
		"$B/replica"
	expect [ "$(json_value "$OUT" 'len(o["sources"])')" -eq 3 ]
	expect [ "$(json_value "$OUT" 'o["sources"][1]["code"]')" -eq 1 ]
	expect [ "$(json_value "$OUT" 'o["sources"][2]["code"]')" -eq 0 ]
	expect [ "$(snapshots "$B/replica" | wc -l)" -eq 2 ]
}

# Two sources of one name do not mix.
other_lineage() {
	start
	sync_json "$A/vms/vm.img" "$B/replica"
	mkdir "$A/vms/other"
	random_file "$A/vms/other/vm.img" $MIB 6
	next_second
	run_code 5 refsync "$A/vms/other/vm.img" "$B/replica"
	expect_error 'another file of that name'
	same_snapshots "$A/vms" "$B/replica"
}

dry_run() {
	local before

	start
	run_ok refsnap create "$A/vms/vm.img" one
	before=$(tree_listing "$A"; tree_listing "$B")
	mkdir "$B/replica"
	run_ok refsync -n "$A/vms/.snapshot/vm.img.one" "$B/replica"
	expect_error 'would bring'
	rmdir "$B/replica"
	expect [ "$before" = "$(tree_listing "$A"; tree_listing "$B")" ]
}

# Bytes and ranges that refdiff finds between the last snapshot and one taken
# now elsewhere.
diff_now() {
	refsnap create -o "$A/vms/apart" "$A/vms/vm.img" >/dev/null
	refdiff "$A/vms/.snapshot/$(newest "$A/vms")" "$A/vms/apart" |
		awk '{ n += $2 } END { print n + 0, NR }'
	rm -f "$A/vms/apart"
}

# Of a live file: what would be sent, and nothing is left behind, nor is there
# anything meanwhile.
dry_run_live() {
	local before wire

	start
	mkdir "$B/replica"
	before=$(tree_listing "$A"; tree_listing "$B")
	run_ok refsync -n --json --pre "touch '$A/vms/pre'" --keep 1 \
		--keep-remote 1 "$A/vms/vm.img" "$B/replica"
	expect [ "$(source_value "['full']")" = True ]
	expect [ "$(source_value "['changed_bytes']")" -eq $((8 * MIB)) ]
	expect [ "$(source_value "['taken']")" = False ]
	expect [ "$(source_value ".get('snapshot')")" = None ]
	run_ok refsync -n "$A/vms/vm.img" "$B/replica"
	expect_error 'would bring a snapshot of .*whole: 1 snapshot, 8.0 MiB in'
	expect [ "$before" = "$(tree_listing "$A"; tree_listing "$B")" ]
	run_code 4 refsync -n --no-full "$A/vms/vm.img" "$B/replica"
	sync_json "$A/vms/vm.img" "$B/replica"
	change 2
	change 5
	random_patch "$A/vms/vm.img" $((5 * MIB + 8192)) 8192 77
	before=$(tree_listing "$A"; tree_listing "$B")
	if command -v strace >/dev/null; then
		run_ok traced -f -e trace=openat,mkdirat,renameat2,linkat,unlinkat \
			-o "$WORK/calls" refsync -n "$A/vms/vm.img" "$B/replica"
		expect grep -q O_TMPFILE "$WORK/calls"
		expect_not grep -E 'O_CREAT|mkdirat|renameat2|linkat' \
			"$WORK/calls"
	fi
	run_ok refsync -n --json "$A/vms/vm.img" "$B/replica"
	expect [ "$before" = "$(tree_listing "$A"; tree_listing "$B")" ]
	expect [ "$(source_value "['changed_bytes']") $(source_value \
		"['ranges']")" = "$(diff_now)" ]
	expect [ "$(source_value "['estimated']")" = False ]
	wire=$(source_value "['stream_bytes']")
	sync_json "$A/vms/vm.img" "$B/replica"
	expect [ "$(source_value "['data_bytes']")" -eq 16384 ]
	expect [ "$(source_value "['stream_bytes']")" -eq "$wire" ]
	# What was taken since counts, too.
	change 1
	run_ok refsnap create "$A/vms/vm.img" by-hand
	change 7
	dd if=/dev/zero of="$A/vms/vm.img" bs=4096 count=1 \
		seek=$((7 * MIB / 4096 + 1)) conv=notrunc status=none
	run_ok refsync -n --json "$A/vms/vm.img" "$B/replica"
	expect [ "$(source_value "['snapshots']")" -eq 2 ]
	expect [ "$(source_value "['changed_bytes']")" -eq 12288 ]
	# Zeros that touch data are one range with them.
	expect [ "$(source_value "['ranges']")" -eq 2 ]
	run_ok refsync -n --json --newest-only "$A/vms/vm.img" "$B/replica"
	expect [ "$(source_value "['snapshots']")" -eq 1 ]
	expect [ "$(source_value "['changed_bytes']")" -eq 12288 ]
	# A file that was replaced is of the same lineage.
	reflink "$A/vms/vm.img" "$A/vms/new"
	mv "$A/vms/new" "$A/vms/vm.img"
	run_ok refsync -n --json --no-full "$A/vms/vm.img" "$B/replica"
	expect [ "$(source_value "['changed_bytes']")" -eq 12288 ]
}

# Is the estimate of the last run near the truth, $1 bytes?
is_near() {
	[ "$(source_value "['stream_bytes']")" -gt $(($1 * 95 / 100)) ] &&
		[ "$(source_value "['stream_bytes']")" -lt $(($1 * 105 / 100)) ]
}

# Of much data a part is compressed.
dry_run_much() {
	local truth

	start
	mkdir "$B/replica"
	random_file "$A/vms/vm.img" $((200 * MIB)) 3
	head -c $((48 * MIB)) /dev/urandom >>"$A/vms/vm.img"
	run_ok refsnap create "$A/vms/vm.img" one
	run_ok refsend -n --json "$A/vms/.snapshot/vm.img.one"
	truth=$(json_value "$OUT" 'o["stream_bytes"]')
	run_ok refsync -n --json "$A/vms/.snapshot/vm.img.one" "$B/replica"
	expect [ "$(source_value "['estimated']")" = True ]
	expect [ "$(source_value "['data_bytes']")" -eq $((248 * MIB)) ]
	expect is_near "$truth"
	run_ok refsync -n --json "$A/vms/vm.img" "$B/replica"
	expect is_near "$truth"
	run_ok refsync -n "$A/vms/vm.img" "$B/replica"
	expect_error 'in a stream of about'
}

# What a dry run says of retention is what comes true.
dry_run_retention() {
	local turn said

	start
	mkdir "$B/replica"
	for turn in 1 2 3 4 5; do
		change
		[ "$turn" -ne 4 ] || run_ok refsnap create "$A/vms/vm.img" \
			by-hand
		next_second
		run_ok refsync -n --json --keep 2 --keep-remote 3 \
			"$A/vms/vm.img" "$B/replica"
		said=$(source_value "['deleted']"; source_value \
			"['deleted_remote']")
		sync_json --keep 2 --keep-remote 3 "$A/vms/vm.img" "$B/replica"
		expect [ "$said" = "$(source_value "['deleted']"; source_value \
			"['deleted_remote']")" ]
	done
	expect [ "$(snapshots "$A/vms" | wc -l)" -eq 2 ]
	expect [ "$(snapshots "$B/replica" | wc -l)" -eq 3 ]
	# The only one: it is held, but would not be any more.
	sync_json --keep 1 --keep-remote 1 "$A/vms/vm.img" "$B/replica"
	change
	run_ok refsync -n --json --keep 1 --keep-remote 1 "$A/vms/vm.img" \
		"$B/replica"
	expect [ "$(source_value "['deleted']")" = \
		"['$A/vms/.snapshot/$(newest "$A/vms")']" ]
	expect [ "$(source_value "['deleted_remote']")" = \
		"['$(newest "$B/replica")']" ]
	# By others it is, and stays so.
	run_ok refsnap hold "$A/vms/.snapshot/$(newest "$A/vms")" mine
	run_ok refsync -n --json --keep 1 "$A/vms/vm.img" "$B/replica"
	expect [ "$(source_value "['deleted']")" = '[]' ]
	# A host that cannot be reached moves no hold.
	run_ok refsnap release "$A/vms/.snapshot/$(newest "$A/vms")" mine
	mv "$B/replica" "$B/away"
	run_status 1 refsync -n --json --keep 1 "$A/vms/vm.img" "$B/replica"
	expect [ "$(source_value "['deleted']")" = '[]' ]
}

# Where nothing can be cloned none can be taken, nor said what it would be.
dry_run_unable() {
	start
	mkdir "$B/replica"
	run_code 7 refsync -n "$A/vms/vm.img" "$B/replica"
	run_code 1 refsync -n "$A/vms" "$B/replica"
	run_code 1 refsync -n "$A/vms/none" "$B/replica"
	expect [ ! -e "$A/vms/.snapshot" ]
}

# A to B, B on to C, A straight to C, and back when B is lost.
three_places() {
	start
	sync_json "$A/vms/vm.img" "$B/b"
	sync_json "$B/b/.snapshot/$(newest "$B/b")" "$B/c"
	expect [ "$(source_value "['full']")" = True ]
	change
	sync_json "$A/vms/vm.img" "$B/c"
	expect [ "$(source_value "['full']")" = False ]
	change
	sync_json "$A/vms/vm.img" "$B/b"
	expect [ "$(source_value "['full']")" = False ]
	sync_json "$B/b/.snapshot/$(newest "$B/b")" "$B/c"
	expect [ "$(source_value "['full']")" = False ]
	same_snapshots "$B/b" "$B/c"
	# B is lost; and A, all but an old snapshot.
	rm -rf "$B/b"
	find "$A/vms/.snapshot" -name 'vm.img.*' | sort | tail -n +2 |
		xargs -r rm -f
	rm "$A/vms/vm.img"
	run_ok refsync --json --no-full --restore "$B/c/vm.img" "$A/vms/vm.img"
	expect [ "$(json_value "$OUT" 'o["full"]')" = False ]
	expect same "$A/vms/vm.img" "$B/c/.snapshot/$(newest "$B/c")"
}

restore() {
	local first

	start
	sync_json "$A/vms/vm.img" "$B/replica"
	first=$(newest "$A/vms")
	change
	sync_json "$A/vms/vm.img" "$B/replica"
	# Into an empty place.
	mkdir "$A/vms/new"
	run_ok refsync --restore "$B/replica/vm.img" "$A/vms/new/disk"
	expect same "$A/vms/new/disk" "$A/vms/vm.img"
	# Over what it was before, and from a snapshot by name.
	run_ok refsync --restore "$B/replica/vm.img@${first#vm.img.}" \
		"$A/vms/new/disk"
	expect same "$A/vms/new/disk" "$A/vms/.snapshot/$first"
	# Over a damaged file: told, and done only with --force.
	change
	run_code 5 refsync --restore "$B/replica/vm.img" "$A/vms/vm.img"
	expect_error 'force'
	cp "$A/vms/vm.img" "$WORK/damaged"
	run_ok refsync --json --force --restore "$B/replica/vm.img" \
		"$A/vms/vm.img"
	expect [ "$(json_value "$OUT" 'o["full"]')" = False ]
	expect same "$(json_value "$OUT" 'o["saved"]')" "$WORK/damaged"
	expect same "$A/vms/vm.img" "$B/replica/.snapshot/$(newest "$B/replica")"
	run_code 1 refsync --restore "$B/replica/vm.img@none" "$A/vms/vm.img"
	expect_error 'none'
	run_code 1 refsync --restore "$B/replica/none" "$A/vms/vm.img"
}

# What the seals cannot see: blocks that the disk changed by itself.
verify() {
	local file block

	start
	truncate -s $((9 * MIB + 5)) "$A/vms/vm.img"
	sync_json "$A/vms/vm.img" "$B/replica"
	run_ok refsync -v --verify "$A/vms/vm.img" "$B/replica"
	expect_error 'holds the same 9.0 MiB'
	expect [ ! -s "$OUT" ]
	change
	run_ok refsnap create "$A/vms/vm.img" only-here
	run_ok refsync --verify --json "$A/vms/vm.img" "$B/replica"
	expect [ "$(json_value "$OUT" 'o["differing_bytes"]')" -eq 0 ]
	run_code 4 refsync --verify "$A/vms/.snapshot/vm.img.only-here" \
		"$B/replica"
	# Behind the back of the seal.
	file=$B/replica/.snapshot/$(newest "$B/replica")
	chmod u+w "$file"
	for block in $((2 * MIB)) $((3 * MIB + 4096)) $((7 * MIB)); do
		random_patch "$file" "$block" 100 8
	done
	printf x | dd of="$file" bs=1 seek=$((9 * MIB + 4)) conv=notrunc \
		2>"$ERR"
	run_status 9 refsync --verify \
		"$A/vms/.snapshot/$(newest "$B/replica")" "$B/replica"
	expect [ "$(cat "$OUT")" = "$((2 * MIB)) $((2 * MIB))
$((7 * MIB)) $MIB
$((9 * MIB)) 5" ]
	# Of other lengths.
	truncate -s $((8 * MIB)) "$file"
	run_status 9 refsync --verify \
		"$A/vms/.snapshot/$(newest "$B/replica")" "$B/replica"
	expect [ "$(tail -n 1 "$OUT")" = "$((7 * MIB)) $((2 * MIB + 5))" ]
	truncate -s $((12 * MIB)) "$file"
	run_status 9 refsync --json --verify \
		"$A/vms/.snapshot/$(newest "$B/replica")" "$B/replica"
	expect [ "$(json_value "$OUT" 'o["differences"][-1]["length"]')" -ge \
		$((2 * MIB)) ]
}

# As over ssh: by a program, in both directions.
by_program() {
	start
	next_second
	run_ok refsync -e "$RSH" "$A/vms/vm.img" "user@somewhere:$B/replica"
	expect grep -q somewhere "$RSH.host"
	change
	next_second
	run_ok refsync -e "$RSH" --json "somewhere:$A/vms/vm.img" "$B/replica"
	expect [ "$(source_value "['full']")" = False ]
	same_snapshots "$A/vms" "$B/replica"
	run_ok refsync -e "$RSH" --list --json "somewhere:$B/replica"
	expect [ "$(json_value "$OUT" 'len(o["snapshots"])')" -eq 2 ]
	rm "$A/vms/vm.img"
	run_ok refsync -e "$RSH" --restore "somewhere:$B/replica/vm.img" \
		"$A/vms/vm.img"
	expect same "$A/vms/vm.img" "$A/vms/.snapshot/$(newest "$A/vms")"
	run_code 2 refsync -e "$RSH" a:/file b:/directory
	run_code 2 refsync -e "$RSH" "a:$A/vms/.snapshot/x" "$B"
}

# A program that ends at once: before it reads, or after; both are a failure.
ends_at_once() {
	start
	for _ in $(seq 15); do
		run_code 1 refsync -e false --list "a:$B/replica"
		expect_error 'a:'
		run_code 1 refsync -e 'sh -c "exec <&-; sleep 0.02"' --list \
			"a:$B/replica"
		expect_error 'a:'
	done
	run_code 1 refsync -e false "$A/vms/vm.img" "a:$B/replica"
	run_code 1 refsync -e false "a:$A/vms/vm.img" "$B/replica"
	run_code 1 refsync -e false --restore "a:$B/replica/vm.img" "$A/new"
	run_code 1 refsync -e false --verify "$A/vms/vm.img" "a:$B/replica"
}

# A hook that notes what it was told.
noting() {
	echo "echo \"\$REFSNAP_HOOK \$REFSNAP_STATUS \${REFSNAP_SOURCE##*/}\
 \${REFSNAP_SNAPSHOT:+snapshot}\" >>'$WORK/noted'; ${1:-:}"
}

noted() {
	expect [ "$(cat "$WORK/noted")" = "$(printf '%s\n' "$@")" ]
	rm -f "$WORK/noted"
}

# Has a process ended, be it that nobody has asked how?
gone() {
	[ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"
}

hooks() {
	start
	sync_json --pre "$(noting)" --post "$(noting)" "$A/vms/vm.img" \
		"$B/replica"
	noted 'pre 0 vm.img ' 'post 0 vm.img snapshot'
	same_snapshots "$A/vms" "$B/replica"
	# One that fails: no snapshot; the other one runs.
	next_second
	run_code 10 refsync --pre "$(noting 'exit 3')" --post "$(noting)" \
		"$A/vms/vm.img" "$B/replica"
	expect_error 'exit code 3'
	noted 'pre 0 vm.img ' 'post 10 vm.img '
	expect [ "$(snapshots "$A/vms" | wc -l)" -eq 1 ]
	# The other one fails: the snapshot is brought.
	next_second
	run_code 10 refsync --post false "$A/vms/vm.img" "$B/replica"
	expect [ "$(snapshots "$A/vms" | wc -l)" -eq 2 ]
	same_snapshots "$A/vms" "$B/replica"
	# Nothing waits for ever, and nothing of it stays.
	next_second
	run_code 10 refsync --pre "sleep 1000 & echo \$! >'$WORK/pid'; wait" \
		--hook-timeout=1 "$A/vms/vm.img" "$B/replica"
	expect_error 'did not end within 1 seconds'
	expect gone "$(cat "$WORK/pid")"
	run_code 2 refsync --pre true "host:$A/vms/vm.img" "$B/replica"
	run_code 2 refsync --pre true --list "$B/replica"
}

# What one hook stopped the other one lets go on, also when refsync is told to
# end.
hooks_and_signals() {
	local pid

	start
	refsync --pre "$(noting 'touch "$REFSNAP_SOURCE.stopped"; sleep 2')" \
		--post "$(noting)" "$A/vms/vm.img" "$B/replica" 2>"$ERR" &
	pid=$!
	while [ ! -e "$A/vms/vm.img.stopped" ]; do
		sleep 0.05
	done
	kill -TERM "$pid"
	wait "$pid"
	expect [ $? -eq 143 ]
	noted 'pre 0 vm.img ' 'post 0 vm.img snapshot'
	expect [ -z "$(snapshots "$B/replica")" ]
}

# 8 MiB at 4 MiB a second, in both directions.
limit() {
	local start_ms

	start
	start_ms=$(date +%s%3N)
	run_ok refsync --compress=none --bwlimit=4M "$A/vms/vm.img" "$B/replica"
	expect [ $(($(date +%s%3N) - start_ms)) -ge 1950 ]
	start_ms=$(date +%s%3N)
	run_ok refsync -e "$RSH" --compress=none --bwlimit=4M \
		"host:$A/vms/vm.img" "$B/second"
	expect [ $(($(date +%s%3N) - start_ms)) -ge 1950 ]
	run_code 2 refsync --bwlimit=0 "$A/vms/vm.img" "$B/replica"
}

# What is there is no refrecv, or none of this version.
other_programs() {
	start
	printf '#!/bin/sh\necho Welcome to this host, have a nice day\ncat\n' \
		>"$WORK/chatty"
	printf '#!/bin/sh\nexit 127\n' >"$WORK/missing"
	chmod +x "$WORK/chatty" "$WORK/missing"
	run_code 3 refsync -e "$WORK/chatty" "$A/vms/vm.img" host:/replica
	expect_error 'login shell prints something'
	next_second
	run_code 1 refsync -e "$WORK/missing" "$A/vms/vm.img" host:/replica
	expect_error 'refrecv'
}

wrong_use() {
	start
	run_code 2 refsync
	run_code 2 refsync "$A/vms/vm.img"
	run_code 2 refsync --list
	run_code 2 refsync --restore "$B/x"
	run_code 2 refsync --restore --list "$B"
	run_code 2 refsync --force "$A/vms/vm.img" "$B"
	run_code 2 refsync --compress=gzip "$A/vms/vm.img" "$B"
	run_code 2 refsync --timeout=0 "$A/vms/vm.img" "$B"
	run_code 2 refsync "$A/vms/vm.img" :/path
	run_code 2 refsync "$A/vms/vm.img" -oProxyCommand=x:/path
	run_code 1 refsync "$A/vms" "$B/replica"
	run_code 1 refsync "$A/vms/vm.img" "$B/no/such/place"
	run_code 2 refrecv --restrict "$B"
	run_code 2 refrecv --serve --live
	run_code 2 refsend --serve -n
}

on_fs() {
	make_fs "$1" A
	make_fs "$1" B
	test_case "first whole, then the difference" first_and_next
	test_case "the base is found by its id" base_by_id
	test_case "a base that was changed" base_broken
	test_case "holds" holds
	test_case "what was taken between" between
	test_case "--no-full" no_full
	test_case "--live" live
	test_case "--as" other_name
	test_case "several sources" several_sources
	test_case "another file of that name" other_lineage
	test_case "dry run" dry_run
	test_case "dry run of a live file" dry_run_live
	test_case "dry run, and retention" dry_run_retention
	test_case "three places" three_places
	test_case "restore" restore
	test_case "verify" verify
	test_case "by a program, push, pull, list and restore" by_program
}

for_each_fs on_fs xfs btrfs
make_fs xfs A
make_fs xfs B
test_case "dry run of much" dry_run_much
make_fs ext4 A
test_case "dry run without reflinks" dry_run_unable
make_fs xfs A
test_case "a program that ends at once" ends_at_once
test_case "hooks" hooks
test_case "hooks and signals" hooks_and_signals
test_case "a limit of bandwidth" limit
test_case "another program over there" other_programs
test_case "wrong use" wrong_use
finish
