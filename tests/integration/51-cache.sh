#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 51-cache.sh - sending and receiving leave the page cache as they found it:
# what they read goes out of it again, what others read stays.
. "$(dirname "$0")/lib.sh"
. "$HERE/stream.sh"
CACHETOOL=$HERE/cachetool.py
MIB=1048576

cached() {
	"$PYTHON" "$CACHETOOL" count "$1"
}
cold() {
	local file

	for file; do
		"$PYTHON" "$CACHETOOL" drop "$file"
	done
}
warm() {
	cat "$1" >/dev/null
	expect [ "$(cached "$1")" -ge $((64 * MIB)) ]
}

# The most of a file that may stay: what was read at its edges.
few() {
	local bytes
	bytes=$(cached "$1")
	[ "$bytes" -le $((MIB / 2)) ] && return
	fail "$bytes bytes of $1 are cached"
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
}

send_cold() {
	cold "$S.one" "$S.two"
	few "$S.one"
	make_stream -i "$S.one" "$S.two"
	few "$S.one"
	few "$S.two"
	make_stream "$S.one"
	few "$S.one"
	warm "$S.two"
}

send_warm() {
	cold "$S.two"
	warm "$S.one"
	make_stream -i "$S.one" "$S.two"
	few "$S.two"
	expect [ "$(cached "$S.one")" -ge $((64 * MIB)) ]
}

receive() {
	mkdir "$B/to"
	make_stream "$S.one"
	receive_stream "$B/to"
	few "$B/to/.snapshot/file.one"
	make_stream -i "$S.one" "$S.two"
	refrecv --dump <"$STREAM" >"$OUT"
	expect grep -q prefix=same "$OUT"
	receive_stream "$B/to"
	few "$B/to/.snapshot/file.one"
	few "$B/to/.snapshot/file.two"
	expect same "$B/to/.snapshot/file.two" "$S.two"
}

receive_warm() {
	rm -rf "$B/to/.snapshot/file.two"
	warm "$B/to/.snapshot/file.one"
	receive_stream "$B/to"
	expect [ "$(cached "$B/to/.snapshot/file.one")" -ge $((64 * MIB)) ]
}

on_fs() {
	make_fs "$1" A
	make_fs "$1" B
	test_case "files" files
	test_case "refsend drops what it read" send_cold
	test_case "refrecv drops what it read and wrote" receive
	if "$PYTHON" "$CACHETOOL" tells "$A/file"; then
		test_case "refsend leaves what was cached" send_warm
		test_case "refrecv leaves what was cached" receive_warm
	else
		skip_case "what was cached is left" "no cachestat(2)"
	fi
}

for_each_fs on_fs xfs btrfs
finish
