# SPDX-License-Identifier: BSD-2-Clause
#
# sshd.sh - a real sshd on a free port of loopback, for tests; sourced after
# lib.sh.
#
#	sshd_start	starts it; sets SSHD (its directory) and SSHD_PORT; on
#			the next port it listens on 127.0.0.2
#	sshd_stop	ends it; the end of the script does so too, however it ends
#
# In $SSHD are host_key, user_key (which may log in), other_key (which may not),
# known_hosts, and ssh_config, in which the host "far" is this sshd.

SSHD=$WORK/sshd
SSHD_PORT=
SSHD_PID=
SSHD_MADE=	# did we make the directory, and the descriptor of it
SSHD_LOCK=

sshd_need() {
	[ -x /usr/sbin/sshd ] && command -v ssh ssh-keygen >/dev/null ||
		skip_all "there is no sshd"
}

# Lines of known_hosts are for the name [127.0.0.1]:$1.
sshd_known() {
	echo "[127.0.0.1]:$1 $(cut -d ' ' -f 1,2 "$SSHD/host_key.pub")"
}

# sshd_client PORT [LINE...]: the configuration of a client, to stdout.
sshd_client() {
	cat <<-END
		Host far
		HostName 127.0.0.1
		Port $1
		User root
		IdentityFile $SSHD/user_key
		IdentitiesOnly yes
		UserKnownHostsFile $SSHD/known_hosts
		GlobalKnownHostsFile /dev/null
		StrictHostKeyChecking yes
		BatchMode yes
		LogLevel ERROR
	END
	printf '%s\n' "${@:2}"
}

sshd_files() {
	local pam=no key

	mkdir -m 700 "$SSHD"
	for key in host_key new_key user_key other_key; do
		ssh-keygen -q -t ed25519 -N '' -C test -f "$SSHD/$key"
	done
	cp "$SSHD/user_key.pub" "$SSHD/authorized_keys"
	# Without PAM, sshd refuses root where root's password is locked.
	case $(getent shadow root | cut -d: -f2) in '!'*) pam=yes ;; esac
	# StrictModes would refuse any key below /tmp.
	cat >"$SSHD/sshd_config" <<-END
		HostKey $SSHD/host_key
		PidFile $SSHD/pid
		AuthorizedKeysFile $SSHD/authorized_keys
		AuthenticationMethods publickey
		PermitRootLogin prohibit-password
		AllowUsers root
		StrictModes no
		PermitUserRC no
		PermitUserEnvironment no
		UsePAM $pam
		MaxStartups 100
		LogLevel DEBUG
	END
}

# A directory that sshd wants to have; nobody removes it while it is locked.
sshd_directory() {
	local inode

	until [ -n "$SSHD_LOCK" ]; do
		if [ ! -d /run/sshd ] && mkdir -m 755 /run/sshd; then
			SSHD_MADE=yes
		fi
		exec {SSHD_LOCK}</run/sshd && flock -s "$SSHD_LOCK" &&
			inode=$(stat -L -c %i "/proc/self/fd/$SSHD_LOCK") &&
			[ "$inode" = "$(stat -c %i /run/sshd)" ] ||
			SSHD_LOCK=
	done
}

sshd_start() {
	local try

	[ -d "$SSHD" ] || sshd_files
	sshd_directory
	for try in 1 2 3 4 5 6 7 8; do
		SSHD_PORT=$((20000 + RANDOM % 12000))
		rm -f "$SSHD/pid"
		# It does not outlive this script, were that killed.
		setpriv --pdeathsig KILL /usr/sbin/sshd -D \
			-o "ListenAddress 127.0.0.1:$SSHD_PORT" \
			-o "ListenAddress 127.0.0.2:$((SSHD_PORT + 1))" \
			-f "$SSHD/sshd_config" -E "$SSHD/log" \
			</dev/null >/dev/null 2>&1 &
		SSHD_PID=$!
		for _ in {1..50}; do
			[ -s "$SSHD/pid" ] && break 2
			kill -0 "$SSHD_PID" 2>/dev/null || break
			sleep 0.1
		done
		sshd_stop
	done
	[ -s "$SSHD/pid" ] || lib_bail "sshd does not start: $(cat "$SSHD/log")"
	sshd_known "$SSHD_PORT" >"$SSHD/known_hosts"
	sshd_client "$SSHD_PORT" >"$SSHD/ssh_config"
}

sshd_stop() {
	[ -n "$SSHD_PID" ] || return 0
	kill "$SSHD_PID" 2>/dev/null
	wait "$SSHD_PID" 2>/dev/null
	SSHD_PID=
}

# At the end, before lib.sh clears away the rest.
sshd_clean_up() {
	sshd_stop
	if [ -n "$SSHD_MADE" ] && flock -n -x "$SSHD_LOCK"; then
		rmdir /run/sshd 2>/dev/null
	fi
	clean_up
}

sshd_need
trap sshd_clean_up EXIT
