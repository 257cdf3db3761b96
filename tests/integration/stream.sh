# SPDX-License-Identifier: BSD-2-Clause
#
# stream.sh - carry snapshots from directory to directory by streams; sourced
# after lib.sh by the tests of refsend and refrecv.

REFSTREAM=$HERE/../refstream.py
STREAM_EDIT=$HERE/../stream_edit.py
STREAMTOOL=$HERE/streamtool.py
STREAM=$WORK/stream
READER=$WORK/reader
PARTIAL=	# what a stream goes on with, for the second reader

for module in xxhash zstandard; do
	"$PYTHON" -c "import $module" 2>/dev/null ||
		skip_all "Python's module $module is missing"
done

# make_stream ARGUMENT...: refsend into $STREAM. -n tells its size exactly, and
# writes nothing; refrecv --dump accepts it.
make_stream() {
	run_ok refsend -n --json "$@" || return
	cp "$OUT" "$WORK/sent.json"
	run_status 0 refsend "$@" || return
	mv "$OUT" "$STREAM"
	: >"$OUT"
	expect grep -q "\"stream_bytes\": $(stat -c %s "$STREAM")," \
		"$WORK/sent.json" || return
	receive_stream --dump
}

# receive_stream ARGUMENT...: refrecv from $STREAM.
receive_stream() {
	run_ok refrecv "$@" <"$STREAM"
}

# The second reader restores $STREAM on its own, from what it restored before,
# and has what the last refrecv --json tells to have.
read_again() {
	cp "$OUT" "$WORK/received.json"
	run_ok "$PYTHON" -B "$REFSTREAM" restore \
		${PARTIAL:+--partial "$PARTIAL"} "$READER" "$STREAM" &&
		expect "$PYTHON" -B "$STREAMTOOL" agree "$READER" \
			"$WORK/received.json"
}

# carry DIR [OPTION OF REFRECV]... -- ARGUMENT OF REFSEND...
#
# Send and receive.  Every stream that a test makes goes this way: it is also
# dumped, and restored by the second reader, which must agree with refrecv.
carry() {
	local directory=$1 options=()

	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	make_stream "$@" &&
		receive_stream --json "${options[@]}" "$directory" &&
		read_again
}

# The second reader starts from nothing.
forget_reader() {
	rm -rf "$READER"
}

# Do two files, maybe sparse and huge, hold the same bytes?
same_sparse() {
	"$PYTHON" -B "$STREAMTOOL" same "$1" "$2"
}

# Is each hole of A, of a block or more, a hole in B?
holes_kept() {
	"$PYTHON" -B "$STREAMTOOL" holes "$1" "$2"
}

# check_replica SNAPSHOT REPLICA: bytes, holes, metadata and seal are right.
check_replica() {
	expect same_sparse "$1" "$2"
	expect holes_kept "$1" "$2"
	expect same_metadata "$1" "$2" mode
	run_ok refsnap info "$2"
}
