#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 51-cache.sh - sending, receiving and verifying leave the page cache as they
# found it: what they read goes out of it again, what others read stays.
#
# The cache is everybody's: another process may empty it or fill it meanwhile.
# So each question is asked several times, and one right answer is enough.
. "$(dirname "$0")/lib.sh"
. "$HERE/stream.sh"
CACHETOOL=$HERE/cachetool.py
MIB=1048576
TRIES=5

cached() {
	"$PYTHON" "$CACHETOOL" count "$1"
}

# Is at most what was read at an edge cached of each file?
cold() {
	local file

	for file; do
		[ "$(cached "$file")" -le $((MIB / 2)) ] || return
	done
}
warm() {
	[ "$(cached "$1")" -ge $((64 * MIB)) ]
}
cool() {
	local file

	for file; do
		"$PYTHON" "$CACHETOOL" drop "$file"
	done
	cold "$@"
}
heat() {
	cat "$1" >/dev/null
	warm "$1"
}

# try COMMAND: a chain of conditions.
try() {
	local try

	for ((try = 0; try < TRIES; try++)); do
		"$@" && return
		sleep 0.3
	done
	fail "$* is not true"
}

files() {
	random_file "$A/file" $((64 * MIB)) 1
	run_ok refsnap create "$A/file" one
	# Some bytes of each block in half a MiB of four.
	run_ok "$PYTHON" - "$A/file" <<'END'
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
for at in range(0, 64 << 20, 4096):
    if at % (4 << 20) < 1 << 19:
        os.pwrite(fd, b"changed", at + 100)
END
	run_ok refsnap create "$A/file" two
	S=$A/.snapshot/file
	mkdir "$B/to"
	T=$B/to/.snapshot/file
	make_stream "$S.one"
	cp "$STREAM" "$WORK/whole"
	make_stream -i "$S.one" "$S.two"
	refrecv --dump <"$STREAM" >"$OUT"
	expect grep -q prefix=same "$OUT"
}

sent() {
	refsend "$@" >"$WORK/sent"
}
received() {
	rm -f "$1"
	refrecv "$B/to" <"$2" 2>"$ERR"
}

sent_cold() {
	cool "$S.one" "$S.two" && sent -i "$S.one" "$S.two" &&
		cold "$S.one" "$S.two" && sent "$S.one" && cold "$S.one"
}
sent_warm() {
	cool "$S.two" && heat "$S.one" && sent -i "$S.one" "$S.two" &&
		cold "$S.two" && warm "$S.one"
}
received_cold() {
	received "$T.one" "$WORK/whole" && cold "$T.one" &&
		received "$T.two" "$STREAM" && cold "$T.one" "$T.two"
}
received_warm() {
	heat "$T.one" && received "$T.two" "$STREAM" && cold "$T.two" &&
		warm "$T.one"
}

verified() {
	refsnap verify "$T.one" >"$OUT" 2>"$ERR"
}
verified_cold() {
	cool "$T.one" && verified && cold "$T.one"
}
verified_warm() {
	heat "$T.one" && verified && warm "$T.one"
}

on_fs() {
	make_fs "$1" A
	make_fs "$1" B
	test_case "files" files
	test_case "refsend drops what it read" try sent_cold
	test_case "refrecv drops what it read and wrote" try received_cold
	test_case "refsnap verify drops what it read" try verified_cold
	if "$PYTHON" "$CACHETOOL" tells "$A/file"; then
		test_case "refsend leaves what was cached" try sent_warm
		test_case "refrecv leaves what was cached" try received_warm
		test_case "refsnap verify leaves what was cached" \
			try verified_warm
	else
		skip_case "what was cached is left" "no cachestat(2)"
	fi
}

for_each_fs on_fs xfs btrfs
finish
