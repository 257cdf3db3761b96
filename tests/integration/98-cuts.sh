#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 98-cuts.sh - refsync goes on where it was cut off: either side killed, the
# connection lost, at any moment.
#
# CUTS says how many cuts the test of random moments makes, CUT_MIB the size of
# its file; make cuts sets both higher.

. "$(dirname "$0")/lib.sh"

MIB=1048576
CUTS=${CUTS:-8}
CUT_MIB=${CUT_MIB:-160}
STATE=$WORK/cut
RSH="$PYTHON -B $HERE/cuttool.py $STATE"

start() {
	rm -rf "$A/vms" "$B/replica" "$STATE".*
	mkdir -p "$A/vms" "$B/replica"
	dd if=/dev/urandom of="$A/vms/vm.img" bs=$MIB count="${1:-64}" \
		status=none
}

plan() {
	printf '%s\n' "$@" >>"$STATE.plan"
}

newest() {
	ls "$1/.snapshot" | sort | tail -n 1
}

# A second later, so that a snapshot of that name is none that is there.
next_second() {
	local now

	now=$(date +%s)
	while [ "$(date +%s)" = "$now" ]; do
		sleep 0.05
	done
}

# Every snapshot that is here is there, byte for byte, and nothing else lies there.
all_there() {
	local name

	expect [ "$(ls "$A/vms/.snapshot")" = "$(ls "$B/replica/.snapshot")" ]
	for name in "$A"/vms/.snapshot/*; do
		name=${name##*/}
		expect cmp "$A/vms/.snapshot/$name" \
			"$B/replica/.snapshot/$name"
	done
	run_code 4 refrecv --token "$B/replica"
}

field() {
	json_value "$OUT" "o['sources'][0]['$1']"
}

# How far a partial over there is durable.  Whoever was killed may still have to
# wait for the disk, and has its lock as long.
durable() {
	local code=8

	while [ $code -eq 8 ]; do
		code=0
		refrecv --token --json "$B/replica" 2>"$WORK/token-err" \
			>"$WORK/token" || code=$?
	done
	case $code in
	0) json_value "$WORK/token" \
		'max([p["offset"] for p in o["tokens"]] or [0])' ;;
	4) echo 0 ;;
	*) cat "$WORK/token-err" ;;
	esac
}

# Bytes that the last connection passed towards the far side.
passed() {
	tail -n 1 "$STATE.log" | cut -d ' ' -f 2
}

# The connection ends three times; one run brings it all.
one_run() {
	start 160
	plan "link $((70 * MIB))" "far $((60 * MIB))" "link 30000"
	run_ok refsync -e "$RSH" --json "$A/vms/vm.img" "far:$B/replica"
	expect_error 'trying again in 1 s'
	expect [ "$(wc -l <"$STATE.log")" -eq 4 ]
	expect [ "$(field resumed_at)" -gt $((30 * MIB)) ]
	expect [ "$(awk '{ sum += $2 } END { print sum }' "$STATE.log")" -lt \
		$(((160 + 2 * 64 + 1) * MIB)) ]
	all_there
}

# Without --retry the next run goes on; exit code 6 says that it can.
next_run() {
	local snapshot

	start 160
	plan "link $((100 * MIB))"
	run_code 6 refsync --retry=0 -e "$RSH" "$A/vms/vm.img" \
		"far:$B/replica"
	snapshot=$A/vms/.snapshot/$(newest "$A/vms")
	expect [ "$(durable)" -ge $((36 * MIB)) ]
	run_ok refsync --retry=0 -e "$RSH" --json "$snapshot" "far:$B/replica"
	expect [ "$(field resumed_at)" -ge $((36 * MIB)) ]
	all_there
	# Before anything is durable it is a failure as any other.
	start 64
	plan "link 100000"
	run_code 1 refsync --retry=0 -e "$RSH" "$A/vms/vm.img" "far:$B/replica"
}

# The same command takes another snapshot: what was begun is completed first,
# sent whole, and the new one follows as the difference.
new_snapshot() {
	start 160
	plan "near $((100 * MIB))"
	refsync -e "$RSH" "$A/vms/vm.img" "far:$B/replica"
	expect [ $? -eq 137 ]
	next_second
	dd if=/dev/urandom of="$A/vms/vm.img" bs=$MIB count=1 seek=7 \
		conv=notrunc status=none
	# The one that was begun is needed, whatever the policy says.
	plan "far $((30 * MIB))"
	run_code 6 refsync --retry=0 --keep 1 -e "$RSH" "$A/vms/vm.img" \
		"far:$B/replica"
	expect [ "$(ls "$A/vms/.snapshot" | wc -l)" -eq 2 ]
	next_second
	run_ok refsync -e "$RSH" --json "$A/vms/vm.img" "far:$B/replica"
	expect [ "$(field resumed_at)" -ge $((36 * MIB)) ]
	expect [ "$(passed)" -lt $((130 * MIB)) ]
	all_there
}

# A chain of differences, cut in its second link.
chain() {
	local i

	start 64
	run_ok refsync -e "$RSH" "$A/vms/vm.img" "far:$B/replica"
	for i in 1 2 3; do
		next_second
		dd if=/dev/urandom of="$A/vms/vm.img" bs=$MIB count=60 \
			seek=$i conv=notrunc status=none
		run_ok refsnap create "$A/vms/vm.img"
	done
	plan "far $((110 * MIB))" "never 0"
	run_ok refsync -e "$RSH" --json \
		"$A/vms/.snapshot/$(newest "$A/vms")" "far:$B/replica"
	expect [ "$(field resumed_at)" -gt $MIB ]
	expect [ "$(passed)" -lt $((120 * MIB)) ]
	all_there
}

