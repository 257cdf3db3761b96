#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 14-refsnap-prune.sh - refsnap prune deletes what the policy does not keep, and
# nothing else.  Times are given to refsnap, not waited for; those of files stay
# real.
#
# POLICIES=N tries so many random policies; SEED makes them the same again.

. "$(dirname "$0")/lib.sh"
. "$HERE/clock.sh"

PRUNETOOL=$HERE/prunetool.py
STOPTOOL=$HERE/stoptool.py
POLICIES=${POLICIES:-40}
SEED=${SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}

# An empty $A/D; paths below are from there.
fresh() {
	cd / || exit
	chattr -R -i "$A/D" 2>/dev/null
	rm -rf "$A/D"
	mkdir "$A/D"
	cd "$A/D" || exit
}

# take_at TIME FILE [NAME]: by reflink where there is one.
take_at() {
	at_time "$(seconds_of "$1")" refsnap create --reflink=auto \
		--reserve=0 "${@:2}" >"$OUT" 2>"$ERR" || lib_show "take $*"
}

# $A/D/live with snapshots 1 to N, one a day.
days() {
	local day

	fresh
	random_file live 5000 1
	for ((day = 1; day <= $1; day++)); do
		take_at "2026-03-$day 12:00" live "$day"
	done
}

# There are exactly these snapshots of live.
there() {
	expect [ "$(refsnap list --json . | "$PYTHON" -c '
import json, sys
print(*(e["name"] for e in json.load(sys.stdin)["snapshots"]))')" = "$*" ]
}

# The last run printed exactly these lines.
printed() {
	printf '%s\n' "$@" >"$WORK/lines"
	[ $# -gt 0 ] || : >"$WORK/lines"
	expect diff "$OUT" "$WORK/lines"
}

# The clock is what the tests say it is, and seals do not mind.
told_time() {
	fresh
	random_file live 5000 1
	take_at "2001-09-09 01:46:40" live
	printed .snapshot/live.20010909T014640Z
	run_ok refsnap info --json .snapshot/live.20010909T014640Z
	expect [ "$(json_value "$OUT" 'o["created"], o["state"]')" = \
		"('2001-09-09T01:46:40Z', 'good')" ]
	# In the interval of its sealing: there is nothing to remark on.
	run_ok refsend -n -v .snapshot/live.20010909T014640Z
	expect_not grep 'changed after' "$ERR"
}

# Twice a day for 100 days, and each hour of the last two: through the turn of
# the year and a leap day.
months() {
	local start hour

	fresh
	random_file live 5000 1
	start=$(seconds_of "2023-11-27 03:00")
	for ((hour = 0; hour < 100 * 24; hour++)); do
		[ $((hour % 12)) -eq 0 ] || [ "$hour" -ge $((98 * 24)) ] ||
			continue
		at_time $((start + hour * 3600 + hour % 60)) refsnap create \
			--reflink=auto --reserve=0 live >"$OUT" 2>"$ERR" ||
			lib_show "hour $hour"
	done
	run_ok refsnap list --json live
	cp "$OUT" "$WORK/list"
	expect [ "$(json_value "$WORK/list" '(len(o["snapshots"]),
{s["state"] for s in o["snapshots"]})')" = "(244, {'good'})" ]
}

# What -n prints is what Python's calendar says, and nothing goes.
random_policies() {
	local policy before

	before=$(tree_listing .)
	while IFS= read -r policy; do
		"$PYTHON" "$PRUNETOOL" gone "$policy" "$WORK/list" \
			>"$WORK/gone"
		run_ok refsnap prune --keep "$policy" -n live
		expect diff "$OUT" "$WORK/gone" || note "policy $policy"
	done < <("$PYTHON" "$PRUNETOOL" policies "$POLICIES" "$SEED")
	note "seed $SEED"
	expect [ "$before" = "$(tree_listing .)" ]
}

# What stays can be used, whatever went.
pruned() {
	local policy='24h 14d 8w 3m' last before

	"$PYTHON" "$PRUNETOOL" gone "$policy" "$WORK/list" >"$WORK/gone"
	expect [ "$(wc -l <"$WORK/gone")" -gt 190 ]
	last=$(ls .snapshot | tail -n 1)
	run_ok refsnap prune --keep "$policy" live
	expect diff "$OUT" "$WORK/gone"
	while IFS= read -r path; do
		expect [ ! -e "$path" ]
	done <"$WORK/gone"
	run_ok refsnap list --json live
	expect [ "$(json_value "$OUT" 'len(o["snapshots"])')" -eq \
		$((244 - $(wc -l <"$WORK/gone"))) ]
	expect [ "$(json_value "$OUT" \
		'{s["state"] for s in o["snapshots"]}')" = "{'good'}" ]
	expect same live ".snapshot/$last"
	run_ok refsend -n -i ".snapshot/$(ls .snapshot | head -n 1)" \
		".snapshot/$last"
	# The present time is no matter: a second run finds nothing to do.
	before=$(tree_listing .)
	run_ok refsnap prune --keep "$policy" live
	printed
	run_ok at_time "$(seconds_of "2044-01-01")" refsnap prune \
		--keep "$policy" live
	printed
	expect [ "$before" = "$(tree_listing .)" ]
	run_ok refsnap prune --keep 1y live
	expect [ "$(ls .snapshot)" = "$last" ]
}

# A lineage goes by its count.
clock_set_back() {
	days 3
	take_at "2019-01-01 00:00" live back
	run_ok refsnap prune --keep 1 -n live
	printed .snapshot/live.{1,2,3}
	run_ok refsnap prune --keep 2d live
	printed .snapshot/live.{1,2}
	take_at "2019-01-01 00:00" live again
	run_ok refsnap prune --keep '1h 1d 1w 1m 1y' live
	printed .snapshot/live.{3,back}
	there again
}

same_second() {
	local i

	fresh
	random_file live 5000 1
	for i in 1 2 3; do
		take_at "2026-05-05 05:05:05" live
	done
	run_ok refsnap prune --keep 1h live
	printed .snapshot/live.20260505T050505Z{,-2}
	expect [ -e .snapshot/live.20260505T050505Z-3 ]
}

dry_run() {
	local before

	days 4
	run_ok refsnap hold .snapshot/live.2 tag
	before=$(tree_listing .)
	run_ok refsnap prune --keep 1 -n -v live
	printed .snapshot/live.{1,3}
	expect_error 'live.2 is held by tag: it stays'
	expect_error 'would delete 2 of 4 snapshots'
	expect [ "$before" = "$(tree_listing .)" ]
	run_ok refsnap prune --keep 1 --dry-run --json live
	expect [ "$(json_value "$OUT" '(o["dry_run"], [(s["path"], s["origin"],
s["name"], s["created"], s["fate"]) for s in o["snapshots"]][:2])')" = \
		"(True, [('.snapshot/live.1', 'live', '1', \
'2026-03-01T12:00:00Z', 'deleted'), ('.snapshot/live.2', 'live', '2', \
'2026-03-02T12:00:00Z', 'held')])" ]
	expect [ "$before" = "$(tree_listing .)" ]
	run_ok refsnap prune --keep 1 -v live
	printed .snapshot/live.{1,3}
	expect_error 'deleted 2 of 4 snapshots'
}

