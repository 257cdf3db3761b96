# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# machine.sh - emulated machines that have OCFS2, for tests/ocfs2/guest and
# tests/ocfs2/cluster, which source it.
#
# A machine is a kernel of Debian, an initramfs made of busybox and
# tests/ocfs2/init, and this machine's root, read-only by 9p.

: "${name:?}"
machine_here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
machine_cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/refsend/ocfs2
machine_memory=2048
machine_seconds=3600
machine_size=4G
machine_work=
machine_processes=()

die() {
	echo "$name: $*" >&2
	exit 1
}

# Nothing is tested here, because; 77 is what automake takes for that.
skip() {
	echo "1..0 # SKIP $*"
	exit 77
}

machine_help() {
	cat <<-'END_HELP'

	Its standard output and error come out here; its working directory and
	$PATH are those of the caller. In it, this machine's root is read-only,
	/mnt/ocfs2 is a new OCFS2, the rest of /mnt is memory, $TMPDIR is
	/mnt/tmp, and there are loop devices. It is emulated: expect a tenth of
	the usual speed.

	  --size SIZE     of the OCFS2 (4G)
	  --memory MIB    of each machine (2048)
	  --seconds N     stop after that long (3600)
	  --clusters N    bytes of a cluster of the OCFS2 (by its size)
	  --console FILE  keep what the kernel says
	  --help          this text

	The kernel is taken from Debian by apt-get download, once, into
	$XDG_CACHE_HOME/refsend/ocfs2 (~/.cache). Needs qemu-system-x86,
	busybox-static, cpio, kmod and ocfs2-tools. The exit code is that of the
	command; 1 too if the kernel reports a bug of its own, or dies; 77, and a
	line that says why, if something is missing here.
	END_HELP
}

# Reads options; the rest is in machine_command.
machine_options() {
	machine_console=
	machine_mkfs=()
	while [ $# -gt 0 ]; do
		case $1 in
		--help)
			machine_usage
			machine_help
			exit 0
			;;
		--size | --memory | --seconds | --clusters | --console)
			[ $# -ge 2 ] || die "$1 needs a value"
			case $1 in
			--size) machine_size=$2 ;;
			--memory) machine_memory=$2 ;;
			--seconds) machine_seconds=$2 ;;
			--clusters) machine_mkfs+=(-C "$2") ;;
			--console) machine_console=$(realpath "$2") ;;
			esac
			shift 2
			;;
		--)
			shift
			break
			;;
		-*) die "there is no option $1; try --help" ;;
		*) break ;;
		esac
	done
	[ $# -gt 0 ] || die "which command? Try --help"
	machine_command=("$@")
}

machine_need() {
	local program

	PATH=$PATH:/usr/sbin:/sbin
	[ "$(uname -m)" = x86_64 ] || skip "only x86_64 is emulated"
	for program in qemu-system-x86_64:qemu-system-x86 \
	    busybox:busybox-static cpio:cpio depmod:kmod \
	    mkfs.ocfs2:ocfs2-tools dpkg-deb:dpkg; do
		command -v "${program%:*}" >/dev/null ||
			skip "${program%:*} is missing: apt-get install" \
				"${program#*:}"
	done
}

