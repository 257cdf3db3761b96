#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# replay.sh - run each fuzz target on the inputs of its corpus and its seeds.
#
# Runs in a build directory. What libFuzzer found once is tried with every
# compiler and sanitizer so; run finds more.

here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-/usr/bin/python3}
number=0
status=0

work=$(mktemp -d) || exit 99
place=
trap 'rm -rf "$work" "$place"' EXIT

# A directory with user attributes; a tmpfs where it has them.
choose_place() {
	local directory

	for directory in /dev/shm "$work"; do
		place=$(mktemp -d "$directory/refsend-fuzz.XXXXXX" \
			2>/dev/null) || continue
		setfattr -n user.probe -v 1 "$place" 2>/dev/null && return
		rm -rf "$place"
		place=
	done
	return 1
}

# replay TARGET: its result.
replay() {
	local result=ok name="fuzz target $1"

	number=$((number + 1))
	if [ "$1" = stream ] && ! choose_place; then
		echo "ok $number - $name # SKIP no user attributes in $work"
		return
	fi
	export FUZZ_DIRECTORY=$place
	mkdir "$work/$1"
	tar -C "$work/$1" -xzf "$here/corpus/$1.tar.gz" &&
		"$python" -B "$here/seeds" "$1" "$work/$1" &&
		"./tests/fuzz/replay_$1" "$work/$1" >"$work/output" 2>&1 ||
		result='not ok'
	[ "$result" = ok ] || status=1
	grep -av '^#' "$work/output" | sed 's/^/# /'
	tail -n 1 "$work/output"
	echo "$result $number - $name"
}

if ! "$python" -B -c 'import xxhash' 2>/dev/null; then
	echo '1..0 # SKIP Python 3 with the xxhash module is missing'
	exit 0
fi
echo 1..3
replay frame
replay record
replay stream
exit $status