held() {
	days 4
	run_ok refsnap hold .snapshot/live.2 one
	run_ok refsnap hold .snapshot/live.2 two
	run_ok refsnap hold .snapshot/live.4 newest
	run_ok refsnap prune --keep 1 live
	printed .snapshot/live.{1,3}
	expect [ ! -s "$ERR" ]
	run_ok refsnap prune --keep 1 -v live
	expect_error 'live.2 is held by one, two: it stays'
	expect_not grep 'live.4' "$ERR"
	run_ok refsnap release .snapshot/live.2 one
	run_ok refsnap prune --keep 1 live
	there 2 4
	run_ok refsnap release .snapshot/live.2 two
	run_ok refsnap prune --keep 1 live
	printed .snapshot/live.2
	there 4
}

# A hold that comes between the last look at holds and the lock.
held_meanwhile() {
	local call code command number

	for command in 'prune --keep 1 live' 'delete .snapshot/live.1'; do
		case $command in prune*) code=0 ;; *) code=1 ;; esac
		for call in fgetxattr openat2; do
			days 2
			number=$(calls_before_lock $call $command)
			days 2
			# The first time, there is no place for holds yet.
			[ $call = openat2 ] || rm -r .snapshot/.refsend
			# shellcheck disable=SC2086 # a list
			run_code $code "$PYTHON" -B "$STOPTOOL" $call \
				"$number" 'refsnap hold .snapshot/live.1 late' \
				refsnap $command
			expect_not grep '^.snapshot' "$OUT"
			there 1 2
			run_ok refsnap release .snapshot/live.1 late
		done
	done
}

