#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 98-network.sh - refsync over a real sshd and a bad network: connections that
# are dropped, that stall, that are slow; a cable that is pulled out between two
# network namespaces.

. "$(dirname "$0")/lib.sh"
. "$HERE/sshd.sh"

MIB=1048576
TOOLS=$(dirname "$(command -v refsnap)")
PROXY_PID=
SPACE_PID=	# of what keeps the network namespace
SPACE_SSHD=

end_all() {
	kill $PROXY_PID $SPACE_SSHD $SPACE_PID 2>/dev/null
	wait $PROXY_PID $SPACE_SSHD $SPACE_PID 2>/dev/null
	sshd_clean_up
}
trap end_all EXIT

start_proxy() {
	mkfifo "$WORK/commands"
	"$PYTHON" -B "$HERE/proxytool.py" "$SSHD_PORT" "$WORK/commands" \
		"$WORK/proxy-port" >"$WORK/proxy-log" 2>&1 &
	PROXY_PID=$!
	until [ -s "$WORK/proxy-port" ]; do
		sleep 0.05
	done
	sshd_known "$(cat "$WORK/proxy-port")" >>"$SSHD/known_hosts"
	sshd_client "$(cat "$WORK/proxy-port")" >"$SSHD/proxy_config"
	exec {COMMANDS}>"$WORK/commands"
}

proxy() {
	: >"$WORK/proxy-log"
	echo "$*" >&"$COMMANDS"
	until grep -qx "done $*" "$WORK/proxy-log"; do
		sleep 0.02
	done
}

start() {
	rm -rf "${A:?}"/* "$A/.snapshot" "${B:?}"/*
	mkdir "$B/replica"
	dd if=/dev/urandom of="$A/vm.img" bs=$MIB count="$1" status=none
	run_ok refsnap create "$A/vm.img" one
	SNAP=$A/.snapshot/vm.img.one
}

# background CONFIG OPTION...: refsync to the host "far"; its process in $PID.
background() {
	refsync --ssh-config "$1" --json "${@:2}" "$SNAP" "far:$B/replica" \
		>"$OUT" 2>"$ERR" &
	PID=$!
}

# begun MIB: the partial has come so far.
begun() {
	until [ "$(find "$B" -name 'partial*' -exec du -m {} + |
		cut -f 1 | sort -n | tail -n 1)" -ge "$1" ] 2>/dev/null; do
		kill -0 "$PID" || return
		sleep 0.05
	done
}

# It ends well, and what lies there is what lies here.
ends_well() {
	wait "$PID"
	expect [ $? -eq 0 ]
	expect cmp "$SNAP" "$B/replica/.snapshot/vm.img.one"
	expect [ "$(find "$B" -name 'partial*' | wc -l)" -eq 0 ]
}

dropped() {
	local at

	start 160
	background "$SSHD/proxy_config" --bwlimit=80M
	for at in 30 60 90; do
		begun $at
		proxy drop
	done
	ends_well
	expect [ "$(grep -c 'trying again' "$ERR")" -ge 3 ]
	expect [ "$(json_value "$OUT" 'o["sources"][0]["resumed_at"]')" -gt \
		$((30 * MIB)) ]
}

stalled() {
	start 160
	background "$SSHD/proxy_config" --bwlimit=80M --timeout=3
	begun 60
	proxy stall
	until grep -q 'trying again' "$ERR"; do
		kill -0 "$PID" || break
		sleep 0.1
	done
	proxy resume
	ends_well
	expect_error 'does not answer\|no sign of life'
}

slow() {
	start 8
	proxy delay 60
	background "$SSHD/proxy_config" --timeout=5
	ends_well
	expect [ -z "$(cat "$ERR")" ]
	proxy delay 0
}

# A network of two: this side is 10.199.77.1, that one 10.199.77.2, with sshd.
make_network() {
	unshare --net sleep 10000 &
	SPACE_PID=$!
	until [ "$(readlink "/proc/$SPACE_PID/ns/net")" != \
		"$(readlink /proc/self/ns/net)" ]; do
		sleep 0.05
	done
	IN="nsenter --net=/proc/$SPACE_PID/ns/net"
	ip link add "rsa$$" type veth peer name rsb netns "$SPACE_PID" &&
		ip address add 10.199.77.1/24 dev "rsa$$" &&
		ip link set "rsa$$" up &&
		$IN ip address add 10.199.77.2/24 dev rsb &&
		$IN ip link set rsb up || return
	$IN /usr/sbin/sshd -D -o "ListenAddress 10.199.77.2:22" \
		-o "PidFile $WORK/space.pid" -f "$SSHD/sshd_config" \
		-E "$WORK/space.log" </dev/null >/dev/null 2>&1 &
	SPACE_SSHD=$!
	until [ -s "$WORK/space.pid" ]; do
		kill -0 "$SPACE_SSHD" || return
		sleep 0.05
	done
	echo "10.199.77.2 $(cut -d ' ' -f 1,2 "$SSHD/host_key.pub")" \
		>>"$SSHD/known_hosts"
	sshd_client 22 | sed 's/127.0.0.1/10.199.77.2/' >"$SSHD/space_config"
}

# The cable is out for longer than anybody has patience, and in again.
cable() {
	start 160
	background "$SSHD/space_config" --bwlimit=80M --timeout=3
	begun 60
	ip link set "rsa$$" down
	until grep -q 'trying again' "$ERR"; do
		kill -0 "$PID" || break
		sleep 0.1
	done
	sleep 2
	ip link set "rsa$$" up
	ends_well
	expect [ "$(json_value "$OUT" 'o["sources"][0]["resumed_at"]')" -gt \
		$((10 * MIB)) ]
}

# It stays out: an end in time, and the next run goes on.
cable_stays_out() {
	local start_at

	start 160
	background "$SSHD/space_config" --bwlimit=80M --timeout=3 --retry=1
	begun 60
	ip link set "rsa$$" down
	start_at=$SECONDS
	wait "$PID"
	expect [ $? -eq 6 ]
	expect [ $((SECONDS - start_at)) -le 20 ]
	ip link set "rsa$$" up
	background "$SSHD/space_config"
	ends_well
	expect [ "$(json_value "$OUT" 'o["sources"][0]["resumed_at"]')" -gt \
		$((10 * MIB)) ]
}

make_fs xfs A
make_fs xfs B
sshd_start
echo "restrict,command=\"PATH=$TOOLS:\$PATH; eval exec \$SSH_ORIGINAL_COMMAND\"\
 $(cat "$SSHD/user_key.pub")" >"$SSHD/authorized_keys"
start_proxy
test_case "dropped connections" dropped
test_case "a connection that stalls" stalled
test_case "a slow connection" slow
if command -v ip nsenter unshare >/dev/null && make_network; then
	test_case "a cable that is pulled out for a while" cable
	test_case "a cable that is pulled out" cable_stays_out
else
	skip_case "a cable that is pulled out" "no network namespaces here"
fi
finish
