# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: BSD-2-Clause
#
# pair.sh - scripts/bench FILE BASE: the user's own pair.  Reflinks of both are
# measured, so that the files get no seal; they lie beside FILE meanwhile.
#
# To be sourced after measure.sh.

pair_row()
{
	printf '%-34s %10s %16s\n' "$@"
}

# pair_run NAME ROUNDS COMMAND: median seconds, and bytes that it writes.
pair_run()
{
	local name=$1 rounds=$2 times="" bytes
	local run="cd $pair_dir && { $3; } >$work/size"

	for ((; rounds > 0; rounds--)); do
		rm -f "$pair_dir/copy"
		[[ $3 != *copy* ]] ||
		    cp --reflink=always "$pair_dir/base" "$pair_dir/copy"
		settle
		if ! "$tools/timed" cost bash -o pipefail -c "$run" \
		    </dev/null 2>>log; then
			pair_row "$name" failed ""
			return
		fi
		times+=$(cut -d ' ' -f 1 cost)$'\n'
	done
	bytes=$(cat size)
	pair_row "$name" "$(sort -n <<<"${times%$'\n'}" | awk '
	    { a[NR] = $1 } END { printf "%.2f", a[int((NR + 1) / 2)] }')" \
	    "$bytes"
}

# Fails, with a word on stderr, if the two cannot be compared like this.
make_pair()
{
	pair_dir=$(mktemp -d "$(dirname "$1")/.refsend-bench.XXXXXX") ||
	    die "cannot write beside $1"
	cp --reflink=always "$1" "$pair_dir/new" 2>>log &&
	    cp --reflink=always "$2" "$pair_dir/base" 2>>log ||
	    die "$1 and $2 must lie on one file system with reflink"
	chmod 400 "$pair_dir/new" "$pair_dir/base"
	sync -f "$pair_dir"
}

pair()
{
	local size

	make_pair "$1" "$2"
	size=$(stat -c %s "$pair_dir/new")
	echo
	refdiff --summary "$pair_dir/base" "$pair_dir/new" || [ $? = 1 ]
	echo
	pair_row "" seconds "bytes sent"
	pair_run "refsend -i" "$runs" "refsend -i base new | wc -c"
	have rsync && pair_run "rsync --inplace" 1 "rsync --inplace \
--no-whole-file --stats new copy | tr -d , | awk '/^Total bytes/ { n += \$4 } \
END { print n }'"
	if [ "$size" -ge 2000000000 ]; then
		pair_row "zstd -1 --patch-from" "" "not above 2 GB"
	elif have zstd; then
		pair_run "zstd -1 --patch-from" 1 \
		    "zstd -1 -q --patch-from=base -c new | wc -c"
	fi
	have xdelta3 && pair_run "xdelta3 -1" 1 \
	    "xdelta3 -e -q -1 -c -s base new | wc -c"
	echo
	[ ! -e cannot-drop ] || caches=warm
	echo "(seconds with $caches caches, median of $runs for refsend, one" \
	    "run of the others)"
}
