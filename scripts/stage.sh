# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: BSD-2-Clause
#
# stage.sh - the stage of scripts/demo: a directory with two file systems and
# an ssh connection, commands that are shown as they run, and the clean-up.
#
# To be sourced after lib.sh.  All state of a run lies in its directory, so
# that stage_clean_up() can undo a run of which only the directory is known.

work=			# the directory of this run
job=			# process group of the command that runs
seconds=		# what the last command took
cache=cold		# warm where the kernel does not let caches go
steps=0

# Undo whatever a run did in a directory, however far it came.
stage_clean_up()
{
	local dir=$1 pid mount

	cd /
	pid=$(cat "$dir/sshd.pid" 2>/dev/null) || pid=
	if [ -n "$pid" ] &&
	    grep -qF "$dir/sshd_config" "/proc/$pid/cmdline" 2>/dev/null; then
		kill "$pid" || true
	fi
	for mount in image source replica; do
		if ! mountpoint -q "$dir/$mount"; then
			continue
		fi
		# What was just killed may need a moment to let go.
		umount "$dir/$mount" 2>/dev/null || {
			sleep 2
			umount "$dir/$mount" || return 1
		}
	done
	if [ -e "$dir/made-run-sshd" ]; then
		rmdir /run/sshd 2>/dev/null || true
	fi
	rm -rf --one-file-system "$dir"
}

# To be called on exit, also after a signal.
stage_at_exit()
{
	local status=$?

	trap - EXIT
	trap '' INT TERM HUP
	if [ -n "$job" ]; then
		kill -TERM -- "-$job" 2>/dev/null || true
		wait "$job" 2>/dev/null || true
	fi
	if [ -z "$work" ]; then
		exit "$status"
	fi
	echo
	if [ "$keep" = yes ]; then
		echo "Everything is left in $work; to clean up:"
		echo "    $script --clean $work"
	elif stage_clean_up "$work"; then
		echo "(cleaned up: $work is gone)"
	else
		echo "$name: cannot clean up all of $work" >&2
		status=1
	fi
	exit "$status"
}

step()
{
	steps=$((steps + 1))
	echo
	echo "$steps. $*"
}

# Show a command and run it; what it prints lands in last.log, too.
run()
{
	local start=$EPOCHREALTIME status=0

	echo "   \$ $1"
	# In a process group of its own, so that an interrupt ends all of it.
	set -m
	bash -o pipefail -c "$1" </dev/null >last.log 2>&1 &
	job=$!
	set +m
	wait "$job" || status=$?
	job=
	seconds=$(awk -v a="$start" -v b="$EPOCHREALTIME" \
	    'BEGIN { printf "%.1f", b - a }')
	sed 's/^/     /' last.log
	if [ "$status" -ne 0 ]; then
		die "this command failed with exit code $status"
	fi
}

# Let caches go, so that whatever is timed starts alike; then run.
run_timed()
{
	sync
	{ echo 3 >/proc/sys/vm/drop_caches; } 2>/dev/null || cache=warm
	run "$1"
	echo "     ($seconds s)"
}

# Unmount the image, and be sure that all of it is in its file: whoever made a
# mount name space while it was mounted keeps it mounted there.
unmount_image()
{
	run "umount image"
	for _ in {1..100}; do
		if [ -z "$(losetup -n -j source/disk.img)" ]; then
			return 0
		fi
		sleep 0.1
	done
	die "source/disk.img stays mounted in another mount name space"
}

# The number behind a text in the last output, e.g. "bytes sent: 1,234".
number_after()
{
	local found

	found=$(sed -n "s/.*$1 *\([0-9][0-9,]*\).*/\1/p" last.log |
	    head -n 1 | tr -d ,)
	[ -n "$found" ] || die "the last output has no number after '$1'"
	echo "$found"
}

# Make the directory; $1 MiB must be free.
make_work()
{
	local base=${TMPDIR:-/var/tmp} free

	free=$(df --output=avail -BM "$base" | tail -n 1 | tr -dc 0-9)
	[ "$free" -ge "$1" ] || die "$base has $free MiB free and $1 MiB" \
	    "are needed: set TMPDIR to a roomier directory"
	if ! losetup -f >/dev/null 2>&1; then
		die "no loop devices here (as in many containers and" \
		    "chroots), and the demo mounts file systems from files"
	fi
	work=$(mktemp -d "$base/refsend-demo.XXXXXX")
	cd "$work" || exit 1
	mkdir source replica image
}

# Keys and configuration of both ends of the ssh connection.
make_ssh_config()
{
	local pam=no

	ssh-keygen -q -t ed25519 -N '' -C demo -f host_key
	ssh-keygen -q -t ed25519 -N '' -C demo -f user_key
	cp user_key.pub authorized_keys
	# Without PAM, sshd refuses root where root's password is locked.
	case $(getent shadow root | cut -d: -f2) in '!'*) pam=yes ;; esac
	# StrictModes would refuse any key below /tmp or /var/tmp.
	cat >sshd_config <<-END
		ListenAddress 127.0.0.1
		HostKey $work/host_key
		PidFile $work/sshd.pid
		AuthorizedKeysFile $work/authorized_keys
		AuthenticationMethods publickey
		PermitRootLogin prohibit-password
		AllowUsers root
		StrictModes no
		PermitUserRC no
		UsePAM $pam
	END
	# Where a command over ssh finds its programs.
	[ -z "${remote_path:-}" ] || echo "SetEnv PATH=$remote_path" >>sshd_config
	cat >ssh_config <<-END
		Host replica-host
		HostName 127.0.0.1
		User root
		IdentityFile $work/user_key
		IdentitiesOnly yes
		IdentityAgent none
		UserKnownHostsFile $work/known_hosts
		GlobalKnownHostsFile none
		StrictHostKeyChecking yes
		BatchMode yes
		LogLevel ERROR
	END
}

# Start sshd on a free port of loopback, and tell the client which.
start_sshd()
{
	local port pid

	make_ssh_config
	if [ ! -d /run/sshd ]; then
		touch made-run-sshd
		mkdir -m 755 /run/sshd
	fi
	for _ in 1 2 3 4 5 6 7 8; do
		port=$((20000 + RANDOM % 12000))
		/usr/sbin/sshd -D -p "$port" -f "$work/sshd_config" \
		    -E "$work/sshd.log" </dev/null >/dev/null 2>&1 &
		pid=$!
		for _ in {1..50}; do
			if [ -s sshd.pid ]; then
				echo "Port $port" >>ssh_config
				echo "[127.0.0.1]:$port $(cat host_key.pub)" \
				    >known_hosts
				return 0
			fi
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.1
		done
		kill "$pid" 2>/dev/null || true
	done
	cat sshd.log
	die "sshd does not start"
}
