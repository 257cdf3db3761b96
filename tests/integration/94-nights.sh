#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 94-nights.sh - refsync night after night, with retention on both sides: what
# the policies say is there, no more and no less, and all of it can be restored.

. "$(dirname "$0")/lib.sh"
. "$HERE/clock.sh"

NIGHTS=30
HERE_POLICY='3d 2w'
THERE_POLICY='7d 3w 2m'
NIGHTSTOOL=$HERE/nightstool.py

# Thirty nights, not quite regular, over a change of the year.
nights() {
	local start night

	start=$(seconds_of "2026-12-10 03:00:00")
	for ((night = 0; night < NIGHTS; night++)); do
		echo $((start + night * 86400 + night * 137 % 3600))
	done
}

# What the policy leaves, as names of files.
wanted() {
	# shellcheck disable=SC2046 # numbers
	"$PYTHON" -B "$NIGHTSTOOL" "$1" $(nights) | sed 's/^/vm.img./'
}

names() {
	ls "$1/.snapshot"
}

all_nights() {
	local night count=0

	mkdir "$A/vms" "$WORK/then"
	random_file "$A/vms/vm.img" 4194304 1
	for night in $(nights); do
		count=$((count + 1))
		random_patch "$A/vms/vm.img" $((count * 131072)) 8192 \
			"$count"
		cp "$A/vms/vm.img" \
			"$WORK/then/vm.img.$(date -u -d "@$night" +%Y%m%dT%H%M%SZ)"
		run_ok at_time "$night" refsync --json --keep "$HERE_POLICY" \
			--keep-remote "$THERE_POLICY" "$A/vms/vm.img" \
			"$B/replica"
		[ "$count" -eq 1 ] || expect [ "$(json_value "$OUT" \
			'o["sources"][0]["full"]')" = False ]
	done
	expect [ "$(names "$A/vms")" = "$(wanted "$HERE_POLICY")" ]
	expect [ "$(names "$B/replica")" = "$(wanted "$THERE_POLICY")" ]
	# Else this tested nothing.
	expect [ "$(names "$B/replica" | wc -l)" -lt 15 ]
	expect [ "$(names "$B/replica" | wc -l)" -gt 8 ]
}

# Each of them, in any order, over whatever is there.
restore_all() {
	local file

	mkdir "$A/back"
	for file in $(names "$B/replica" | shuf --random-source=<(yes)); do
		run_ok refsync --restore \
			"$B/replica/vm.img@${file#vm.img.}" "$A/back/vm.img"
		expect same "$A/back/vm.img" "$WORK/then/$file"
	done
	for file in $(names "$A/vms"); do
		expect same "$A/vms/.snapshot/$file" "$WORK/then/$file"
	done
	rm -rf "$WORK/then"
}

# -n says what would go, and it stays.
said_before() {
	local last

	last=$(names "$A/vms" | tail -n 1)
	run_ok refsync -n --json --keep-remote 2 "$A/vms/.snapshot/$last" \
		"$B/replica"
	expect [ "$(json_value "$OUT" \
		'len(o["sources"][0]["deleted_remote"])')" -eq \
		$(($(names "$B/replica" | wc -l) - 2)) ]
	expect [ "$(names "$B/replica")" = "$(wanted "$THERE_POLICY")" ]
	run_code 2 refsync --keep 2 "$A/vms/.snapshot/$last" "$B/replica"
	run_code 2 refsync --keep '2x' "$A/vms/vm.img" "$B/replica"
	run_code 2 refsync --keep-remote 0d "$A/vms/vm.img" "$B/replica"
}

# What is needed for the next night stays, though nothing can be brought.
nobody_there() {
	local base i

	base=$(names "$A/vms" | tail -n 1)
	for i in 1 2 3; do
		run_code 1 at_time "$(seconds_of "2027-02-0$i")" refsync \
			--keep 1 -e false "$A/vms/vm.img" "host:$B/replica"
	done
	expect [ "$(names "$A/vms" | wc -l)" -eq 2 ]
	expect [ -e "$A/vms/.snapshot/$base" ]
	run_ok at_time "$(seconds_of "2027-02-05")" refsync --no-full --keep 1 \
		"$A/vms/vm.img" "$B/replica"
	expect [ "$(names "$A/vms" | wc -l)" -eq 1 ]
}

on_fs() {
	make_fs "$1" A
	make_fs "$1" B
	test_case "$NIGHTS nights" all_nights
	test_case "all that is left is restored" restore_all
	test_case "-n says what would be deleted" said_before
	test_case "nights without a far side" nobody_there
}

for_each_fs on_fs xfs btrfs
finish
