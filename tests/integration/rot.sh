# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: BSD-2-Clause
#
# rot.sh - damage on disk, of which the file system knows nothing; sourced after
# lib.sh.

# damage NAME FILE OFFSET: another byte in the block there of a file below $NAME
# (see make_fs), whose like is nowhere else on that file system.
damage() {
	local top=${!1} image=$WORK/$1.img

	dd if="$top/$2" of="$WORK/block" bs=4096 skip=$(($3 / 4096)) count=1 \
		status=none
	sync -f "$top"
	umount "$top"
	run_ok "$PYTHON" -c '
import mmap, os, sys
image = os.open(sys.argv[1], os.O_RDWR)
block = open(sys.argv[2], "rb").read()
disk = mmap.mmap(image, 0)
at = disk.find(block)
assert at >= 0 and disk.find(block, at + 1) < 0, "not there, or twice"
disk[at + 100] ^= 4
disk.flush()' "$image" "$WORK/block"
	mount -o loop,noatime "$image" "$top" || lib_bail "cannot mount $top"
}
