#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 85-torture.sh - histories of random operations on each kind of file system:
# every snapshot sent, every replica compared.  tests/torture/run goes on for
# as long as one likes.

TMPDIR=${TORTURE_TMPDIR:-${TMPDIR:-/tmp}}
export TMPDIR
. "$(dirname "$0")/lib.sh"
. "$HERE/../torture/variants.sh"

[ -x "$TORTURE" ] || skip_all "tests/torture/torture was not built"
SECONDS_EACH=${TORTURE_SECONDS:-5}

# What ran, and the failure if there was one.
told() {
	expect [ "$1" -eq 0 ]
	grep -av -e 'the base was copied' "$2" | tail -n 8 |
		while IFS= read -r line; do note "$line"; done
	expect grep -aq '^seed .* [1-9][0-9]* pairs' "$2"
}

# A history that is always the same, and new ones beside it.
histories() {
	local code=0 fresh

	torture --seconds "$SECONDS_EACH" --kinds >"$WORK/fresh" 2>&1 &
	fresh=$!
	torture --seed "$1" --histories 4 >"$WORK/fixed" 2>&1 || code=$?
	told "$code" "$WORK/fixed"
	code=0
	wait "$fresh" || code=$?
	told "$code" "$WORK/fresh"
}

on_variant() {
	test_suffix=" [$1]"
	if variant_usable "$1"; then
		make_variant "$1"
		test_case "random histories" histories 1000
	else
		skip_case "random histories" "no mkfs for $1"
	fi
	test_suffix=
}

for variant in $VARIANTS; do
	on_variant "$variant"
done
finish
