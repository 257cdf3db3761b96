#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 48-alike.sh - new bytes that resemble what the base has elsewhere among what
# changed: they are compressed against it.

. "$(dirname "$0")/lib.sh"
. "$HERE/stream.sh"

MIB=1048576

start() {
	rm -rf "$A/.snapshot" "$B/.snapshot" "$A/file"
	forget_reader
	random_file "$A/file" "$1" 1
	run_ok refsnap create --reflink=auto "$A/file" one
	carry "$B" -- "$A/.snapshot/file.one"
}

# copy_within FROM LENGTH TO: write, not clone, bytes of the base.
copy_within() {
	"$PYTHON" -B - "$A/.snapshot/file.one" "$A/file" "$@" <<-'END'
		import os, sys
		old, new = os.open(sys.argv[1], os.O_RDONLY), os.open(
		    sys.argv[2], os.O_WRONLY)
		start, length, to = map(int, sys.argv[3:])
		while length > 0:
		    data = os.pread(old, min(length, 1 << 20), start)
		    assert os.pwrite(new, data, to) == len(data) > 0
		    start, to, length = (start + len(data), to + len(data),
		                         length - len(data))
	END
}

# sent LIMIT [OPTION OF REFSEND]...: the stream of the change has at most LIMIT
# bytes, and what comes of it is the snapshot.
sent() {
	run_ok refsnap create --reflink=auto "$A/file" two
	carry "$B" -- -i "$A/.snapshot/file.one" "$A/.snapshot/file.two" "${@:2}"
	check_replica "$A/.snapshot/file.two" "$B/.snapshot/file.two"
	note "$(json_value "$WORK/sent.json" 'o["stream_bytes"]') bytes"
	expect [ "$(json_value "$WORK/sent.json" 'o["stream_bytes"]')" -le "$1" ]
}

# Two files in an image change places, one of them at another distance.
swapped() {
	start $((32 * MIB))
	copy_within $((2 * MIB)) $((3 * MIB)) $((20 * MIB + 777))
	copy_within $((20 * MIB)) $((3 * MIB)) $((2 * MIB))
	sent 300000
	start $((32 * MIB))
	copy_within $((2 * MIB)) $((3 * MIB)) $((20 * MIB + 777))
	copy_within $((20 * MIB)) $((3 * MIB)) $((2 * MIB))
	sent 300000 -T 1 --compress=zstd:1
}

# Into what was a hole, from where other bytes come now.
from_hole() {
	start $((16 * MIB))
	truncate -s $((40 * MIB)) "$A/file"
	copy_within $MIB $((2 * MIB)) $((33 * MIB + 10))
	random_patch "$A/file" $MIB $((2 * MIB)) 5
	sent $((2 * MIB + 200000))
}

# In part from there, in part changed in place.
both() {
	start $((16 * MIB))
	copy_within $((8 * MIB)) 262144 $((2 * MIB))
	random_patch "$A/file" $((8 * MIB)) 1000 5
	random_patch "$A/file" $((8 * MIB + 262144 - 1000)) 1000 6
	copy_within $((8 * MIB + 300)) 131072 $((8 * MIB + 262144))
	sent 60000
}

# Wherever in its pages a file changes, what stays the same is seen.
heads_of_pages() {
	start $((16 * MIB))
	"$PYTHON" -B - "$A/file" <<-'END'
		import os, random, sys
		fd = os.open(sys.argv[1], os.O_RDWR)
		random.seed(7)
		for page in range(0, 16 << 20, 4096):
		    os.pwrite(fd, random.randbytes(1024), page)
		    for sector in range(page + 1024, page + 4096, 512):
		        os.pwrite(fd, random.randbytes(64), sector)
	END
	sent $((7 * MIB))
}

# What a database writes: an image of each page that it changes, one behind the
# other in its log.  The pages lie far behind the log, and what is between them
# was written anew but is the same.
log_of_pages() {
	start $((128 * MIB))
	"$PYTHON" -B - "$A/file" <<-'END'
		import os, random, sys
		fd = os.open(sys.argv[1], os.O_RDWR)
		random.seed(5)
		MIB = 1 << 20
		log = MIB
		for at in range(10 * MIB, 74 * MIB, MIB):
		    os.pwrite(fd, os.pread(fd, MIB, at), at)
		pages = [76 * MIB + i * 6 * 8192 for i in range(1000)]
		for page in random.sample(pages, len(pages)):
		    old = os.pread(fd, 8192, page)
		    log += os.pwrite(fd, random.randbytes(24) + old, log)
		    os.pwrite(fd, random.randbytes(20), page + 4000)
		assert log < 10 * MIB
	END
	sent 500000
}

# Nothing raw has a prefix, and other bytes are no shorter for it.
nothing_alike() {
	start $((8 * MIB))
	dd if=/dev/urandom of="$A/file" bs=$MIB seek=1 count=2 conv=notrunc \
		status=none
	sent $((2 * MIB + 10000))
	expect [ "$(json_value "$WORK/sent.json" 'o["stream_bytes"]')" -ge \
		$((2 * MIB)) ]
	start $((8 * MIB))
	copy_within $MIB $MIB $((4 * MIB))
	random_patch "$A/file" $MIB $MIB 5
	sent $((2 * MIB + 10000)) --compress=none
	expect [ "$(json_value "$WORK/sent.json" 'o["stream_bytes"]')" -ge \
		$((2 * MIB)) ]
}

on_fs() {
	make_fs "$1" A
	make_fs "$1" B
	test_case "two files change places" swapped
	test_case "into a hole" from_hole
	test_case "from there and from here" both
	test_case "heads of pages and sectors" heads_of_pages
	test_case "a log of pages" log_of_pages
	test_case "nothing alike, and --compress=none" nothing_alike
}

for_each_fs on_fs
finish