# From there to here; a snapshot is taken once.
pull() {
	start 160
	plan "link $((100 * MIB)) back" "far $((40 * MIB)) back"
	run_ok refsync -e "$RSH" --json "far:$A/vms/vm.img" "$B/replica"
	expect_error 'trying again in 1 s'
	expect [ "$(field resumed_at)" -ge $((36 * MIB)) ]
	all_there
	# The next run takes another one: first what was begun, then that.
	start 160
	plan "link $((100 * MIB)) back"
	run_code 6 refsync --retry=0 -e "$RSH" "far:$A/vms/vm.img" "$B/replica"
	next_second
	dd if=/dev/urandom of="$A/vms/vm.img" bs=$MIB count=1 conv=notrunc \
		status=none
	run_ok refsync -e "$RSH" --json "far:$A/vms/vm.img" "$B/replica"
	expect [ "$(field resumed_at)" -ge $((36 * MIB)) ]
	expect [ "$(ls "$B/replica/.snapshot" | wc -l)" -eq 2 ]
	all_there
}

# What was begun is gone over there: all is sent again.
begun_is_gone() {
	start 160
	plan "link $((100 * MIB))"
	run_code 6 refsync --retry=0 -e "$RSH" "$A/vms/vm.img" \
		"far:$B/replica"
	rm -r "$B/replica/.snapshot/.refsend"
	run_ok refsync -e "$RSH" --json "$A/vms/.snapshot/$(newest "$A/vms")" \
		"far:$B/replica"
	expect [ "$(field resumed_at)" -eq 0 ]
	all_there
}

# A far side that says nothing is lost too.
frozen() {
	start 160
	plan "freeze $((100 * MIB))"
	run_ok refsync --timeout=6 -e "$RSH" --json "$A/vms/vm.img" \
		"far:$B/replica"
	expect_error 'no sign of life'
	expect [ "$(field resumed_at)" -ge $((36 * MIB)) ]
	all_there
}

# Nothing that another try could mend is tried again.
not_again() {
	start 1
	run_code 1 refsync -e false "$A/vms/vm.img" "far:$B/replica"
	run_code 4 refsync -e "$RSH" --no-full "$A/vms/.snapshot/$(newest \
		"$A/vms")" "far:$B/replica"
	expect [ -z "$(grep 'trying again' "$ERR")" ]
	expect [ "$(wc -l <"$STATE.log")" -eq 1 ]
}

# Not more than 64 MiB were lost of what lies below before, and of what the last
# connection passed: 1 MiB is for what is no data.
little_lost() {
	local now

	now=$(durable)
	note "$(tail -n 1 "$STATE.log") from $before: $now"
	expect [ $((before + $(passed) - now)) -le $((65 * MIB)) ]
	expect [ "$now" -ge "$before" ]
	before=$now
}

# Cut at random moments, at most four in a row: no cut costs more than 64 MiB,
# and in the end all is there.
random_moments() {
	local i at before=0 whats=(link far near)

	start "$CUT_MIB"
	run_ok refsnap create "$A/vms/vm.img" one
	for ((i = 1; i <= CUTS; i++)); do
		at=$((RANDOM * 32768 + RANDOM))
		plan "${whats[RANDOM % 3]} $((at % (CUT_MIB * MIB - before)))"
		refsync --retry=0 -e "$RSH" "$A/vms/.snapshot/vm.img.one" \
			"far:$B/replica" >"$OUT" 2>"$ERR"
		wait_for_far
		[ -e "$B/replica/.snapshot/vm.img.one" ] || little_lost
		[ $((i % 4)) -ne 0 ] || complete
	done
	complete
	note "$CUTS cuts, $(grep -vc never "$STATE.log") of them in time"
}

# What was begun comes to its end; then it begins anew.
complete() {
	rm -f "$STATE.plan"
	run_ok refsync -e "$RSH" "$A/vms/.snapshot/vm.img.one" \
		"far:$B/replica"
	expect [ $((before + $(passed))) -le $(((CUT_MIB + 1) * MIB)) ]
	all_there
	rm -r "$B/replica"
	mkdir "$B/replica"
	before=0
}

# Nobody works over there any more.
wait_for_far() {
	while pgrep -f "$STATE far" >/dev/null; do
		sleep 0.05
	done
}

wait_for_partial() {
	until [ "$(durable)" -gt 0 ]; do
		sleep 0.1
	done
}

on_fs() {
	make_fs "$1" A $((2 * CUT_MIB + 1024))M
	make_fs "$1" B $((2 * CUT_MIB + 1024))M
	test_case "cuts within one run" one_run
	test_case "the next run goes on" next_run
	test_case "a new snapshot after a cut" new_snapshot
	test_case "a chain" chain
	test_case "from there to here" pull
	test_case "what was begun is gone" begun_is_gone
	test_case "random moments" random_moments
}

for_each_fs on_fs xfs btrfs
make_fs xfs A
make_fs xfs B
test_case "a frozen far side" frozen
test_case "nothing is tried again in vain" not_again
finish
