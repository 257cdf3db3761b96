# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: BSD-2-Clause
#
# sync.sh - what scripts/bench measures of refsync: a whole file over ssh, synced
# at the far end, beside the pipe that people type.
#
# To be sourced after fs.sh.

SYNC_MIB=2048

# Nothing of it is there, and nothing is held here.
fresh_sync()
{
	fresh target
	rm -f "source/.snapshot/.refsend/holds/"*
}

check_sync()
{
	case $checked in *" $1 "*) return ;; esac
	checked="$checked $1 "
	case $1 in
	refsync) prepare cmp source/file target/.snapshot/file.one ;;
	pipe) prepare cmp source/file target/file ;;
	esac
}

workload_sync()
{
	key=sync-full
	if [ ! -e sshd.pid ]; then
		skip "no sshd"
		return
	fi
	[ "$quick" = no ] || SYNC_MIB=400
	need_room $((SYNC_MIB * 3 + 500)) || return 0
	progress "$key: a file of $SYNC_MIB MiB"
	make_fs xfs source 16G
	list_files $((SYNC_MIB + 100)) >files.list
	{ tar -C / -c -T files.list 2>>log || true; } |
	    head -c $((SYNC_MIB * 1048576)) >source/file
	prepare refsnap create source/file one
	make_fs xfs target 16G
	keep_template target
	before=fresh_sync after=check_sync checked=
	in_turn "$runs" \
	    refsync "refsync --ssh-config ssh_config source/.snapshot/file.one replica-host:$work/target" \
	    pipe "cat source/file | zstd -1 -q | ssh -F ssh_config replica-host 'zstd -d -q >$work/target/file; sync $work/target/file'"
	drop_all
}
