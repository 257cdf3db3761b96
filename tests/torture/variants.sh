# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: BSD-2-Clause
#
# variants.sh - the file systems on which histories run; sourced after lib.sh.
#
# A variant is where the file and its snapshots lie, where the second replica
# lies (the first lies beside the file), and with what privileges: as "user" a
# process may not search the trees of btrfs and goes by FIEMAP.

TORTURE=$(dirname "$(command -v refsnap)")/tests/torture/torture
VARIANTS="xfs xfs-no-rmapbt xfs-1k btrfs btrfs-zstd btrfs-nodatacow btrfs-user
btrfs-zstd-user"

# make_variant NAME: make and mount its file systems; sets SOURCE, REPLICA and
# TORTURE_AS, a command to run torture with.
make_variant() {
	TORTURE_AS=()
	case $1 in
	xfs)
		make_fs xfs SOURCE 6G
		make_fs btrfs REPLICA 6G ;;
	xfs-no-rmapbt)
		make_fs xfs-no-rmapbt SOURCE 6G
		make_fs ext4 REPLICA 6G ;;
	xfs-1k)
		make_fs xfs SOURCE 6G -b size=1024
		make_fs xfs REPLICA 6G ;;
	btrfs | btrfs-user)
		make_fs btrfs SOURCE 6G
		make_fs ext4 REPLICA 6G ;;
	btrfs-zstd | btrfs-zstd-user)
		make_fs btrfs-zstd SOURCE 6G
		make_fs xfs REPLICA 6G ;;
	btrfs-nodatacow)
		make_fs btrfs-nodatacow SOURCE 6G
		make_fs xfs REPLICA 6G -b size=1024 ;;
	*) lib_bail "there is no variant $1" ;;
	esac
	case $1 in
	*-user) TORTURE_AS=(setpriv --bounding-set=-sys_admin
		--inh-caps=-sys_admin) ;;
	esac
}

# Can this machine make it?
variant_usable() {
	case $1 in
	xfs | btrfs*) command -v mkfs.xfs && command -v mkfs.btrfs ;;
	xfs-*) command -v mkfs.xfs ;;
	esac >/dev/null
}

# Without the right to search trees there is none to balance: do it for them.
balance_beside() {
	while sleep 0.2; do
		btrfs balance start -dlimit=1 "$SOURCE"
	done >/dev/null 2>&1
}

# torture ARGUMENT...: histories on the variant that was made last.
torture() {
	local code=0 balance=

	if [ ${#TORTURE_AS[@]} -gt 0 ]; then
		balance_beside &
		balance=$!
	fi
	"${TORTURE_AS[@]}" "$TORTURE" "$@" "$SOURCE" "$SOURCE" "$REPLICA" ||
		code=$?
	if [ -n "$balance" ]; then
		kill "$balance"
		wait "$balance"
		btrfs balance cancel "$SOURCE"
	fi 2>/dev/null
	return $code
}
