#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 61-resume.sh - a transfer that was interrupted goes on where it was, and
# nothing that could be wrong is gone on with.
#
# RESUMES=N interrupts so often, at fresh random places, in each test; SEED makes
# them the same again.

. "$(dirname "$0")/lib.sh"
. "$HERE/stream.sh"

RESUMETOOL=$HERE/resumetool.py
RESUMES=${RESUMES:-0}
SEED=${SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
MIB=1048576
FROM=	# these two by make_moved, which not every test needs
MOVED=

# noise FILE MIB SEED [OFFSET]...: bytes that cannot be compressed, a MiB at each
# offset, in MiB; from the beginning on, up to MIB, if none is given.
noise() {
	"$PYTHON" -c '
import os, random, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
source = random.Random(int(sys.argv[3]))
for at in map(int, sys.argv[4:] or range(int(sys.argv[2]))):
    os.pwrite(fd, source.randbytes(1 << 20), at << 20)' "$@"
}

# Snapshots one, two and three of $S/file: 130 MiB and some bytes; half of them
# changed, in pieces, with zeros and a hole; less of them, and a larger file.
make_snapshots() {
	make_fs xfs S
	noise "$S/file" 130 1
	head -c 777 /dev/urandom >>"$S/file"
	setfattr -n user.colour -v blue "$S/file"
	chmod 640 "$S/file"
	run_ok refsnap create "$S/file" one
	noise "$S/file" 0 2 $(seq 2 2 128)
	dd if=/dev/zero of="$S/file" bs=64k seek=50 count=10 conv=notrunc \
		status=none
	fallocate -p -o $((60 * MIB)) -l $((5 * MIB)) "$S/file"
	random_patch "$S/file" $((101 * MIB + 5)) 300000 3
	run_ok refsnap create "$S/file" two
	noise "$S/file" 0 4 $(seq 1 3 138)
	run_ok refsnap create "$S/file" three
	ONE=$S/.snapshot/file.one
	TWO=$S/.snapshot/file.two
	THREE=$S/.snapshot/file.three
	run_ok refsend -o "$WORK/one" "$ONE"
	run_ok refsend -o "$WORK/two" -i "$ONE" "$TWO"
	run_ok refsend -o "$WORK/three" -I "$ONE" "$THREE"
	run_ok refsend -o "$WORK/alone" "$THREE"
	# Each has some CHECKPOINTs.
	for stream in one two three; do
		run_ok refrecv --dump <"$WORK/$stream"
		expect [ "$(grep -c ' CHECKPOINT ' "$OUT")" -ge 4 ]
	done
}

# Snapshots one and two of $S/moved: of 64 MiB, nearly all of which insertions
# moved upwards and a removal downwards, with 71 MiB of noise between.
make_moved() {
	local i

	noise "$S/moved" 64 5
	sync "$S/moved"
	run_ok refsnap create "$S/moved" one
	for i in $(seq 0 7); do
		fallocate -i -o $(((4 + 14 * i) * MIB)) -l $((8 * MIB)) \
			"$S/moved"
		noise "$S/moved" 0 $((6 + i)) $(seq $((4 + 14 * i)) \
			$((11 + 14 * i)))
	done
	fallocate -c -o 0 -l $((3 * MIB)) "$S/moved"
	noise "$S/moved" 0 20 $(seq 0 13 90)
	sync "$S/moved"
	run_ok refsnap create "$S/moved" two
	FROM=$S/.snapshot/moved.one
	MOVED=$S/.snapshot/moved.two
	run_ok refsend -o "$WORK/from" "$FROM"
	run_ok refsend -o "$WORK/moved" -i "$FROM" "$MOVED"
	run_ok refrecv --dump <"$WORK/moved"
	# CLONE stands before the first CHECKPOINT, behind the last, and between.
	expect [ "$(sed -n 's/.* \(CLONE\|CHECKPOINT\) .*/\1/p' "$OUT" | uniq |
		tr '\n' ' ' | grep -c '^CLONE.*CHECKPOINT CLONE CHECKPOINT.*CLONE $')" \
		-eq 1 ]
	expect [ "$(grep -c ' CHECKPOINT ' "$OUT")" -ge 4 ]
}

# A place with what a stream needs, beside others: beside NAME [STREAM]; its path
# is in $D.
beside() {
	D=$A/$1
	mkdir "$D"
	[ $# -lt 2 ] || run_ok refrecv "$D" <"$WORK/$2"
	STATE=$D/.snapshot/.refsend
}

# And nothing else.
place() {
	rm -rf "${A:?}"/*
	beside "$@"
}

# The stream that brings the base of another: base_of STREAM.
base_of() {
	case $1 in
	moved) echo from ;;
	*) echo one ;;
	esac
}

# resumes HOW COUNT STREAM [ROOT IMAGE] -- ARGUMENT...: see resumetool.py.
resumes() {
	local how=$1 count=$2 stream=$3 image=()

	shift 3
	[ "$RESUMES" -eq 0 ] || count=$RESUMES
	if [ "$1" != -- ]; then
		image=("$1" "$2")
		shift 2
	fi
	shift
	if [ $# -gt 1 ]; then
		place resumes "$(base_of "$stream")"
	else
		place resumes
	fi
	expect "$PYTHON" -B "$RESUMETOOL" "$how" "$count" "$SEED" \
		"$WORK/$stream" "$D" "${image[@]}" -- "$@"
	note "seed $SEED: $(tail -n 1 "$WORK/expect")"
}

# interrupt STREAM BYTES [OPTION]...: into $D; sets $TOKEN.
interrupt() {
	local stream=$1 length=$2

	shift 2
	head -c "$length" "$WORK/$stream" >"$WORK/part"
	run_code 6 refrecv --resumable "$@" "$D" <"$WORK/part" || return
	expect_error 'refrecv --token tells how to go on'
	run_ok refrecv --token "$D"
	TOKEN=$(cut -d ' ' -f 1 "$OUT")
}

# Kill it, behind a CHECKPOINT: killed FILE BYTES [OPTION]..., into $D; sets
# $TOKEN.
killed() {
	local file=$1 length=$2 process i

	shift 2
	mkfifo "$WORK/killed"
	refrecv --resumable "$@" "$D" <"$WORK/killed" 2>/dev/null &
	process=$!
	exec 8>"$WORK/killed"
	head -c "$length" "$file" >&8
	for i in $(seq 1 100); do
		getfattr -n user.refsend.partial "$STATE"/partial.* \
			>/dev/null 2>&1 && break
		sleep 0.1
	done
	sleep 0.3
	kill -KILL "$process"
	wait "$process" 2>/dev/null
	exec 8>&-
	rm "$WORK/killed"
	run_ok refrecv --token "$D"
	TOKEN=$(cut -d ' ' -f 1 "$OUT")
}

state_listing() {
	tree_listing "$STATE"
}

# Is there a partial?
left_there() {
	ls "$STATE"/partial.* >/dev/null 2>&1
}

# The second reader goes on with a copy of the partial, and has the same.
second_reader() {
	local stream

	forget_reader
	place reader
	cp "$WORK/one" "$STREAM"
	interrupt one $((50 * MIB))
	PARTIAL=$WORK/partial
	cp "$STATE"/partial.* "$PARTIAL"
	make_stream --resume "$TOKEN" "$ONE"
	run_status 4 "$PYTHON" -B "$REFSTREAM" restore "$READER" "$STREAM"
	receive_stream --json "$D"
	read_again
	for stream in two three; do
		interrupt "$stream" $((40 * MIB))
		cp "$STATE"/partial.* "$PARTIAL"
		make_stream --resume "$TOKEN" -I "$ONE" \
			"$S/.snapshot/file.$stream"
		run_status 0 refrecv --dump <"$STREAM"
		expect grep -q " RESUME stream=.* offset=" "$OUT"
		receive_stream --json "$D"
		expect [ "$(json_value "$OUT" \
			'o["snapshots"][0]["resumed_at"] > 1 << 20')" = True ]
		read_again
		check_replica "$S/.snapshot/file.$stream" \
			"$D/.snapshot/file.$stream"
		rm -f "$D/.snapshot/file.two"
	done
	PARTIAL=
}

# It does so too with what moved.
second_reader_moved() {
	forget_reader
	place reader
	cp "$WORK/from" "$STREAM"
	receive_stream --json "$D"
	read_again
	interrupt moved $((40 * MIB))
	PARTIAL=$WORK/partial
	cp "$STATE"/partial.* "$PARTIAL"
	make_stream --resume "$TOKEN" -i "$FROM" "$MOVED"
	run_status 0 refrecv --dump <"$STREAM"
	expect grep -q ' CLONE ' "$OUT"
	receive_stream --json "$D"
	read_again
	check_replica "$MOVED" "$D/.snapshot/moved.two"
	PARTIAL=
}

# With other options: a name, a live file, one thread, a copy of the base.
options() {
	place options
	interrupt one $((40 * MIB)) --as other --live
	expect grep -q ' other\.one$' "$OUT"
	run_ok refsend --resume "$TOKEN" -o "$STREAM.options" "$ONE"
	run_ok refrecv -v --as other --live "$D" <"$STREAM.options"
	expect_error 'gone on with at byte [0-9]'
	expect same "$ONE" "$D/other"
	rm "$STREAM.options"
	interrupt two $((40 * MIB)) --as other -T 1 --reflink=never
	run_ok refsend --resume "$TOKEN" -T 1 -o "$STREAM.options" -i "$ONE" \
		"$TWO"
	# A dry run changes nothing, and tells the same.
	before=$(state_listing)
	run_ok refrecv -n --json --as other "$D" <"$STREAM.options"
	expect grep -q '"resumed_at": [1-9]' "$OUT"
	expect [ "$before" = "$(state_listing)" ]
	run_ok refrecv --as other -T 1 --reflink=never "$D" \
		<"$STREAM.options"
	rm "$STREAM.options"
	check_replica "$TWO" "$D/.snapshot/other.two"
	expect_not left_there
}

# A token as refrecv --token tells it, of any offset: token SNAPSHOT BASE OFFSET,
# the ids, BASE empty if there is none.
token() {
	"$PYTHON" -c '
import sys, uuid, xxhash
snapshot, base, offset = sys.argv[1:]
fields = b"".join((uuid.UUID(snapshot).bytes, uuid.UUID(base or "0" * 32).bytes,
                   uuid.uuid4().bytes, int(offset).to_bytes(8, "little")))
checksum = xxhash.xxh3_64_intdigest(fields).to_bytes(8, "little")
print("1-" + (fields + checksum).hex())' "$@"
}

# Snapshots one and two of $S/small: data, zeros, holes, and what an insertion
# moved; it ends within a block.
make_small() {
	rm -f "$S/small" "$S"/.snapshot/small.*
	random_file "$S/small" 3000000 1
	sync "$S/small"
	run_ok refsnap create "$S/small" one
	fallocate -i -o 409600 -l 819200 "$S/small"
	random_patch "$S/small" 409600 300000 2
	fallocate -p -o 1228800 -l 200000 "$S/small"
	random_patch "$S/small" 3000000 100001 3
	dd if=/dev/zero of="$S/small" bs=4096 seek=350 count=20 conv=notrunc \
		status=none
	sync "$S/small"
	run_ok refsnap create "$S/small" two
}

# Whatever the offset: with what is there below, the rest makes the whole.
sent_from_anywhere() {
	local small=$S/.snapshot/small ids size offset options

	make_small
	mapfile -t ids < <(snap_ids "$S/small")
	size=$(stat -c %s "$small.two")
	RANDOM=${SEED: -4}
	for offset in 0 4096 409600 "$size" $((size - 1)) \
		$((RANDOM * size / 32768)) $((RANDOM * size / 32768)) \
		$((1228800 + RANDOM)) $((409600 + 819200 + RANDOM * 8)) \
		$((409600 + 819200 + RANDOM * 16)) $((RANDOM * 12)); do
		for options in '' "-i $small.one"; do
			forget_reader
			refsend "$small.one" >"$STREAM"
			run_ok "$PYTHON" -B "$REFSTREAM" restore "$READER" \
				"$STREAM"
			head -c "$offset" "$small.two" >"$WORK/partial"
			echo "other bytes" >>"$WORK/partial"
			# shellcheck disable=SC2086 # a list, or nothing
			run_status 0 refsend --resume "$(token "${ids[1]}" \
				"${options:+${ids[0]}}" "$offset")" $options \
				"$small.two" || note "offset $offset"
			mv "$OUT" "$STREAM"
			: >"$OUT"
			run_ok refrecv --dump <"$STREAM"
			expect grep -q " RESUME .* offset=$offset$" "$OUT"
			run_ok "$PYTHON" -B "$REFSTREAM" restore \
				--partial "$WORK/partial" "$READER" "$STREAM"
			expect same "$small.two" "$READER/.snapshot/small.two"
		done
	done
	refsend -i "$small.one" "$small.two" 2>/dev/null |
		refrecv --dump >"$OUT"
	# All kinds of ranges are in it.
	for offset in DATA ZERO HOLE CLONE; do
		expect grep -q " $offset " "$OUT"
	done
	run_code 4 refsend --resume \
		"$(token "${ids[1]}" "${ids[0]}" $((size + 1)))" \
		-i "$small.one" "$small.two"
	expect_error 'beyond the end of'
	# Or of a snapshot that was changed since.
	chmod 644 "$small.two"
	printf x | dd of="$small.two" conv=notrunc status=none
	run_code 5 refsend --resume "$(token "${ids[1]}" "${ids[0]}" 4096)" \
		-i "$small.one" "$small.two"
	rm "$WORK/partial"
}

# The golden streams that go on within a block, on a file system with reflinks.
within_a_block() {
	local streams=$HERE/../streams name

	for name in good-resume good-resume-incremental; do
		place golden
		"$PYTHON" -B "$HERE/goldentool.py" base "$streams/$name.txt" \
			"$WORK/golden" && run_ok refrecv "$D" <"$WORK/golden"
		"$PYTHON" -B "$HERE/goldentool.py" first "$streams/$name.txt" \
			"$WORK/golden"
		run_code 6 refrecv --resumable "$D" <"$WORK/golden"
		"$PYTHON" -B "$streams/mkstream" "$streams/$name.txt" \
			"$WORK/golden"
		run_ok refrecv "$D" <"$WORK/golden"
		"$PYTHON" -B "$streams/mkstream" --result 0 \
			"$streams/$name.txt" "$WORK/golden"
		expect same "$WORK/golden" "$D/.snapshot/disk.img.tuesday"
	done
	rm "$WORK/golden"
}

# Over whatever is there behind the offset: what a loss of power left.  torn
# STREAM BASE SNAPSHOT.
torn() {
	local stream=$1 base=$2 snapshot=$3 partial offset replica

	place torn "$(base_of "$stream")"
	replica=$D/.snapshot/$(basename "$snapshot")
	killed "$WORK/$stream" $((50 * MIB))
	partial=$(echo "$STATE"/partial.*)
	offset=$(cut -d / -f 1 "$OUT" | cut -d ' ' -f 2)
	"$PYTHON" -c '
import os, sys
fd = os.open(sys.argv[1], os.O_WRONLY)
for at in range(int(sys.argv[2]), os.fstat(fd).st_size, 99999):
    os.pwrite(fd, b"torn" * 5000, at)' "$partial" "$offset"
	refsend --resume "$TOKEN" -i "$base" "$snapshot" 2>"$ERR" |
		refrecv "$D" 2>>"$ERR" || fail "$(cat "$ERR")"
	check_replica "$snapshot" "$replica"
	rm "$replica"
	# Or nothing at all, as if cut when it was renewed.
	killed "$WORK/$stream" $((50 * MIB))
	offset=$(cut -d / -f 1 "$OUT" | cut -d ' ' -f 2)
	truncate -s "$offset" "$STATE"/partial.*
	refsend --resume "$TOKEN" -i "$base" "$snapshot" 2>"$ERR" |
		refrecv "$D" 2>>"$ERR" || fail "$(cat "$ERR")"
	check_replica "$snapshot" "$replica"
}

tokens() {
	local first

	place tokens one
	run_code 4 refrecv --token "$D"
	expect_error 'nothing that could be gone on with'
	run_code 1 refrecv --token "$A/missing"
	interrupt two $((60 * MIB))
	first=$TOKEN
	interrupt alone $((20 * MIB)) --as a-name
	expect [ "$(wc -l <"$OUT")" -eq 2 ]
	expect grep -Eq '^1-[0-9a-f]{128} [0-9]+/[0-9]+ 1?[0-9]% a-name.three$' \
		"$OUT"
	expect [ "$(sed -n 's/ .*file\.two$//p' "$OUT")" = "$first" ]
	run_ok refrecv --token --json "$D"
	expect [ "$(json_value "$OUT" '[one["file"] for one in o["tokens"]]')" \
		= "['a-name.three', 'file.two']" ]
	expect [ "$(json_value "$OUT" '[one.get("base") is None for one
		in o["tokens"]]')" = "[True, False]" ]
	run_code 2 refsend --resume "${first%?}" -i "$ONE" "$TWO"
	run_code 2 refsend --resume "${first/1-/2-}" -i "$ONE" "$TWO"
	run_code 2 refsend --resume '' -i "$ONE" "$TWO"
}

# While a run goes on with it: it is no token, and no other run's.
busy() {
	local process

	place busy one
	interrupt two $((60 * MIB))
	run_ok refsend --resume "$TOKEN" -o "$STREAM.busy" -i "$ONE" "$TWO"
	mkfifo "$WORK/fifo"
	refrecv "$D" <"$WORK/fifo" 2>/dev/null &
	process=$!
	exec 8>"$WORK/fifo"
	head -c 2000000 "$STREAM.busy" >&8
	sleep 0.3
	run_code 8 refrecv --token "$D"
	run_code 8 refrecv "$D" <"$STREAM.busy"
	run_ok refsnap list "$D"
	expect left_there
	exec 8>&-
	wait "$process"
	expect [ $? -eq 6 ]
	run_ok refrecv --token "$D"
	run_ok refrecv "$D" <"$STREAM.busy"
	rm "$STREAM.busy" "$WORK/fifo"
}

# Another snapshot, base, place, partial; the token serves all the same then.
refused() {
	local before mine other

	run_ok refsend -o "$WORK/again" -i "$ONE" "$TWO"
	place other one
	interrupt again $((40 * MIB))
	rm "$WORK/again"
	other=$TOKEN
	beside refused one
	interrupt two $((60 * MIB))
	mine=$TOKEN
	before=$(state_listing)
	run_code 4 refsend --resume "$mine" "$TWO"
	expect_error 'not .*/file.two without a base'
	run_code 4 refsend --resume "$mine" -i "$THREE" "$TWO"
	expect_error 'not .*/file.two with the base .*/file.three'
	run_code 4 refsend --resume "$mine" -i "$ONE" "$THREE"
	run_code 4 refsend --resume "$mine" -i "$TWO" "$THREE"
	expect [ ! -s "$OUT" ]
	run_ok refsend --resume "$other" -o "$STREAM.other" -i "$ONE" "$TWO"
	run_code 4 refrecv "$D" <"$STREAM.other"
	expect_error 'is here up to byte .* not from stream'
	expect [ "$before" = "$(state_listing)" ]
	rm "$STREAM.other"
	run_ok refsend --resume "$mine" -o "$STREAM.mine" -i "$ONE" "$TWO"
	D=$A/other
	run_code 4 refrecv "$D" <"$STREAM.mine"
	beside empty
	run_code 4 refrecv "$D" <"$STREAM.mine"
	expect_error 'does not have the base'
	run_ok refrecv "$D" <"$WORK/one"
	run_code 4 refrecv "$D" <"$STREAM.mine"
	expect_error 'nothing of .* is here that could be gone on with'
	expect_not left_there
	D=$A/refused
	STATE=$D/.snapshot/.refsend
	run_code 7 refrecv --reserve=1E "$D" <"$STREAM.mine"
	chmod 644 "$D/.snapshot/file.one"
	touch "$D/.snapshot/file.one"
	run_code 5 refrecv "$D" <"$STREAM.mine"
	rm "$D/.snapshot/file.one"
	run_code 4 refrecv "$D" <"$STREAM.mine"
	expect [ "$before" = "$(state_listing)" ]
	run_ok refrecv "$D" <"$WORK/one"
	expect [ "$before" = "$(state_listing)" ]
	run_ok refrecv "$D" <"$STREAM.mine"
	rm "$STREAM.mine"
	check_replica "$TWO" "$D/.snapshot/file.two"
}

# A run of the same snapshot that does not go on with it; the snapshot itself; a
# newer one; damage; lack of space.  Nothing else.
gone() {
	place gone one
	interrupt two $((60 * MIB))
	head -c $((30 * MIB)) "$WORK/two" >"$WORK/part"
	run_code 3 refrecv "$D" <"$WORK/part"
	expect_not left_there

	interrupt two $((60 * MIB))
	send_and_receive "$A/other-replica" "$ONE"
	send_and_receive "$A/other-replica" -i "$ONE" "$TWO"
	expect left_there
	mv "$A/other-replica/.snapshot/file.two" "$D/.snapshot/"
	run_code 4 refrecv --token "$D"
	run_ok refrecv "$D" <"$WORK/two"
	expect_not left_there
	rm -rf "$D/.snapshot/file.two" "$A/other-replica"

	interrupt two $((60 * MIB))
	run_ok refrecv "$D" <"$WORK/alone"
	expect_not left_there
	rm "$D/.snapshot/file.three"

	interrupt two $((60 * MIB))
	run_ok refsend --resume "$TOKEN" -o "$STREAM.gone" -i "$ONE" "$TWO"
	printf spoilt | dd of="$STREAM.gone" bs=1 seek=$((3 * MIB)) \
		conv=notrunc status=none
	run_code 3 refrecv --resumable "$D" <"$STREAM.gone"
	expect_not left_there
	rm "$STREAM.gone"

	interrupt two $((60 * MIB))
	run_ok refsend --resume "$TOKEN" -o "$STREAM.gone" -i "$ONE" "$TWO"
	(
		ulimit -f 70000
		run_code 7 refrecv --resumable "$D" <"$STREAM.gone"
		[ "$test_failed" = no ]
	) || test_failed=yes
	expect_not left_there
	rm "$STREAM.gone"
}

# Sweeps leave it alone, but for one whose state is damaged.
sweeps() {
	local before

	place sweeps one
	interrupt two $((60 * MIB))
	before=$(ls "$STATE")
	: >"$STATE/partial.dead"
	random_file "$D/mine" 100000 1
	run_ok refsnap create --reflink=auto "$D/mine" one
	expect [ "$before" = "$(ls "$STATE" | grep partial)" ]
	run_ok refsnap restore --force "$D/.snapshot/mine.one"
	random_file "$WORK/plain" 100000 1
	chmod a-w "$WORK/plain"
	refsend "$WORK/plain" 2>"$ERR" | refrecv "$D" 2>>"$ERR" ||
		fail "$(cat "$ERR")"
	rm -f "$WORK/plain"
	expect left_there
	run_ok refrecv --token "$D"
	expect grep -q "^$TOKEN " "$OUT"
	setfattr -n user.refsend.partial -v damaged "$STATE"/partial.*
	run_code 4 refrecv --token "$D"
	run_ok refsnap create --reflink=auto "$D/mine" two
	expect_not left_there
}

# Change a partial, or put a copy in its place: alter HOW FILE.
alter() {
	local file=$2 target=$2

	touch -r "$file" "$WORK/times"
	case $1 in
	copied) mv -f "$A/copy" "$file"; return ;;
	over) target=$A/copy ;;
	esac
	printf x | dd of="$target" bs=1 seek=$MIB conv=notrunc status=none
	case $1 in
	times) touch -r "$WORK/times" "$file" ;;
	over)
		touch -r "$WORK/times" "$A/copy"
		cp -a --preserve=xattr "$A/copy" "$file"
		rm "$A/copy" ;;
	esac
}

