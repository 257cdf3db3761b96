# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: BSD-2-Clause
#
# peers.sh - what scripts/bench measures beside tools that find changes by
# reading everything: a file in which 1 % was overwritten in random blocks.
# Those that take very long run once, and on a smaller file.
#
# To be sourced after fs.sh.

LARGE_MIB=10240 SMALL_MIB=1024

# pair_of MIB: the snapshots $old and $new.
pair_of()
{
	progress "$key: 1 % of random blocks in $1 MiB"
	prepare make.py mix source/file "$1" 1
	prepare refsnap create source/file before
	prepare make.py scatter source/file $(($1 * 256 / 100)) 2
	prepare refsnap create source/file after
	rm -f source/file
	old=source/.snapshot/file.before new=source/.snapshot/file.after
}

peer_refsend()
{
	in_turn "$runs" refsend "refsend -i $old $new >/dev/null"
	bytes_of refsend "refsend -i $old $new"
}

# Both ends on this machine, by the algorithm that it uses between machines.
peer_rsync()
{
	have rsync || { progress "$key: no rsync"; return; }
	prepare cp --reflink=always "$old" source/copy
	in_turn 1 rsync "rsync --inplace --no-whole-file --stats $new source/copy >rsync.stats"
	value rsync bytes "$(tr -d , <rsync.stats | awk '
	    /^Total bytes (sent|received):/ { sum += $4 } END { print sum }')"
	rm -f source/copy
}

# The second archive of a repository that has the first one.
peer_borg()
{
	have borg || { progress "$key: no borg"; return; }
	export BORG_BASE_DIR=$work/borg
	prepare borg init --encryption=none repository
	prepare borg create --compression zstd,1 repository::before "$old"
	in_turn 1 borg "borg create --json --compression zstd,1 repository::after $new >borg.json"
	value borg bytes "$(python3 -c 'import json, sys
print(json.load(sys.stdin)["archive"]["stats"]["deduplicated_size"])' \
	    <borg.json)"
	rm -rf repository borg
}

peer_casync()
{
	local size

	have casync || { progress "$key: no casync"; return; }
	prepare casync make --store=store.castr before.caibx "$old"
	size=$(du -sb store.castr | cut -f 1)
	in_turn 1 casync "casync make --store=store.castr after.caibx $new"
	value casync bytes $(($(du -sb store.castr | cut -f 1) - size +
	    $(stat -c %s after.caibx)))
	rm -rf store.castr before.caibx after.caibx
}

peer_xdelta3()
{
	have xdelta3 || { progress "$key: no xdelta3"; return; }
	in_turn 1 xdelta3 "xdelta3 -e -q -1 -c -s $old $new >delta"
	value xdelta3 bytes "$(stat -c %s delta)"
	rm -f delta
}

peer_zstd()
{
	local room

	room=$(awk '/^MemAvailable/ { printf "%d", $2 / 1024 }' /proc/meminfo)
	if [ "$room" -lt $((SMALL_MIB * 5)) ]; then
		progress "$key: zstd --patch-from wants more memory"
		return
	fi
	in_turn 1 zstd "zstd -1 -q --patch-from=$old -c $new >delta"
	value zstd bytes "$(stat -c %s delta)"
	rm -f delta
}

workload_peers()
{
	if [ "$quick" = yes ]; then
		LARGE_MIB=1024 SMALL_MIB=256
	fi
	key=random-large
	need_room $((LARGE_MIB * 2)) || return 0
	make_fs xfs source 64G
	pair_of "$LARGE_MIB"
	value file size_bytes $((LARGE_MIB * 1048576))
	peer_refsend
	peer_rsync
	peer_borg
	drop source
	key=random-small
	make_fs xfs source 16G
	pair_of "$SMALL_MIB"
	value file size_bytes $((SMALL_MIB * 1048576))
	peer_refsend
	peer_rsync
	peer_borg
	peer_casync
	peer_xdelta3
	peer_zstd
	drop_all
}
