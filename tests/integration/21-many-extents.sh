#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# 21-many-extents.sh - the memory of refdiff does not grow with the number of
# extents.
. "$(dirname "$0")/lib.sh"

# A sanitizer must not keep what was freed.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=0

# The peak of a refdiff of a file with $1 extents and its snapshot, of which
# three blocks changed: sets $MEMORY, in KiB.
measure() {
	local i

	rm -rf "$A/live" "$A/.snapshot"
	"$PYTHON" - "$A/live" "$1" <<-'END'
	import os, sys
	fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
	# The size first: XFS preallocates for a file that grows.
	os.ftruncate(fd, int(sys.argv[2]) * 8192)
	for i in range(int(sys.argv[2])):
	    os.pwrite(fd, b"%4096d" % i, i * 8192)
	os.fsync(fd)
	END
	expect [ "$("$PYTHON" "$FILETOOL" map "$A/live" sync | wc -l)" -ge "$1" ]
	take "$A/live" one
	for i in 1 $(($1 / 2)) $(($1 - 1)); do
		random_patch "$A/live" $((i * 8192)) 4096 "$i"
	done
	run_ok "$PYTHON" - "$SNAP" "$A/live" <<-'END'
	import resource, subprocess, sys
	done = subprocess.run(["refdiff", sys.argv[1], sys.argv[2]],
	                      stdout=subprocess.PIPE)
	assert done.returncode == 1, done.returncode
	assert done.stdout.count(b"\n") == 3, done.stdout[:1000]
	print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
	END
	MEMORY=$(cat "$OUT")
}

memory_is_flat() {
	local few

	measure 1000
	few=$MEMORY
	measure 200000
	note "$few KiB with 1,000 extents, $MEMORY KiB with 200,000"
	expect [ "$MEMORY" -le $((few + 4096)) ]
}

on_fs() {
	make_fs "$1" A 8G
	test_case "memory with 200,000 extents" memory_is_flat
}

for_each_fs on_fs xfs btrfs
finish