# The partial is not gone on with, and goes; all is sent again.
not_gone_on_with() {
	run_code 4 refrecv --token "$D"
	run_code 4 refrecv "$D" <"$STREAM.changed"
	expect_error 'nothing of .* is here that could be gone on with'
	expect_not left_there
	run_ok refrecv "$D" <"$WORK/two"
	check_replica "$TWO" "$D/.snapshot/file.two"
	rm "$STREAM.changed"
}

changed_since() {
	local how

	for how in written times copied over; do
		place changed one
		interrupt two $((60 * MIB))
		run_ok refsend --resume "$TOKEN" -o "$STREAM.changed" \
			-i "$ONE" "$TWO"
		[ "$how" = copied ] || [ "$how" = over ] &&
			cp -a --preserve=xattr "$STATE"/partial.* "$A/copy"
		run_ok refrecv --token "$D"
		alter "$how" "$STATE"/partial.* || fail "cannot alter"
		not_gone_on_with || note "$how"
		rm -f "$A/copy"
	done
}

# After a kill, of a copy; and of a snapshot that comes whole, whose digest tells.
changed_since_kill() {
	place changed one
	killed "$WORK/two" $((60 * MIB))
	run_ok refsend --resume "$TOKEN" -o "$STREAM.changed" -i "$ONE" "$TWO"
	cp -a --preserve=xattr "$STATE"/partial.* "$A/copy"
	alter copied "$STATE"/partial.*
	not_gone_on_with
	place changed
	killed "$WORK/one" $((60 * MIB))
	alter written "$STATE"/partial.*
	run_ok refsend --resume "$TOKEN" -o "$STREAM.changed" "$ONE"
	run_code 3 refrecv "$D" <"$STREAM.changed"
	expect_error 'does not have the digest'
	expect_not left_there
	rm "$STREAM.changed"
}