# calls_before_lock CALL ARGUMENT OF REFSNAP...: how often refsnap makes a call
# before it takes its first lock.
calls_before_lock() {
	traced -o "$WORK/trace" -e "trace=$1,flock" refsnap "${@:2}" \
		>"$OUT" 2>"$ERR"
	sed '/^flock/,$d' "$WORK/trace" | grep -c "^$1"
}

# Broken: it stays, and does not take the place of a good one.
broken() {
	days 4
	chmod u+w .snapshot/live.4 .snapshot/live.1
	run_ok refsnap prune --keep 1 live
	printed .snapshot/live.2
	expect_error 'warning: .snapshot/live.4 is not the snapshot that its'
	expect_error 'warning: .snapshot/live.1 is not the snapshot that its'
	there 1 3 4
	run_ok refsnap prune --keep 1 --json live
	expect [ "$(json_value "$OUT" \
		'[(s["name"], s["fate"]) for s in o["snapshots"]]')" = \
		"[('1', 'broken'), ('3', 'kept'), ('4', 'broken')]" ]
	# A copy of a snapshot is no snapshot.
	cp -a .snapshot/live.3 copy
	run_ok refsnap prune --keep 1 live
	expect_error 'warning: copy is not the snapshot'
	expect same copy live
	chmod u+w .snapshot/live.3
	run_ok refsnap prune --keep 1 live
	printed
	there 1 3 3 4
}

# Plain copies are their owner's, sealed or received or not.
plain_copies() {
	days 2
	cp live live.1
	cp live .snapshot/live.0
	cp live other
	cp live sealed
	chmod a-w other sealed
	run_ok refsend -n other
	run_ok refsend -o "$WORK/stream" sealed
	expect getfattr -n user.refsend.seal other sealed
	mkdir replica
	run_ok refrecv --reserve=0 replica <"$WORK/stream"
	rm "$WORK/stream"
	for path in live . sealed replica replica/sealed; do
		run_ok refsnap prune --keep 1 --json "$path"
		expect_not grep -e sealed -e other -e 'live[.]0' "$OUT"
		expect [ ! -s "$ERR" ]
	done
	there other sealed 2
	for path in live.1 .snapshot/live.0 other sealed replica/sealed; do
		expect same live "$path"
	done
}

