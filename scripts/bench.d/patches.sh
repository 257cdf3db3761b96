# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: BSD-2-Clause
#
# patches.sh - what scripts/bench measures on receiving many small patches:
# the time, and the space that they take.
#
# To be sourced after fs.sh.

PATCHED_MIB=4096 PATCHES=100000

used_bytes()
{
	sync -f target
	df --output=used -B1 target | tail -n 1
}

fresh_target()
{
	fresh target full
	used=$(used_bytes)
}

note_space()
{
	value "$1" space_bytes $(($(used_bytes) - used))
}

workload_patches()
{
	key=patches
	if [ "$quick" = yes ]; then
		PATCHED_MIB=512 PATCHES=12500
	fi
	need_room $((PATCHED_MIB * 5 + 1000)) || return 0
	progress "$key: $PATCHES random blocks in a file of $PATCHED_MIB MiB"
	make_fs xfs source 32G
	prepare make.py mix source/old "$PATCHED_MIB" 1
	prepare cp --reflink=always source/old source/new
	prepare make.py scatter source/new "$PATCHES" 2
	chmod 444 source/old source/new
	refdiff source/old source/new >changes.list || [ $? = 1 ]
	ranges read source/new changes.list >patches.data
	refsend -i source/old source/new >patches.stream
	value patches bytes "$(stat -c %s patches.data)"
	value patches ranges "$(wc -l <changes.list)"
	make_fs xfs target $((PATCHED_MIB * 3 / 2 + 900))M
	prepare bash -o pipefail -c \
	    "refsend --compress=none source/old | refrecv target"
	keep_template target
	drop source
	before=fresh_target after=note_space
	in_turn "$runs" \
	    refrecv "refrecv target <patches.stream" \
	    reference "ranges receive target/old target/other patches.data changes.list"
	drop_all
	rm -f patches.data patches.stream
}