# Nor is a remount a change, nor is it lost to a kill after going on with it.
unchanged() {
	place unchanged one
	interrupt two $((40 * MIB))
	umount "$A" && mount -o loop,noatime "$WORK/A.img" "$A"
	run_ok refsend --resume "$TOKEN" -o "$STREAM.again" -i "$ONE" "$TWO"
	killed "$STREAM.again" 2000000
	run_ok refrecv "$D" <"$STREAM.again"
	check_replica "$TWO" "$D/.snapshot/file.two"
	expect_not left_there
	rm "$STREAM.again"
}

# One is kept of each live file, the last.
one_of_each() {
	place each one
	interrupt two $((60 * MIB))
	interrupt alone $((40 * MIB))
	expect grep -q ' file\.three$' "$OUT"
	expect [ "$(ls "$STATE" | grep -c partial)" -eq 1 ]
	interrupt two $((40 * MIB)) --as other
	expect [ "$(ls "$STATE" | grep -c partial)" -eq 2 ]
	expect [ "$(wc -l <"$OUT")" -eq 2 ]
}

# Two of one snapshot, since a listing held one: each token finds its own.
two_of_one() {
	local first token

	run_ok refsend -o "$WORK/again" -i "$ONE" "$TWO"
	for token in first second; do
		place two one
		interrupt two $((60 * MIB))
		first=$TOKEN
		exec 9<"$(echo "$STATE"/partial.*)"
		flock -s 9
		interrupt again $((40 * MIB))
		exec 9<&-
		expect [ "$(ls "$STATE" | grep -c partial)" -eq 2 ]
		[ "$token" = first ] && TOKEN=$first ||
			TOKEN=$(grep -v "^$first$" <<<"$TOKEN")
		run_ok refsend --resume "$TOKEN" -o "$STREAM.two" -i "$ONE" \
			"$TWO"
		run_ok refrecv "$D" <"$STREAM.two"
		check_replica "$TWO" "$D/.snapshot/file.two"
		expect_not left_there
		rm "$STREAM.two"
	done
	rm "$WORK/again"
}

