# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: BSD-2-Clause
#
# sizes.sh - what scripts/bench measures on files that grow while the change
# stays the same: sparse files with the same amount of data, evenly spread.
#
# To be sourced after fs.sh.

SIZES="8 64 256 1024"			# GiB
SIZES_DATA=512 SIZES_CHANGES=1600	# MiB, and changes of 40 KiB

workload_sizes()
{
	local size base new commands=()

	key=sizes
	[ "$quick" = no ] || SIZES="8 64 1024"
	need_room 4000 || return 0
	make_fs xfs source 4T -l size=128m
	for size in $SIZES; do
		progress "$key: a sparse file of $size GiB"
		prepare make.py spread "source/$size" "$size" "$SIZES_DATA" 1
		prepare refsnap create "source/$size" before
		prepare make.py touch "source/$size" "$SIZES_DATA" \
		    "$SIZES_CHANGES" 2
		prepare refsnap create "source/$size" after
		base=source/.snapshot/$size.before
		new=source/.snapshot/$size.after
		commands+=("$size" "refsend -i $base $new >/dev/null")
	done
	in_turn "$runs" "${commands[@]}"
	drop_all
}
