#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# 32-traps-moving.sh - refdiff while defragmentation and balance move the blocks
# of both files: what one frees the other may be given, at the same offset,
# between two maps.  All blocks differ, and must be reported each time.
. "$(dirname "$0")/lib.sh"

SECONDS_EACH=6
SIZE=$((32 << 20))

# Run a command again and again in the background.
keep_doing() {
	while [ -d "$WORK" ] && [ ! -e "$WORK/stop" ]; do
		"$@" >"$WORK/mover" 2>&1
	done
}

defragment() {
	btrfs filesystem defragment -czstd -f "$A/base" "$A/snap"
	sync -f "$A"
	btrfs filesystem defragment -f "$A/base" "$A/snap"
	sync -f "$A"
}

balance() {
	btrfs balance start --full-balance "$A"
}

# watch COMMAND...: runs it, as refdiff, while the movers work.
watch() {
	local end=$((SECONDS + SECONDS_EACH)) rounds=0 wrong=0 code movers=()
	local was mover

	rm -f "$WORK/stop"
	was=$(extent_at "$A/base" 0)
	for mover in $MOVERS; do
		keep_doing "$mover" &
		movers+=($!)
	done
	while [ "$SECONDS" -lt "$end" ]; do
		code=0
		"$@" "$A/base" "$A/snap" >"$OUT" 2>"$ERR" || code=$?
		rounds=$((rounds + 1))
		[ "$code" -eq 1 ] && [ "$(cat "$OUT")" = "0 $SIZE" ] && continue
		wrong=$((wrong + 1))
		note "exit code $code: $(head -n 3 "$OUT" "$ERR")"
	done
	: >"$WORK/stop"
	wait "${movers[@]}"
	expect [ "$wrong" -eq 0 ]
	expect [ "$rounds" -ge 5 ]
	note "$rounds rounds"
	expect_not [ "$(extent_at "$A/base" 0)" = "$was" ]
}

# While blocks move, equal ones may have to be read: never reported.
watch_equal() {
	local end=$((SECONDS + SECONDS_EACH)) rounds=0 movers=() mover

	rm -f "$WORK/stop" "$A/snap"
	reflink "$A/base" "$A/snap"
	random_patch "$A/snap" 1048576 4096 3
	for mover in $MOVERS; do
		keep_doing "$mover" &
		movers+=($!)
	done
	while [ "$SECONDS" -lt "$end" ] && [ "$test_failed" = no ]; do
		diff_is_true "$A/base" "$A/snap" "$@"
		rounds=$((rounds + 1))
	done
	: >"$WORK/stop"
	wait "${movers[@]}"
	expect [ "$rounds" -ge 5 ]
}

on_fs() {
	make_fs "$1" A 3G
	random_file "$A/base" $SIZE 1
	random_file "$A/snap" $SIZE 2
	sync -f "$A"
	MOVERS=defragment
	test_case "defragmentation" watch refdiff
	MOVERS="defragment balance"
	test_case "defragmentation and balance" watch refdiff
	test_case "defragmentation and balance, as a user" \
		watch as_user refdiff
	test_case "defragmentation and balance, equal files" \
		watch_equal refdiff
	test_case "defragmentation and balance, equal files, as a user" \
		watch_equal as_user refdiff
}

for_each_fs on_fs btrfs
finish
