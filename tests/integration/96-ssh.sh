#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 96-ssh.sh - refsync over a real sshd: what can go wrong, and what is said of it.

. "$(dirname "$0")/lib.sh"
. "$HERE/sshd.sh"

MIB=1048576
TOOLS=$(dirname "$(command -v refsnap)")

# What the key may run; "" is any command.
allow() {
	echo "restrict${1:+,command=\"$1\"} $(cat "$SSHD/user_key.pub")" \
		>"$SSHD/authorized_keys"
}

# Programs of this build, whatever is asked for.
allow_tools() {
	allow "PATH=$TOOLS:\$PATH; eval exec \$SSH_ORIGINAL_COMMAND"
}

sync() {
	refsync --ssh-config "$SSHD/ssh_config" "$@"
}

start() {
	rm -rf "${A:?}"/* "$A/.snapshot" "${B:?}"/*
	random_file "$A/vm.img" $((4 * MIB)) 1
	run_ok refsnap create "$A/vm.img" one
	SNAP=$A/.snapshot/vm.img.one
	allow_tools
	sshd_known "$SSHD_PORT" >"$SSHD/known_hosts"
	sshd_client "$SSHD_PORT" >"$SSHD/ssh_config"
}

# refused CODE TEXT ARGUMENT...: one sentence, and nothing there.
refused() {
	run_code "$1" sync "${@:3}"
	expect_error "$2"
	expect [ -z "$(ls "$B")" ]
}

works() {
	local way

	for way in libssh program; do
		start
		if [ $way = libssh ]; then
			run_ok sync -v "$SNAP" "far:$B/replica"
		else
			run_ok refsync -v -e "ssh -F $SSHD/ssh_config" "$SNAP" \
				"far:$B/replica"
		fi
		expect_error 'brought'
		random_patch "$A/vm.img" 65536 4096 2
		run_ok refsnap create "$A/vm.img" two
		run_ok sync --json "$A/.snapshot/vm.img.two" "far:$B/replica"
		expect [ "$(json_value "$OUT" \
			'o["sources"][0]["data_bytes"]')" -eq 4096 ]
		expect same "$A/.snapshot/vm.img.two" \
			"$B/replica/.snapshot/vm.img.two"
		run_ok sync --json "far:$A/vm.img" "$B/replica"
		run_ok sync --verify "$A/.snapshot/vm.img.two" "far:$B/replica"
		run_ok sync --list "far:$B/replica"
		expect [ "$(wc -l <"$OUT")" -eq 3 ]
		run_ok sync --restore "far:$B/replica/vm.img@one" "$A/back"
		expect same "$A/back" "$SNAP"
	done
}

host_keys() {
	start
	: >"$SSHD/known_hosts"
	refused 1 'known' "$SNAP" "far:$B/replica"
	echo "[127.0.0.1]:$SSHD_PORT $(cut -d ' ' -f 1,2 \
		"$SSHD/new_key.pub")" >"$SSHD/known_hosts"
	refused 1 'changed' "$SNAP" "far:$B/replica"
	refused 1 'changed' --accept-new "$SNAP" "far:$B/replica"
	: >"$SSHD/known_hosts"
	run_ok sync --accept-new "$SNAP" "far:$B/replica"
	expect [ -s "$SSHD/known_hosts" ]
}

who_may() {
	start
	refused 1 'nobody' "$SNAP" "nobody@far:$B/replica"
	sed -i "s,user_key,other_key," "$SSHD/ssh_config"
	refused 1 'root' "$SNAP" "far:$B/replica"
	start
	run_code 1 sync "$SNAP" "far:/proc/none"
	expect_error '/proc/none'
	run_code 1 sync "$SNAP" "far:/no/such/place"
	expect_error 'No such file'
}

no_host() {
	start
	refused 1 'refused' "$SNAP" "root@127.0.0.3:$B/replica"
	sed -i "s/^Port .*/Port 1/" "$SSHD/ssh_config"
	refused 1 'refused' "$SNAP" "far:$B/replica"
}

no_room() {
	start
	make_fs xfs C 512M
	random_file "$A/large" $((400 * MIB)) 3
	run_ok refsnap create --reserve=0 "$A/large" one
	run_code 7 sync --compress=none "$A/.snapshot/large.one" \
		"far:$C/replica"
	expect_error 'reserve'
	expect [ -z "$(find "$C/replica" -type f)" ]
	umount "$C"
}

other_versions() {
	start
	allow 'exit 127'
	refused 1 'not installed' "$SNAP" "far:$B/replica"
	allow 'echo Welcome; cat'
	refused 3 'login shell prints something' "$SNAP" "far:$B/replica"
	allow 'sleep 1; exit 0'
	refused 1 'far' "$SNAP" "far:$B/replica"
	# The next version of the dialogue.
	"$PYTHON" - "$HERE" >"$WORK/hello" <<-'END'
	import struct
	import sys
	sys.dont_write_bytecode = True
	sys.path.insert(0, sys.argv[1])
	import dialoguetool as d
	sys.stdout.buffer.write(d.message(1, struct.pack("<IIQ", 2, 1, 7) +
	                                  d.text("refrecv 9.9")))
	END
	allow "cat $WORK/hello; cat"
	refused 3 'refrecv 9.9 there does not fit' "$SNAP" "far:$B/replica"
}

# A far side that stands still in the middle is noticed within the time limit.
frozen() {
	local pid start what

	for what in refrecv sshd; do
		start
		random_file "$A/large" $((64 * MIB)) 3
		run_ok refsnap create --reserve=0 "$A/large" one
		allow "$(echo "PATH=$TOOLS:\$PATH; echo \$\$ >$WORK/far.pid;" \
			"echo \$PPID >$WORK/sshd.pid; exec refrecv --serve")"
		rm -f "$WORK/far.pid" "$WORK/sshd.pid"
		timeout 60 refsync --ssh-config "$SSHD/ssh_config" \
			--timeout=3 --retry=0 --bwlimit=8M --compress=none \
			"$A/.snapshot/large.one" "far:$B/replica" \
			>"$OUT" 2>"$ERR" &
		pid=$!
		while [ ! -s "$WORK/far.pid" ] || [ ! -s "$WORK/sshd.pid" ] ||
			[ -z "$(find "$B" -name 'partial*' 2>/dev/null)" ]; do
			kill -0 "$pid" || return
			sleep 0.05
		done
		sleep 0.5
		if [ $what = refrecv ]; then
			read -r victim <"$WORK/far.pid"
		else
			read -r victim <"$WORK/sshd.pid"
		fi
		kill -STOP "$victim"
		start=$SECONDS
		wait "$pid"
		expect [ $? -eq 1 ]
		expect [ $((SECONDS - start)) -le 9 ]
		expect grep -Eq 'no sign of life|does not answer' "$ERR"
		kill -CONT "$victim"
		kill -KILL "$(cat "$WORK/far.pid")" 2>/dev/null
	done
}

make_fs xfs A
make_fs xfs B
sshd_start
test_case "push, pull, verify, list and restore" works
test_case "host keys" host_keys
test_case "who may log in, and where to" who_may
test_case "nobody is there" no_host
test_case "no room" no_room
test_case "other programs, other versions" other_versions
test_case "a far side that stands still" frozen
finish