# Who reads a snapshot keeps it for now.
in_use() {
	local reader

	days 4
	mkfifo "$WORK/fifo"
	random_file live 8000000 2
	take_at "2026-03-05" live 5
	take_at "2026-03-06" live 6
	refsend .snapshot/live.5 >"$WORK/fifo" &
	reader=$!
	exec 8<"$WORK/fifo"
	head -c 4096 <&8 >"$WORK/head"
	run_code 8 refsnap prune --keep 1 live
	printed .snapshot/live.{1,2,3,4}
	expect_error 'warning: .snapshot/live.5 is in use by another run'
	expect_error 'in use and stay for now: 1'
	run_code 8 refsnap prune --keep 1 --json live
	expect [ "$(json_value "$OUT" \
		'[(s["name"], s["fate"]) for s in o["snapshots"]]')" = \
		"[('5', 'in use'), ('6', 'kept')]" ]
	# Held, it would stay anyway.
	run_ok refsnap hold .snapshot/live.5 tag
	run_ok refsnap prune --keep 1 live
	run_ok refsnap release .snapshot/live.5 tag
	# -n does not ask: the reader is not disturbed.
	run_ok refsnap prune --keep 1 -n live
	printed .snapshot/live.5
	cat <&8 >>"$WORK/head"
	exec 8<&-
	expect wait "$reader"
	run_ok refsnap prune --keep 1 live
	printed .snapshot/live.5
	rm -f "$WORK/fifo" "$WORK/head"
}

# What cannot be deleted is told, and is another code than what is in use.
cannot_delete() {
	days 4
	exec 8<.snapshot/live.3
	flock -s 8
	run_code 1 traced -qq -o /dev/null -e trace=unlinkat -e \
		"inject=unlinkat:error=EIO:when=1" refsnap prune --keep 1 live
	exec 8<&-
	printed .snapshot/live.2
	expect_error 'warning: cannot delete .snapshot/live.1: Input/output err'
	expect_error 'warning: .snapshot/live.3 is in use'
	expect_error 'could not be deleted: 1'
	there 1 3 4
}