# It reads on while a CHECKPOINT is being synced, but not past the next one.
reads_no_further() {
	local tracer traced position

	place slow
	mkdir -p "$STATE"
	ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 strace -f -qq \
		-o /dev/null -e trace=fsync \
		-e inject=fsync:delay_enter=6000000 \
		refrecv --resumable -T 2 "$D" <"$WORK/one" 2>/dev/null &
	tracer=$!
	sleep 3
	traced=$(cat "/proc/$tracer/task/$tracer/children")
	position=$(awk '$1 == "pos:" { print $2 }' \
		"/proc/${traced% }/fdinfo/0")
	# shellcheck disable=SC2086 # a number and a space
	kill $traced
	wait "$tracer"
	note "at byte $position"
	expect [ "$position" -gt $((26 * MIB)) ]
	expect [ "$position" -lt $((33 * MIB)) ]
}

# The file system goes down, or a copy of its image tells what a loss of power
# would leave.
loss_of_power() {
	case $FS in
	xfs | ext4)
		make_fs "$FS" A
		test_case "power lost, whole" resumes shutdown 6 one \
			"$A" "$WORK/A.img" -- "$ONE"
		test_case "power lost, difference" resumes shutdown 5 two \
			"$A" "$WORK/A.img" -- -i "$ONE" "$TWO"
		test_case "power lost, moved" resumes shutdown 4 moved \
			"$A" "$WORK/A.img" -- -i "$FROM" "$MOVED" ;;
	btrfs)
		make_fs xfs H 20G
		make_fs btrfs A
		umount "$A"
		mv "$WORK/A.img" "$H/A.img"
		mount -o loop,noatime "$H/A.img" "$A"
		test_case "power lost, whole" resumes image 6 one \
			"$A" "$H/A.img" -- "$ONE"
		test_case "power lost, difference" resumes image 5 two \
			"$A" "$H/A.img" -- -i "$ONE" "$TWO"
		test_case "power lost, moved" resumes image 4 moved \
			"$A" "$H/A.img" -- -i "$FROM" "$MOVED"
		umount "$A" && umount "$H" ;;
	esac
}

