# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: BSD-2-Clause
#
# extents.sh - what scripts/bench measures on planning: the time against the
# calls of the kernel alone, for pairs with more and more extents, and memory.
#
# To be sourced after fs.sh.

PLAN_SIZES="10000 100000 1000000"

# Every other block was written since the one was a clone of the other, so each
# is an extent.
plan_of()
{
	local extents=$1 old=source/old$1 new=source/new$1 records

	progress "$key: $extents extents"
	prepare make.py mix "$old" $((extents / 256)) 1
	prepare cp --reflink=always "$old" "$new"
	# Otherwise XFS reserves 128 KiB for each write, and gives it back late.
	prepare xfs_io -c 'cowextsize 4096' "$new"
	prepare make.py alternate "$new"
	chmod 444 "$old" "$new"
	remount source
	records=$(mapcalls "$old" "$new")
	value base records "${records% *}"
	value snapshot records "${records#* }"
	in_turn "$runs" \
	    refdiff "refdiff --map-only --summary $old $new >/dev/null || [ \$? = 1 ]" \
	    reference "mapcalls $old $new >/dev/null"
	rm -f "$old" "$new"
}

workload_extents()
{
	local extents

	key=plan
	[ "$quick" = no ] || PLAN_SIZES="10000 100000"
	need_room 9000 || return 0
	make_fs xfs source 32G
	for extents in $PLAN_SIZES; do
		key=plan-$extents
		plan_of "$extents"
	done
	drop_all
}