# Each live file by itself, there or not; snapshots elsewhere than in .snapshot.
directory() {
	local day

	fresh
	random_file db 5000 1
	random_file db.img 5000 2
	random_file gone 5000 3
	for day in 1 2 3; do
		take_at "2026-03-$day" db "$day"
		take_at "2025-03-$day" db.img "$day"
		take_at "2026-03-$day" -o "gone.$day" gone
	done
	rm gone
	# Names do not matter.
	mv .snapshot/db.1 .snapshot/db.img.zzz
	run_ok refsnap prune --keep 1 -n gone
	printed gone.1 gone.2
	run_ok refsnap prune --keep 1 -n db
	printed .snapshot/db.img.zzz .snapshot/db.2
	run_ok refsnap prune --keep 2d .
	expect [ "$(sort "$OUT" | tr '\n' ' ')" = \
		".snapshot/db.img.1 .snapshot/db.img.zzz gone.1 " ]
	run_ok refsnap prune --keep 1 "$A/D"
	expect [ "$(ls .snapshot) $(ls)" = "db.3
db.img.3 db
db.img
gone.3" ]
	run_code 1 refsnap prune --keep 1 never
	expect_error 'never: no such file, and no snapshots of it'
	run_ok refsnap prune --keep 1 -v db.img
	expect_error 'deleted 0 of 1 '
}

# Two lineages of one name, and two names of one lineage.
lineages() {
	local name

	days 2
	mkdir other replica
	random_file other/live 5000 2
	for name in 3 4 5; do
		take_at "2026-04-$name" -o "other.$name" other/live
	done
	run_ok refsnap prune --keep 1 -n live
	expect [ "$(sort "$OUT" | tr '\n' ' ')" = \
		".snapshot/live.1 other.3 other.4 " ]
	for name in 6 7 8 9; do
		take_at "2026-05-$name" other/live "$name"
		run_ok refsend -o "$WORK/stream" "other/.snapshot/live.$name"
		run_ok refrecv --reserve=0 --as "$([ "$name" -lt 8 ] &&
			echo one || echo another)" replica <"$WORK/stream"
		rm "$WORK/stream"
	done
	expect [ "$(refsnap list --json replica | "$PYTHON" -c '
import json, sys
print(len({e["lineage"] for e in json.load(sys.stdin)["snapshots"]}))')" = 1 ]
	run_ok refsnap prune --keep 1 replica
	expect [ "$(sort "$OUT" | tr '\n' ' ')" = \
		"replica/.snapshot/another.8 replica/.snapshot/one.6 " ]
}

# A snapshot with two names is one snapshot.
two_names() {
	days 4
	ln .snapshot/live.4 link.4
	ln .snapshot/live.2 .snapshot/link.2
	run_ok refsnap prune --keep 2 live
	printed .snapshot/live.1 .snapshot/link.2 .snapshot/live.2
	expect [ "$(ls .snapshot link.4 | tr '\n' ' ')" = \
		"link.4  .snapshot: live.3 live.4 " ]
}

# The immutable flag keeps root from writing, not from pruning.
immutable() {
	days 2
	chattr +i .snapshot/live.1 || skip "no chattr +i"
	run_ok refsnap prune --keep 1 live
	there 2
}

# Two runs delete each file once and do not mind each other.
two_at_once() {
	local round first code

	for round in 1 2 3; do
		days 20
		refsnap prune --keep 2 live >"$WORK/first" 2>"$WORK/errors" &
		first=$!
		run_ok refsnap prune --keep 2 live
		code=0
		wait "$first" || code=$?
		expect [ "$code" -eq 0 ]
		expect [ ! -s "$WORK/errors" ]
		expect [ "$(cat "$OUT" "$WORK/first" | sort)" = \
			"$(printf '.snapshot/live.%s\n' {1..18} | sort)" ]
		there 19 20
	done
}

by_user() {
	days 3
	chown -R 65534:65534 .
	run_ok as_user refsnap prune --keep 2 live
	printed .snapshot/live.1
	chown -R 0:0 .
	run_code 1 as_user refsnap prune --keep 1 live
	expect_error 'warning: .*live.2: Permission denied'
	there 2 3
}

usage() {
	local policy before

	days 2
	before=$(tree_listing .)
	for policy in '' ' ' 0 0d d -1d 1.5h 5x 5H '5h,3d' '1d 1d' '1 2' \
		4294967296 99999999999999999999 '1d 0h' $'1\xffd'; do
		run_code 2 refsnap prune --keep "$policy" live
		run_code 2 refsnap prune --json --keep "$policy" live
		expect [ ! -s "$OUT" ]
	done
	run_code 2 refsnap prune live
	expect_error "deletes nothing without --keep"
	run_code 2 refsnap prune --keep 1
	run_code 2 refsnap prune --keep 1 live live
	run_code 2 refsnap prune --keep
	run_code 2 refsnap prune --keep 1 --force live
	run_code 2 refsnap list --keep 1 live
	run_code 2 refsnap delete -n .snapshot/live.1
	run_ok refsnap prune --keep $' 4294967295h\t1y\n2 ' live
	expect [ "$before" = "$(tree_listing .)" ]
	run_code 7 bash -c 'refsnap prune --keep 1 --json . >/dev/full'
}

on_fs() {
	make_fs "$1" A
	test_case "prune: the clock of these tests" told_time
	test_case "prune: a quarter of a year" months
	test_case "prune: random policies" random_policies
	test_case "prune: what stays, and again" pruned
	test_case "prune: a clock set back" clock_set_back
	test_case "prune: one second" same_second
	test_case "prune: -n, -v, --json" dry_run
	test_case "prune: held" held
	test_case "prune: broken" broken
	test_case "prune: plain copies" plain_copies
	test_case "prune: in use" in_use
	test_case "prune: a directory" directory
	test_case "prune: lineages" lineages
	test_case "prune: two names" two_names
	test_case "prune: immutable" immutable
	test_case "prune: two at once" two_at_once
	test_case "prune: by a user" by_user
	test_case "prune: wrong policies and options" usage
	if command -v strace >/dev/null; then
		test_case "prune: held meanwhile" held_meanwhile
		test_case "prune: what cannot be deleted" cannot_delete
	else
		skip_case "prune: held meanwhile" "no strace"
		skip_case "prune: what cannot be deleted" "no strace"
	fi
	cd / || exit
}

for_each_fs on_fs xfs btrfs
finish
