# SPDX-License-Identifier: BSD-2-Clause
#
# work.sh - what worktool.py works on, and runs of crashtool.py; sourced after
# lib.sh by the tests that interrupt work.
#
# Knobs: CRASHES or KILLS, the script's own, is how often disaster comes (0: a
# few times, for make check); SEED makes the random choices the same again.

CRASHTOOL=$HERE/crashtool.py
PLACE=$WORK/place
STREAMS=$WORK/streams
SEED=${SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}

# Twelve snapshots of one file, to be sent: blocks change, the file shrinks and
# grows and gets a hole.
make_source() {
	local i file

	make_fs xfs S
	file=$S/file
	random_file "$file" 1500000 1
	chmod 640 "$file"
	setfattr -n user.colour -v blue "$file"
	run_ok refsnap create "$file" 01
	for i in 02 03 04 05 06 07 08 09 10 11 12; do
		random_patch "$file" $((10#$i * 70000)) 300000 "$i"
		case $i in
		05) truncate -s 900000 "$file" ;;
		07) truncate -s 1700000 "$file" ;;
		09) fallocate -p -o 100000 -l 300000 "$file" ;;
		esac
		run_ok refsnap create "$file" "$i"
	done
	mkdir "$STREAMS"
}

# place_on KIND IMAGE: a new file system, mounted on $PLACE.
place_on() {
	if mountpoint -q "$PLACE"; then
		umount "$PLACE" || umount -l "$PLACE"
	fi
	rm -f "$2"*
	mkdir -p "$PLACE"
	truncate -s 1G "$2"
	case $1 in
	xfs) mkfs.xfs -q -m reflink=1,rmapbt=1 "$2" ;;
	btrfs) mkfs.btrfs -q "$2" ;;
	ext4) mkfs.ext4 -q "$2" ;;
	esac >"$WORK/mkfs" 2>&1 || lib_bail "mkfs for $1 failed"
	mount -o loop,noatime "$2" "$PLACE" || lib_bail "cannot mount $1"
	test_mounts+=("$PLACE")
}

# disaster HOW MOMENT WORK COUNT [IMAGE]: see crashtool.py.
disaster() {
	expect "$PYTHON" -B "$CRASHTOOL" "$1" "$2" "$3" "$4" "$SEED" "$PLACE" \
		"$STREAMS" "$S" "${@:5}"
	note "$(tail -n 1 "$WORK/expect")"
}
