# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: BSD-2-Clause
#
# fs.sh - the file systems of scripts/bench: each on an image NAME.fs in the
# directory of the run and mounted on NAME there; templates of them, so that
# each receive has one that nobody has written to; and the end of all that.
#
# To be sourced after measure.sh.

# Mount NAME.fs on NAME, past the page cache of the file system that holds the
# image.  The loop device goes with the mount.
attach()
{
	local device

	mkdir -p "$1"
	device=$(losetup --direct-io=on -f --show "$1.fs" 2>>log) ||
	    device=$(losetup -f --show "$1.fs") || fail "no loop device"
	if ! mount -o noatime "$device" "$1" 2>>log; then
		losetup -d "$device"
		fail "cannot mount $1.fs"
	fi
	losetup -d "$device"
}

# Unmount NAME, and wait until its loop device has let go.
detach()
{
	local name=$1

	if mountpoint -q "$name"; then
		umount "$name" 2>>log || { sleep 2; umount "$name"; } ||
		    return 1
	fi
	for _ in {1..100}; do
		[ -n "$(losetup -n -j "$name.fs")" ] || return 0
		sleep 0.1
	done
	return 1
}

# Unmount and mount, so that nothing of what was done waits to be finished.
remount()
{
	detach "$1" || fail "cannot unmount $1"
	attach "$1"
}

# make_fs KIND NAME SIZE [OPTION OF MKFS]...: a new one, mounted.
make_fs()
{
	local kind=$1 name=$2 size=$3

	drop "$name"
	truncate -s "$size" "$name.fs"
	case $kind in
	xfs) prepare mkfs.xfs -q -m reflink=1 "${@:4}" "$name.fs" ;;
	btrfs) prepare mkfs.btrfs -q "${@:4}" "$name.fs" ;;
	esac
	attach "$name"
}

# Unmount and forget.
drop()
{
	local name

	for name; do
		detach "$name" || fail "cannot unmount $name"
		rm -f "$name.fs"
	done
}

# NAME as it is now becomes a template.
keep_template()
{
	detach "$1" || fail "cannot unmount $1"
	mv "$1.fs" "$1.template"
}

# NAME becomes what its template is: a file system fresh from it.  With "full"
# its image has no holes, so that small writes do not measure how the file
# system that holds the image finds room.
fresh()
{
	local sparse=always

	[ "${2:-}" != full ] || sparse=never
	drop "$1"
	prepare cp --sparse="$sparse" "$1.template" "$1.fs"
	attach "$1"
}

# A disk image: FILE, loop mounted on "image", and let go again.
mount_image()
{
	mkdir -p image
	prepare mount -o loop,noatime "$1" image
}

unmount_image()
{
	prepare umount image
	for _ in {1..100}; do
		[ -n "$(losetup -n -j "$1")" ] || return 0
		sleep 0.1
	done
	fail "$1 stays mounted in another mount name space"
}

# So many MiB must be free where this runs, or the workload is left out.
need_room()
{
	local free

	free=$(df --output=avail -BM . | tail -n 1 | tr -dc 0-9)
	[ "$free" -ge "$1" ] && return
	skip "$free MiB are free and $1 MiB are needed; set TMPDIR"
	return 1
}

# Each file system of this run, and its images, away.
drop_all()
{
	local name

	mountpoint -q image && unmount_image image.fs
	for name in *.fs; do
		[ ! -e "$name" ] || drop "${name%.fs}"
	done
	rm -f -- *.template *.list
}

# Undo whatever a run did in a directory, however far it came.
clean_up()
{
	local dir=$1 pid mount

	cd /
	pid=$(cat "$dir/sshd.pid" 2>/dev/null) || pid=
	if [ -n "$pid" ] &&
	    grep -qF "$dir/sshd_config" "/proc/$pid/cmdline" 2>/dev/null; then
		kill "$pid" || true
	fi
	# What was just killed may need a moment to let go.
	for _ in 1 2 3; do
		while IFS= read -r mount; do
			umount "$mount" 2>/dev/null || true
		done < <(awk -v dir="$dir/" 'index($5, dir) == 1 {
		    print $5 }' /proc/self/mountinfo | tac)
		grep -qF " $dir/" /proc/self/mountinfo || break
		sleep 2
	done
	if grep -qF " $dir/" /proc/self/mountinfo; then
		return 1
	fi
	if [ -e "$dir/made-run-sshd" ]; then
		rmdir /run/sshd 2>/dev/null || true
	fi
	if [ "$keep" = no ]; then
		rm -rf --one-file-system "$dir"
	fi
}