# A private directory, removed at the end with all processes of ours.
machine_start() {
	machine_work=$(mktemp -d "${TMPDIR:-/var/tmp}/refsend-ocfs2.XXXXXX") ||
		exit 1
	trap machine_end EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

machine_end() {
	trap '' HUP INT TERM
	[ ${#machine_processes[@]} -gt 0 ] &&
		kill "${machine_processes[@]}" 2>/dev/null
	wait
	rm -rf "$machine_work"
}

# The kernel, unpacked once; it appears in the cache when it is whole.
machine_fetch_kernel() {
	local package unpacked=$machine_work/kernel

	machine_kernel=$machine_cache/kernel
	[ -d "$machine_kernel" ] && return
	package=$(apt-cache depends linux-image-amd64 |
		sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' |
		head -n 1)
	[ -n "$package" ] ||
		skip "apt knows no kernel: apt-get update, and try again"
	mkdir -p "$machine_cache" "$machine_work/package"
	(cd "$machine_work/package" &&
		apt-get -q -o APT::Sandbox::User=root download "$package") \
		>"$machine_work/log" 2>&1 ||
		skip "cannot fetch $package: $(tail -n 1 "$machine_work/log")"
	dpkg-deb -x "$machine_work"/package/*.deb "$unpacked"
	depmod -b "$unpacked" "$(ls "$unpacked/lib/modules")"
	rm -rf "$machine_cache/new"
	mv "$unpacked" "$machine_cache/new"
	mv -T "$machine_cache/new" "$machine_kernel"
}

# The modules that it takes to reach the root, each after those that it needs.
machine_module_files() {
	local version module

	version=$(ls "$machine_kernel/lib/modules")
	for module in virtio_pci 9pnet_virtio 9p; do
		modprobe -d "$machine_kernel" -S "$version" --show-depends \
			"$module" || die "the kernel has no module $module"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}

# The initramfs, with the command in it.
machine_initramfs() {
	local root=$machine_work/root file

	mkdir -p "$root/bin" "$root/modules"
	cp "$(command -v busybox)" "$root/bin/busybox"
	cp "$machine_here/init" "$root/init"
	chmod 755 "$root/init"
	machine_module_files | while read -r file; do
		cp "$file" "$root/modules/"
		echo "${file##*/}" >>"$root/modules/order"
	done
	echo "$machine_kernel" >"$root/kernel"
	{
		printf 'export PATH=%q TMPDIR=/mnt/tmp HOME=/mnt/tmp\n' "$PATH"
		printf 'export LC_ALL=C\ncd %q\n' "$PWD"
		printf '%q ' "${machine_command[@]}"
		echo
	} >"$root/command"
	(cd "$root" && find . | cpio -o -H newc 2>/dev/null) |
		gzip -1 >"$machine_work/initramfs.gz"
}

# The disk: machine_disk OPTION OF MKFS...
machine_disk() {
	truncate -s "$machine_size" "$machine_work/disk" ||
		die "--size $machine_size?"
	mkfs.ocfs2 -q -F -N 2 "$@" "${machine_mkfs[@]}" \
		--fs-features="refcount,xattr,sparse,unwritten,inline-data" \
		"$machine_work/disk" >"$machine_work/log" 2>&1 ||
		die "mkfs.ocfs2: $(tail -n 3 "$machine_work/log")"
}

# Boot node N in the background, with more options of qemu; each line of its
# output comes out with a prefix: machine_boot N PREFIX OPTION...
machine_boot() {
	local node=$1 prefix=$2 work=$machine_work
	local disk=format=raw,if=virtio,cache=unsafe,file.locking=off
	local root=mount_tag=host,security_model=none,readonly=on

	root=$root,multidevs=remap
	shift 2
	mkfifo "$work/output.$node"
	sed -u "s/^/$prefix/" <"$work/output.$node" &
	machine_processes+=($!)
	timeout --kill-after=10 "$machine_seconds" qemu-system-x86_64 \
		-accel tcg,thread=multi -m "$machine_memory" -no-reboot \
		-display none -monitor none -nodefaults \
		-kernel "$machine_kernel"/boot/vmlinuz-* \
		-initrd "$work/initramfs.gz" -append "console=ttyS0 loglevel=5 \
		panic=-1 mitigations=off nowatchdog \
		rcupdate.rcu_cpu_stall_suppress=1 node=$node" \
		-drive "file=$work/disk,$disk" -virtfs "local,path=/,$root" \
		-serial "file:$work/console.$node" -device virtio-serial-pci \
		-chardev "file,id=output,path=$work/output.$node,append=on" \
		-chardev "file,id=status,path=$work/status.$node" \
		-device virtserialport,chardev=output,name=output \
		-device virtserialport,chardev=status,name=status \
		"$@" </dev/null >"$work/qemu.$node" 2>&1 &
	machine_processes+=($!)
}

# After node N ended: returns what its command returned, or tells why not.
machine_result() {
	local node=$1 code console=$machine_work/console.$1
	local bug='kernel BUG|BUG:|Oops|WARNING: CPU|Kernel panic|cannot load'

	# What it takes for a damage, some of which it made itself.
	bug="$bug|OCFS2: ERROR"

	if [ -n "$machine_console" ]; then
		cat "$console" >>"$machine_console"
	fi
	if grep -Eq "$bug" "$console"; then
		grep -E -A 20 "$bug" "$console" | head -n 60 >&2
		echo "$name: the kernel of node $node complains" >&2
		return 1
	fi
	read -r code <"$machine_work/status.$node" && return "$code"
	tail -n 5 "$machine_work/qemu.$node" "$console" >&2
	echo "$name: node $node did not end by itself" >&2
	return 1
}
