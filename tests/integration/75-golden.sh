#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 75-golden.sh - refrecv and the second reader take the golden streams alike.

LIB_NO_ROOT=yes
. "$(dirname "$0")/lib.sh"
. "$HERE/stream.sh"

STREAMS=$HERE/../streams
MKSTREAM=$STREAMS/mkstream
GOLDENTOOL=$HERE/goldentool.py
D=$WORK/replica

: >"$WORK/probe"
setfattr -n user.probe "$WORK/probe" 2>/dev/null ||
	skip_all "no user attributes in $WORK"

mkstream() {
	run_ok "$PYTHON" -B "$MKSTREAM" "$@"
}

# read_alone CODE STREAM: the second reader, with that exit code.  What a stream
# goes on with it finds where refrecv has it.
read_alone() {
	run_status "$1" "$PYTHON" -B "$REFSTREAM" restore \
		${PARTIAL:+--partial "$PARTIAL"} "$READER" "$2"
}

# An empty place, but for the base that a source needs, and for what came before
# one that goes on.
start() {
	rm -rf "$D" "$READER"
	mkdir "$D"
	PARTIAL=
	if "$PYTHON" -B "$GOLDENTOOL" base "$1" "$WORK/base" 2>/dev/null
	then
		run_ok refrecv "$D" <"$WORK/base"
		read_alone 0 "$WORK/base"
	fi
	case $1 in
	*/good-* | */content-* | */bad-resume-l* | */bad-resume-twice*)
		what_came_before "$1" ;;
	esac
}

what_came_before() {
	"$PYTHON" -B "$GOLDENTOOL" first "$1" "$WORK/first" 2>/dev/null ||
		return
	run_status 6 refrecv --resumable "$D" <"$WORK/first"
	PARTIAL=$WORK/partial
	cp "$D"/.snapshot/.refsend/partial.* "$PARTIAL" ||
		fail "there is nothing to go on with"
}

# good SOURCE THREADS
good() {
	local number known name

	start "$1"
	mkstream "$1" "$STREAM"
	receive_stream --dump
	receive_stream --json -T "$2" "$D"
	read_again
	while IFS=' ' read -rd '' number known name; do
		[ "$known" = known ] || continue
		mkstream --result "$number" "$1" "$WORK/result"
		expect same "$WORK/result" "$D/$name"
	done < <("$PYTHON" -B "$GOLDENTOOL" results "$1")
}

names() {
	ls "$1" "$1/.snapshot" 2>/dev/null | grep -v ":$"
}

# refused CODE SOURCE: by both, and nothing of it stays but a first snapshot
# that was whole.
refused() {
	local before

	start "$2"
	mkstream "$2" "$STREAM"
	before=$(tree_listing "$D")
	run_code "$1" refrecv "$D" <"$STREAM"
	case $2 in
	*-second* | *-third-* | *-not-last*) ;;
	*/bad-resume-l* | */bad-resume-twice* | */content-resume-*)
		expect [ -z "$(ls "$D/.snapshot/.refsend")" ] ;;
	*) expect [ "$before" = "$(tree_listing "$D")" ] ;;
	esac
	read_alone 3 "$STREAM"
	expect [ "$(names "$READER")" = "$(names "$D")" ]
}

for source in "$STREAMS"/good-*.txt; do
	test_case "$(basename "$source" .txt)" good "$source" 4
	test_case "$(basename "$source" .txt), one thread" good "$source" 1
done
for source in "$STREAMS"/content-*.txt; do
	code=$(grep -ao 'exit code [0-9]*' "$source" | grep -o '[0-9]*')
	test_case "$(basename "$source" .txt)" refused "${code:-3}" "$source"
done
for source in "$STREAMS"/bad-*.txt "$STREAMS"/unsupported-*.txt; do
	test_case "$(basename "$source" .txt)" refused 3 "$source"
done
finish
