#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 99-log.sh - refsync --log-json: what it tells, and that it tells nothing else.

. "$(dirname "$0")/lib.sh"

MIB=1048576
LOGTOOL=$HERE/logtool.py
MANUAL=$HERE/../../docs/refsync.1

start() {
	rm -rf "$A/vms" "${B:?}"/*
	mkdir "$A/vms"
	random_file "$A/vms/vm.img" $((8 * MIB)) 1
}

# log CODE ARGUMENT...: refsync has this code and tells events only; their names
# are in $EVENTS.
log() {
	local code=$1

	shift
	sleep 1.1
	EVENTS=
	run_status "$code" timeout 60 refsync --log-json "$@" || return
	cp "$ERR" "$WORK/log"
	EVENTS=$("$PYTHON" -B "$LOGTOOL" check "$code" "$WORK/log" 2>&1) ||
		fail "$EVENTS"
}

# Field FIELD of the first event NAME: field NAME FIELD
field() {
	"$PYTHON" -c '
import json, sys
events = [json.loads(line) for line in open(sys.argv[1])]
print([e for e in events if e["event"] == sys.argv[2]][0].get(sys.argv[3]))' \
		"$WORK/log" "$1" "$2"
}

bring() {
	start
	log 0 "$A/vms/vm.img" "$B/replica"
	expect [ "$EVENTS" = 'start source snapshot base sent held done end' ]
	expect [ "$(field base full)" = True ]
	expect [ "$(field base base)" = None ]
	expect [ "$(field sent data_bytes)" -eq $((8 * MIB)) ]
	expect [ "$(field snapshot id)" = "$(snap_ids "$B/replica")" ]
	expect [ "$(field held id)" = "$(snap_ids "$B/replica")" ]
	expect [ "$(field source source)" = "$A/vms/vm.img" ]
	random_patch "$A/vms/vm.img" 0 4096 2
	log 0 --json --keep 1 --keep-remote 1 "$A/vms/vm.img" "$B/replica"
	expect [ "$EVENTS" = 'start source snapshot base held sent held deleted '\
'deleted done end' ]
	expect [ "$(json_value "$OUT" 'o["sources"][0]["code"]')" -eq 0 ]
	expect [ "$(field deleted where)" = there ]
	log 0 "$A"/vms/.snapshot/vm.img.* "$B/replica"
	expect [ "$EVENTS" = 'start source base held done end' ]
	expect [ "$(field base present)" = True ]
	log 0 -n "$A/vms/vm.img" "$B/replica"
	expect [ "$EVENTS" = 'start source base sent info done end' ]
	expect [ "$(field sent dry_run)" = True ]
}

# What others print is told, and what is no UTF-8; each line by itself.
others() {
	start
	log 0 --pre 'echo one; printf "\377\n\ntwo" >&2' --post 'echo three' \
		"$A/vms/vm.img" "$B/replica"
	expect [ "$(tr ' ' '\n' <<<"$EVENTS" | grep -c output)" -ge 3 ]
	expect [ "$(tr ' ' '\n' <<<"$EVENTS" | grep -c hook)" -eq 2 ]
	expect [ "$(field output text)" = one ]
	expect grep -q '\\udcff' "$WORK/log"
	expect grep -q 'two' "$WORK/log"
	log 10 --pre 'exit 3' "$A/vms/vm.img" "$B/replica"
	expect [ "$(field hook ok)" = False ]
	expect [ "$(field error code)" -eq 10 ]
	# What the other host prints, and a program that stays.
	printf '#!/bin/sh\necho hello from there >&2\nexit 9\n' >"$WORK/rsh"
	chmod +x "$WORK/rsh"
	log 1 -e "$WORK/rsh" "$A/vms/vm.img" "host:$B/replica"
	expect [ "$(field output text)" = 'hello from there' ]
	log 0 --pre 'sleep 30 & echo $! >'"$WORK/pid" "$A/vms/vm.img" \
		"$B/replica"
	expect kill "$(cat "$WORK/pid")"
}

failures() {
	start
	log 1 "$A/vms/none" "$A/vms/vm.img" "$B/replica"
	expect [ "$EVENTS" = 'start source error done source snapshot base sent '\
'held done end' ]
	expect [ "$(field 'done' code)" -eq 1 ]
	log 2 --restore --list "$B"
	expect [ "$EVENTS" = 'start error end' ]
	run_code 2 refsync --log-json --no-such-option
	rm "$A"/vms/.snapshot/vm*
	log 0 "$A/vms/vm.img" "$B/replica"
	expect grep -q warning <<<"$EVENTS"
}

modes() {
	start
	log 0 "$A/vms/vm.img" "$B/replica"
	log 0 --verify "$A/vms/vm.img" "$B/replica"
	expect [ "$EVENTS" = 'start verified end' ]
	expect [ "$(field verified bytes)" -eq $((8 * MIB)) ]
	file=$(ls -d "$B"/replica/.snapshot/vm*)
	chmod u+w "$file"
	random_patch "$file" 0 100 7
	log 9 --verify "$A/vms/vm.img" "$B/replica"
	log 0 --verify --repair "$A/vms/vm.img" "$B/replica"
	expect [ "$(field verified repaired)" = True ]
	log 0 --list "$B/replica"
	expect [ "$EVENTS" = 'start end' ]
	random_patch "$A/vms/vm.img" 0 100 8
	log 0 --force --restore "$B/replica/vm.img" "$A/vms/vm.img"
	expect [ "$EVENTS" = 'start base restored end' ]
	expect [ -e "$(field restored saved)" ]
	printf '#!/bin/sh\nshift\nexec sh -c "$*"\n' >"$WORK/rsh"
	chmod +x "$WORK/rsh"
	log 0 -e "$WORK/rsh" "host:$A/vms/vm.img" "$B/second"
	expect [ "$EVENTS" = 'start source snapshot base sent held done end' ]
}

progress() {
	start
	random_file "$A/vms/vm.img" $((64 * MIB)) 4
	log 0 --compress=none --bwlimit=10M "$A/vms/vm.img" "$B/replica"
	expect [ "$(tr ' ' '\n' <<<"$EVENTS" | grep -c progress)" -ge 1 ]
	expect [ "$(tr ' ' '\n' <<<"$EVENTS" | grep -c progress)" -le 4 ]
	expect [ "$(field progress 'done')" -gt 0 ]
	expect [ "$(field progress total)" -eq $((64 * MIB)) ]
}

# The thread that hears what others print takes no signal: the hook after it runs.
signals() {
	local pid

	start
	refsync --log-json --pre 'touch "$REFSNAP_SOURCE.stopped"; sleep 2' \
		--post "touch '$WORK/post'" "$A/vms/vm.img" "$B/replica" \
		2>"$ERR" &
	pid=$!
	while [ ! -e "$A/vms/vm.img.stopped" ]; do
		sleep 0.05
	done
	kill -TERM "$pid"
	wait "$pid"
	expect [ $? -eq 143 ]
	expect [ -e "$WORK/post" ]
	# It was killed: no end.
	expect grep -q '"post", "ok": true' "$ERR"
	expect_not grep -q '"event": "end"' "$ERR"
}

manual() {
	expect "$PYTHON" -B "$LOGTOOL" manual "$MANUAL"
}

make_fs xfs A
make_fs xfs B
test_case "a run" bring
test_case "what others print" others
test_case "failures" failures
test_case "other modes" modes
test_case "progress" progress
test_case "signals" signals
test_case "the manual" manual
finish