on_fs() {
	make_fs "$1" A 4G
	test_case "cut anywhere, whole" resumes cuts 14 one -- "$ONE"
	test_case "cut anywhere, difference" \
		resumes cuts 13 two -- -i "$ONE" "$TWO"
	test_case "cut anywhere, chain" \
		resumes cuts 13 three -- -I "$ONE" "$THREE"
	test_case "cut anywhere, moved" \
		resumes cuts 6 moved -- -i "$FROM" "$MOVED"
	test_case "killed, whole" resumes kills 8 one -- "$ONE"
	test_case "killed, difference" resumes kills 6 two -- -i "$ONE" "$TWO"
	test_case "killed, moved" resumes kills 5 moved -- -i "$FROM" "$MOVED"
	test_case "killed, chain" resumes kills 6 three -- -I "$ONE" "$THREE"
	test_case "second reader" second_reader
	test_case "second reader, moved" second_reader_moved
	test_case "options" options
	test_case "sent from anywhere" sent_from_anywhere
	test_case "within a block" within_a_block
	test_case "torn behind the offset" torn two "$ONE" "$TWO"
	test_case "torn behind the offset, moved" \
		torn moved "$FROM" "$MOVED"
	test_case "tokens" tokens
	test_case "busy" busy
	test_case "refused" refused
	test_case "gone" gone
	test_case "sweeps" sweeps
	test_case "changed since" changed_since
	test_case "changed since a kill" changed_since_kill
	test_case "unchanged" unchanged
	test_case "one of each" one_of_each
	test_case "two of one snapshot" two_of_one
	if command -v strace >/dev/null; then
		test_case "reads no further" reads_no_further
	else
		skip_case "reads no further" "no strace"
	fi
	loss_of_power
}

# Where the base is copied.
on_other_fs() {
	make_fs "$1" A 4G
	test_case "cut anywhere, base copied" \
		resumes cuts 4 two -- -i "$ONE" "$TWO"
	test_case "cut anywhere, base copied, moved" \
		resumes cuts 2 moved -- -i "$FROM" "$MOVED"
	test_case "torn, base copied" torn two "$ONE" "$TWO"
	loss_of_power
}

lib_kind_usable xfs || skip_all "no mkfs for xfs"
test_case "snapshots and streams" make_snapshots
test_case "snapshots and streams, moved" make_moved
for_each_fs on_fs xfs btrfs
for_each_fs on_other_fs ext4
finish
