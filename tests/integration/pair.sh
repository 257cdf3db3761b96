# SPDX-License-Identifier: BSD-2-Clause
#
# pair.sh - two files on file system $A, compared and sent: for tests of maps;
# sourced after lib.sh.

# Compare and send two files; they are in the state that matters only once, so
# what comes first finds them as they are.
check_pair() {
	diff_is_true "$1" "$2"
	diff_is_true "$2" "$1"
	diff_is_true "$1" "$2" as_user refdiff
	diff_is_true "$2" "$1" as_user refdiff
	check_chain "$1" "$2"
}

# check_chain BASE SNAP: a full and an incremental stream make the same files.
check_chain() {
	send_full "$1"
	send_change "$1" "$2"
}

send_full() {
	rm -rf "$A/replica"
	send_and_receive "$A/replica" "$1"
	expect same "$1" "$A/replica/$(basename "$1")"
}

send_change() {
	send_and_receive "$A/replica" -i "$1" "$2"
	expect same "$2" "$A/replica/$(basename "$2")"
}

# OCFS2 forgets the times of some writes: refsend wants files without write
# permission there.  Root writes all the same.
read_only() {
	if [ "$FS" = ocfs2 ]; then
		chmod a-w "$1"
	fi
}

# $A/base of 64 blocks and $A/snap, a reflink of it, both on disk.
two_files() {
	rm -f "$A/base" "$A/snap" "$A/other"
	random_file "$A/base" "${1:-262144}" 1
	read_only "$A/base"
	sync "$A/base"
	reflink "$A/base" "$A/snap"
	sync "$A/snap"
}
