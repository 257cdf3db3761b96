# SPDX-License-Identifier: BSD-2-Clause
#
# refuse.sh - streams and replicas to try bad ones with; sourced after
# stream.sh.

number=0

# refuse CODE STREAM DIR [OPTION]...: DIR stays as it was.
refuse() {
	local code=$1 stream=$2 directory=$3 before

	shift 3
	before=$(tree_listing "$directory")
	run_code "$code" refrecv "$@" "$directory" <"$stream"
	expect [ ! -s "$OUT" ]
	expect [ "$before" = "$(tree_listing "$directory")" ]
}

# A directory with the replica of "one" in it; its path is in $D.
fresh() {
	number=$((number + 1))
	D=$A/replica$number
	mkdir "$D"
	run_ok refrecv "$D" <"$WORK/one"
	R=$D/.snapshot/file.one
}

edited() {
	"$PYTHON" -B "$STREAM_EDIT" "$@" >"$WORK/edited"
}

# Streams $WORK/one (whole), two (onto one), three (onto two), of snapshots
# one, two and three of $A/file.
three_streams() {
	local from=$A/.snapshot/file

	random_file "$A/file" 40000 1
	truncate -s 200000 "$A/file"
	run_ok refsnap create "$A/file" one
	random_patch "$A/file" 4096 10000 2
	random_patch "$A/file" 150000 5000 3
	dd if=/dev/zero of="$A/file" bs=4k seek=6 count=2 conv=notrunc \
		status=none
	fallocate -p -o 32768 -l 4096 "$A/file"
	run_ok refsnap create "$A/file" two
	truncate -s 100000 "$A/file"
	run_ok refsnap create "$A/file" three
	mkdir "$A/first"
	carry "$A/first" -- "$from.one"
	mv "$STREAM" "$WORK/one"
	carry "$A/first" -- -i "$from.one" "$from.two"
	mv "$STREAM" "$WORK/two"
	carry "$A/first" -- -i "$from.two" "$from.three"
	mv "$STREAM" "$WORK/three"
	# All kinds of record are in it.
	run_ok refrecv --dump <"$WORK/two"
	for record in BEGIN META 'DATA.*prefix=same' ZERO HOLE END; do
		expect grep -q "$record" "$OUT"
	done
}
