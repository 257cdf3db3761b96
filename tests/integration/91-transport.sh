#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 91-transport.sh - commands on this machine and by ssh, on lines that work and
# on lines that do not, run by tests/transport/relay: a real sshd on loopback,
# reached by libssh and by ssh(1), and in between a proxy that stalls, delays
# and drops.

. "$(dirname "$0")/lib.sh"
. "$HERE/sshd.sh"

RELAY=$(dirname "$(command -v refsend)")/tests/transport/relay
[ -x "$RELAY" ] || skip_all "tests/transport/relay was not built"
AGAIN=100	# it may help to try again later
FINAL=101
KILLED=102
LIMIT=2		# seconds, where a test waits for the time limit
unset SSH_AUTH_SOCK
unset -f relay

# By libssh: far COMMAND...; the options of relay are in far_options.
far_options=()
far() {
	timeout 120 "$RELAY" -F "$SSHD/ssh_config" "${far_options[@]}" \
		far:/path "$@"
}

here() {
	timeout 120 "$RELAY" "${far_options[@]}" /path "$@"
}

# By ssh(1).
program() {
	timeout 120 "$RELAY" -e "ssh -F '$SSHD/ssh_config'" \
		"${far_options[@]}" far:/path "$@"
}

# far_code CODE COMMAND...: by libssh, with this exit code.
far_code() {
	run_status "$1" far "${@:2}" </dev/null
}

# within SECONDS COMMAND...: run it, and look at the clock.
within() {
	local start=$EPOCHREALTIME took

	"${@:2}"
	took=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')
	awk -v t="$took" -v limit="$1" 'BEGIN { exit !(t <= limit) }' ||
		fail "took $took seconds"
}

# Wait until a condition holds.
until_true() {
	local i

	for i in {1..200}; do
		"$@" && return
		sleep 0.05
	done
	fail "in vain: $*"
}

# ---- bytes, whatever the way is ----

# bytes WAY: files of all sizes, there and back, at once.
bytes() {
	local size

	for size in 0 1 131032 131033 67108864; do
		head -c "$size" "$WORK/random" >"$WORK/sent"
		run_ok "$1" cat <"$WORK/sent"
		expect same "$WORK/sent" "$OUT"
	done
}

# The far side answers after it has seen the end of what we say.
half_close() {
	run_ok "$1" sh -c 'wc -c; echo done' <"$WORK/random"
	expect [ "$(tr -d ' \n' <"$OUT")" = 67108864done ]
}

one_way() {
	run_ok "$1" sh -c "cat >'$WORK/got'" <"$WORK/random"
	expect same "$WORK/random" "$WORK/got"
	run_ok "$1" cat "$WORK/random" </dev/null
	expect same "$WORK/random" "$OUT"
	# Its stdout ends long before it takes what we say.
	far_options=(-W)
	run_ok "$1" sh -c "exec >&-; sleep 0.5; cat >'$WORK/got'" \
		<"$WORK/random"
	far_options=()
	expect same "$WORK/random" "$WORK/got"
}

exit_codes() {
	local code

	for code in 0 3 125; do
		run_status $code "$1" sh -c "exit $code" </dev/null
		expect [ ! -s "$ERR" ]
	done
	run_status $FINAL "$1" sh -c 'exit 127' </dev/null
	expect_error "^relay: sh is not installed on $2 (or not in PATH there)"
	run_status $FINAL "$1" sh -c 'exit 126' </dev/null
	expect_error "^relay: sh cannot be run on $2"
}

# It ends while we have more to say.
early_exit() {
	run_status 4 "$1" sh -c 'head -c 1000; exit 4' <"$WORK/random"
	expect [ "$(wc -c <"$OUT")" -eq 1000 ]
	within 10 run_status 4 "$1" sh -c 'exit 4' < <(sleep 30)
}

# It ends with more to read than pipes hold, while we write and do not read.
not_read() {
	far_options=(-R)
	within 10 run_status 5 "$1" sh -c 'head -c 1600000 /dev/zero; exit 5' \
		<"$WORK/random"
	far_options=()
}

# What it prints on stderr is ours, unchanged, also much of it, and does not get
# in the way of the rest.
errors() {
	seq 1200000 >"$WORK/lines"
	printf 'no newline' >>"$WORK/lines"
	expect [ "$(wc -c <"$WORK/lines")" -gt 8000000 ]
	run_ok "$1" sh -c "exec 3<&0; cat <&3 & cat '$WORK/lines' >&2; wait" \
		<"$WORK/random"
	expect same "$WORK/lines" "$ERR"
	expect same "$WORK/random" "$OUT"
	far_options=(-q)
	run_ok "$1" sh -c 'echo nothing >&2' </dev/null
	expect [ ! -s "$ERR" ]
	far_options=()
}

# A line comes at once, and in one piece.
lines() {
	"$1" sh -c 'printf "half" >&2; sleep 0.3; echo " of it" >&2; sleep 0.3;
		echo more >&2; sleep 60' </dev/null 2>"$WORK/lines" &
	until_true grep -qx more "$WORK/lines"
	expect grep -qx 'half of it' "$WORK/lines"
	kill $!
	wait $! 2>/dev/null
}

# However a word is written, it arrives as it is.
quoting() {
	local words=("" " " "a b" "it's" "'" "\"" "\\" "\$HOME" '`id`' "*" "~"
		"a;b" "#" "!" $'new\nline' "-n" $'\xff' "=" "{a,b}" "ü")

	run_ok "$1" printf '<%s>' "${words[@]}" </dev/null
	printf '<%s>' "${words[@]}" >"$WORK/words"
	expect same "$WORK/words" "$OUT"
}

# ---- this machine ----

local_killed() {
	run_status $KILLED here sh -c 'kill -KILL $$' </dev/null
	expect_error '^relay: sh on this machine was killed by signal 9$'
}

# Beside the program if it is there, else from the path, else not at all.
local_search() {
	mkdir "$WORK/beside"
	cp "$RELAY" "$WORK/beside/relay"
	printf '#!/bin/sh\necho beside\n' >"$WORK/beside/date"
	chmod 755 "$WORK/beside/date"
	run_ok "$WORK/beside/relay" /path date </dev/null
	expect [ "$(cat "$OUT")" = beside ]
	run_ok "$WORK/beside/relay" /path echo path </dev/null
	expect [ "$(cat "$OUT")" = path ]
	run_code $FINAL here no-such-command </dev/null
	expect_error 'cannot run no-such-command: No such file'
}

# No descriptor of ours, no signal blocked, a broken pipe ends it.
local_child() {
	local command

	for command in 'ls /proc/self/fd' 'grep SigBlk /proc/self/status'; do
		run_ok timeout 60 $command </dev/null
		cp "$OUT" "$WORK/alone"
		run_ok here $command </dev/null
		expect same "$WORK/alone" "$OUT"
	done
	run_status $KILLED here sh -c 'kill -PIPE $$' </dev/null
	expect_error 'was killed by signal 13$'
}

# It does not end by itself: it is asked to, and then made to.
local_stubborn() {
	far_options=(-t 1 -S 1)
	within 4 run_code $FINAL here sleep 60 </dev/null
	expect_error 'sleep did not end within 1 seconds and was stopped'
	within 7 run_code $FINAL here sh -c "trap '' TERM; echo \$\$ \
		>'$WORK/pid'; while :; do sleep 1; done" </dev/null
	expect_not kill -0 "$(cat "$WORK/pid")"
	far_options=()
}

# ---- by a program ----

# What it is called with, and how it may be written.
program_words() {
	cat >"$WORK/bin/my rsh" <<-'END'
		#!/bin/sh
		printf '<%s>' "$@"
	END
	chmod 755 "$WORK/bin/my rsh"
	run_ok "$RELAY" -e "'$WORK/bin/my rsh'  -o 'User me' \"a\\\"b\" c\\ d ''" \
		me@there:/path cat '/a b' </dev/null
	expect [ "$(cat "$OUT")" = \
		"<-o><User me><a\"b><c d><><-l><me><there><cat '/a b'>" ]
	run_ok "$RELAY" -e "$WORK/bin/my\\ rsh" '[::1]:/path' cat </dev/null
	expect [ "$(cat "$OUT")" = "<::1><cat>" ]
	run_code 2 "$RELAY" -e "ssh '-p" there:/path cat </dev/null
	expect_error 'a quote is left open'
	run_code 2 "$RELAY" -e " " there:/path cat </dev/null
	expect_error 'the command is empty'
}

program_missing() {
	run_code $FINAL "$RELAY" -e no-such-program there:/path cat </dev/null
	expect_error 'cannot run no-such-program: No such file'
}

# The program itself fails, or is killed.
program_fails() {
	run_status $AGAIN program sh -c 'kill -KILL $PPID' </dev/null
	expect_error '^relay: ssh to far failed with exit code 255$'
	run_code $FINAL "$RELAY" -e "sh -c 'kill -KILL \$\$'" there:/path cat \
		</dev/null
	expect_error 'sh was killed by signal 9'
}

# ---- by libssh: who is there ----

print_of() {
	ssh-keygen -l -f "$1" | cut -d ' ' -f 2
}

# with_config LINE...: a configuration that begins with these lines.
with_config() {
	{ printf '%s\n' "$@"; cat "$SSHD/ssh_config"; } >"$WORK/config"
	far_options=(-F "$WORK/config")
}

# not_trusted PATTERN: it is refused, with the key and the file that were seen.
not_trusted() {
	run_code $FINAL far true </dev/null
	expect_error "$1"
	expect_error "ssh-ed25519 $(print_of "$SSHD/host_key")"
	expect_error "$WORK/known"
}

host_unknown() {
	far_options=(-k "$WORK/known")
	: >"$WORK/known"
	not_trusted "far is not known: $WORK/known has no key of it"
	rm "$WORK/known"
	not_trusted "far is not known: there is no $WORK/known"
	expect [ ! -e "$WORK/known" ]
	far_options=(-a -k "$WORK/new directory/known")
	run_ok far true </dev/null
	expect_error 'far was not known: recorded its key ssh-ed25519 SHA256:'
	expect same "$SSHD/known_hosts" "$WORK/new directory/known"
	far_options=(-k "$WORK/new directory/known")
	run_ok far true </dev/null
	expect [ ! -s "$ERR" ]
	far_options=()
}

# The key of another host under its name; nobody's permission helps.
host_changed() {
	local config

	echo "[127.0.0.1]:$SSHD_PORT $(cat "$SSHD/new_key.pub")" >"$WORK/known"
	cp "$WORK/known" "$WORK/known.before"
	for config in 'ConnectTimeout 20' 'StrictHostKeyChecking no'; do
		with_config "$config"
		far_options+=(-a -k "$WORK/known")
		not_trusted 'the key of far has changed'
		expect_error "ssh-keygen -f '$WORK/known' -R \
'\[127.0.0.1\]:$SSHD_PORT'"
		expect same "$WORK/known.before" "$WORK/known"
	done
	# What it says to do helps.
	run_ok ssh-keygen -f "$WORK/known" -R "[127.0.0.1]:$SSHD_PORT"
	run_ok far true </dev/null
	far_options=()
}

host_other_type() {
	ssh-keygen -q -t ecdsa -N '' -f "$WORK/ecdsa"
	echo "[127.0.0.1]:$SSHD_PORT $(cut -d ' ' -f 1,2 "$WORK/ecdsa.pub")" \
		>"$WORK/known"
	cp "$WORK/known" "$WORK/known.before"
	far_options=(-a -k "$WORK/known")
	not_trusted 'far shows a key of a type that'
	expect same "$WORK/known.before" "$WORK/known"
	far_options=()
}

# A line that libssh cannot read must not hide the one behind it.
host_unreadable() {
	echo "[127.0.0.1]:$SSHD_PORT no-such-type AAAA" >"$WORK/known"
	echo "[127.0.0.1]:$SSHD_PORT $(cat "$SSHD/new_key.pub")" \
		>>"$WORK/known"
	far_options=(-a -k "$WORK/known")
	not_trusted 'cannot tell whether the key of far, .* is right'
	far_options=()
}

# Known, or new, but marked.
host_revoked() {
	local revoked

	revoked="@revoked * $(cut -d ' ' -f 1,2 "$SSHD/host_key.pub")"
	{ cat "$SSHD/known_hosts"; echo "$revoked"; } >"$WORK/known"
	far_options=(-k "$WORK/known")
	not_trusted 'the key of far, .* is marked as revoked'
	echo "$revoked" >"$WORK/known"
	far_options=(-a -k "$WORK/known")
	not_trusted 'the key of far, .* is marked as revoked'
	# By all users' file.
	sed "s,/dev/null,$WORK/known," "$SSHD/ssh_config" >"$WORK/config"
	far_options=(-a -F "$WORK/config" -k "$SSHD/known_hosts")
	not_trusted 'the key of far, .* is marked as revoked'
	far_options=()
}

# ---- by libssh: who are we ----

wrong_user() {
	run_code $FINAL "$RELAY" -F "$SSHD/ssh_config" \
		nobody-such@far:/path true </dev/null
	expect_error 'far does not let nobody-such in: tried the key files'
	expect_error 'it takes publickey'
}

wrong_key() {
	sed "s/user_key/other_key/" "$SSHD/ssh_config" >"$WORK/config"
	run_code $FINAL "$RELAY" -F "$WORK/config" far:/path true </dev/null
	expect_error 'far does not let root in: tried the key files'
	# The right one beside it.
	far_options=(-F "$WORK/config" -i "$SSHD/user_key")
	run_ok far true </dev/null
	far_options=(-i "$SSHD/no-such-key")
	run_ok far true </dev/null
	far_options=(-F "$WORK/config" -i "$SSHD/no-such-key")
	far_code $FINAL true
	expect_error "tried $SSHD/no-such-key, the key files"
	far_options=()
}

agent() {
	local i

	ssh-keygen -q -t ed25519 -N secret -f "$WORK/locked"
	cat "$WORK/locked.pub" >>"$SSHD/authorized_keys"
	sed "s,$SSHD/user_key,$WORK/locked," "$SSHD/ssh_config" \
		>"$WORK/config"
	far_options=(-F "$WORK/config")
	far_code $FINAL true
	expect_error 'one wants a passphrase: load it with ssh-add'
	# As it says.
	eval "$(ssh-agent -s)" >/dev/null
	printf '#!/bin/sh\necho secret\n' >"$WORK/ask"
	chmod 755 "$WORK/ask"
	run_ok env SSH_ASKPASS="$WORK/ask" SSH_ASKPASS_REQUIRE=force DISPLAY=: \
		ssh-add "$WORK/locked" </dev/null
	far_code 0 true
	far_options=(-F "$WORK/config" -i "$SSHD/no-such-key")
	run_ok ssh-add -D
	far_code $FINAL true
	expect_error "tried the agent, $SSHD/no-such-key, the key files"
	# sshd has enough before the agent comes to the end.
	for i in 1 2 3 4 5 6 7; do
		ssh-keygen -q -t ed25519 -N '' -f "$WORK/agent$i"
	done
	run_ok ssh-add -q "$WORK"/agent?
	far_code $FINAL true
	expect_error 'cannot log in to far: .*Too many authentication failures'
	far_options=(-i "$SSHD/user_key")
	far_code 0 true
	ssh-agent -k >/dev/null
	unset SSH_AUTH_SOCK SSH_AGENT_PID
	far_options=()
}

# ---- by libssh: the way there ----

no_listener() {
	far_options=(-p 1)
	run_code $AGAIN far true </dev/null
	expect_error 'cannot connect to 127.0.0.1 port 1: Connection refused'
	far_options=()
	run_code $AGAIN "$RELAY" -F "$SSHD/ssh_config" no-such.invalid:/path \
		true </dev/null
	expect_error 'the name no-such.invalid cannot be resolved: '
	run_code $FINAL "$RELAY" -F /dev/null under_score:/path true </dev/null
	expect_error 'libssh takes no host name such as under_score'
	run_code $FINAL "$RELAY" -F "$WORK/no-config" far:/path true </dev/null
	expect_error "$WORK/no-config: No such file"
}

# It hangs up before a word of ssh is said: at once, by a reset, or after it has
# said that it has no room.
hangs_up() {
	local how

	for how in close reset full; do
		rm -f "$WORK/port"
		"$PYTHON" - "$how" "$WORK/port" <<-'END' &
			import os, socket, struct, sys
			server = socket.create_server(("127.0.0.1", 0))
			with open(sys.argv[2] + ".new", "w") as f:
			    print(server.getsockname()[1], file=f)
			os.rename(sys.argv[2] + ".new", sys.argv[2])
			s = server.accept()[0]
			if sys.argv[1] == "reset":
			    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
			                 struct.pack("ii", 1, 0))
			elif sys.argv[1] == "full":
			    s.sendall(b"Exceeded MaxStartups\r\n")
			s.close()
		END
		until_true [ -s "$WORK/port" ]
		far_options=(-p "$(cat "$WORK/port")")
		run_code $AGAIN far true </dev/null
		expect_error "^relay: cannot \(talk ssh with\|connect to\) ..*: ..*"
		wait $!
	done
	far_options=()
}

# over FILE INSTEAD COMMAND...: run it while INSTEAD is what FILE shows.
over() {
	mount --bind "$2" "$1" || lib_bail "cannot mount on $1"
	test_mounts+=("$1")
	"${@:3}"
	umount "$1"
	unset 'test_mounts[-1]'
}

# The first address refuses, the second one is right.
every_address() {
	local port=$((SSHD_PORT + 1))

	printf '127.0.0.%d twofold\n' 1 2 >"$WORK/hosts"
	echo "[twofold]:$port $(cat "$SSHD/host_key.pub")" >"$WORK/known"
	far_options=(-F /dev/null -i "$SSHD/user_key" -k "$WORK/known"
		-p "$port")
	run_twofold() {
		run_ok getent ahostsv4 twofold
		expect [ "$(awk '/STREAM/ { print $1 }' "$OUT" | tr '\n' ' ')" \
			= '127.0.0.1 127.0.0.2 ' ]
		run_ok "$RELAY" "${far_options[@]}" root@twofold:/path true \
			</dev/null
	}
	over /etc/hosts "$WORK/hosts" run_twofold
	far_options=()
}

# Nothing is said about files: ~/.ssh it is, where the user database says so.
own_files() {
	local home

	home=$(getent passwd "$(id -u)" | cut -d : -f 6)
	mkdir -p "$WORK/own/.ssh"
	grep -v UserKnownHostsFile "$SSHD/ssh_config" >"$WORK/own/.ssh/config"
	over "$home" "$WORK/own" run_status $FINAL "$RELAY" far:/path true \
		</dev/null
	expect_error "there is no $home/.ssh/known_hosts"
	over "$home" "$WORK/own" run_ok "$RELAY" -a far:/path true </dev/null
	expect grep -qxFf "$WORK/own/.ssh/known_hosts" "$SSHD/known_hosts"
	over "$home" "$WORK/own" run_ok "$RELAY" far:/path true </dev/null
	expect [ ! -s "$ERR" ]
}

# No answer to the first packet.
no_answer() {
	"$PYTHON" - "$WORK/full" <<-'END' &
		import socket, sys, time
		full = socket.socket()
		full.bind(("127.0.0.1", 0))
		full.listen(0)
		waiting = [socket.socket() for i in range(4)]
		for s in waiting:
		    s.setblocking(False)
		    s.connect_ex(full.getsockname())
		time.sleep(0.3)
		with open(sys.argv[1], "w") as f:
		    print(full.getsockname()[1], file=f)
		time.sleep(60)
	END
	until_true [ -s "$WORK/full" ]
	far_options=(-t "$LIMIT" -p "$(cat "$WORK/full")")
	within $((LIMIT + 1)) run_code $AGAIN far true </dev/null
	expect_error 'cannot connect to 127.0.0.1 port .*: Connection timed out'
	kill $!
	wait $! 2>/dev/null
	far_options=()
}

# Far more than one set of keys is good for.
new_keys() {
	with_config 'RekeyLimit 8M'
	: >"$SSHD/log"
	run_ok far cat <"$WORK/random"
	expect same "$WORK/random" "$OUT"
	expect [ "$(grep -c 'SSH2_MSG_NEWKEYS received' "$SSHD/log")" -ge 8 ]
	far_options=()
}

by_proxy() {
	with_config 'Host far' \
		"ProxyCommand ssh -F '$SSHD/ssh_config' -W %h:%p far"
	bytes far
	run_status $KILLED far sh -c 'kill -KILL $$' </dev/null
	with_config 'Host far' "ProxyCommand echo no %n by %r 100%% >&2; false"
	far_code $AGAIN true
	expect_error '^no far by root 100%$'
	expect_error 'cannot talk ssh with far: '
	# Without a user, ours.
	sed '/^User /d' "$WORK/config" >"$WORK/config2"
	far_options=(-F "$WORK/config2")
	far_code $AGAIN true
	expect_error "^no far by $(id -un) 100%$"
	with_config 'Host far' "ProxyCommand nc %Z"
	far_code $FINAL true
	expect_error 'only %h, %n, %p, %r and %% are understood'
	# One that does not end when it should.
	with_config 'Host far' "ProxyCommand bash -c \"trap '' TERM; ssh -F \
		'$SSHD/ssh_config' -W %h:%p far; sleep 60\""
	within 15 far_code 3 sh -c 'exit 3'
	far_options=()
}

# The one that costs least, unless the configuration names others.
ciphers() {
	: >"$SSHD/log"
	far_code 0 true
	expect grep -q 'client->server cipher: aes128-gcm@openssh.com' \
		"$SSHD/log"
	expect grep -q 'server->client cipher: aes128-gcm@openssh.com' \
		"$SSHD/log"
	with_config 'Ciphers aes256-ctr'
	: >"$SSHD/log"
	far_code 0 true
	expect grep -q 'client->server cipher: aes256-ctr' "$SSHD/log"
	with_config 'Ciphers 3des-cbc'
	far_code $FINAL true
	expect_error 'cannot talk ssh with far: '
	far_options=()
}

far_killed() {
	run_status $KILLED far sh -c 'kill -KILL $$' </dev/null
	expect_error '^relay: sh on far was killed by signal KILL$'
}

not_installed() {
	far_code $FINAL no-such-command --serve /replica
	expect_error "no-such-command is not installed on far (or not in PATH"
}

# ---- bad lines ----

# start_proxy: sets PROXY_PORT; proxy COMMAND... tells it what to do.
start_proxy() {
	mkfifo "$WORK/commands"
	rm -f "$WORK/proxy-port"
	"$PYTHON" -B "$HERE/proxytool.py" "$SSHD_PORT" "$WORK/commands" \
		"$WORK/proxy-port" >"$WORK/proxy-log" 2>&1 &
	until_true [ -s "$WORK/proxy-port" ]
	PROXY_PORT=$(cat "$WORK/proxy-port")
	sshd_known "$PROXY_PORT" >>"$SSHD/known_hosts"
}

proxy() {
	: >"$WORK/proxy-log"
	echo "$*" >"$WORK/commands"
	until_true grep -qx "done $*" "$WORK/proxy-log"
}

# by_way OPTION...: by libssh from now on, through the proxy.
by_way() {
	far_options=(-p "$PROXY_PORT" "$@")
}

# far_in_background COMMAND...: its stdin is endless; sets RELAY_PID.  Returns
# when the command has begun.
far_in_background() {
	rm -f "$WORK/begun"
	"$RELAY" -F "$SSHD/ssh_config" "${far_options[@]}" far:/path sh -c \
		"echo \$PPID >'$WORK/begun.new'; mv '$WORK/begun.new' \
		'$WORK/begun'; $1" </dev/zero >"$OUT" 2>"$ERR" &
	RELAY_PID=$!
	until_true [ -s "$WORK/begun" ]
}

# background_code CODE: how it ended; it has 20 seconds.
background_code() {
	local code=0 i

	for i in {1..400}; do
		kill -0 "$RELAY_PID" 2>/dev/null || break
		sleep 0.05
	done
	[ "$i" -lt 400 ] || kill -KILL "$RELAY_PID"
	wait "$RELAY_PID" || code=$?
	[ "$code" -eq "$1" ] || lib_show "exit code $code instead of $1"
}

# The line is dead, but nobody has said so.
stall() {
	by_way -t "$LIMIT"
	far_in_background 'cat >/dev/null'
	proxy stall
	within $((LIMIT + 2)) background_code $AGAIN
	expect_error "^relay: far does not answer any more: nothing came for \
$LIMIT seconds$"
	# While nothing is being sent, too.
	proxy resume
	far_in_background 'sleep 60'
	proxy stall
	within $((LIMIT + 2)) background_code $AGAIN
	expect_error 'far does not answer any more'
	# And before it answers for the first time.
	within $((LIMIT + 2)) far_code $AGAIN true
	expect_error "cannot talk ssh with far: nothing came for $LIMIT seconds"
	proxy resume
	far_options=()
}

# sshd itself stands still: the kernel there still acknowledges.
frozen() {
	far_options=(-t "$LIMIT")
	far_in_background 'cat >/dev/null'
	kill -STOP "$(cat "$WORK/begun")"
	within $((LIMIT + 2)) background_code $AGAIN
	expect_error 'far does not answer any more'
	kill -CONT "$(cat "$WORK/begun")"
	far_options=()
}

# A command that takes its time is not dead, nor are we when we were stopped.
slow() {
	far_options=(-t "$LIMIT")
	run_ok far sh -c "sleep $((LIMIT * 3)); wc -c" <"$WORK/random"
	expect [ "$(tr -d ' ' <"$OUT")" = 67108864 ]
	far_in_background "sleep $((LIMIT * 3))"
	sleep 0.2 # it has not been asked for a sign of life yet
	kill -STOP $RELAY_PID
	sleep $((LIMIT * 2))
	kill -CONT $RELAY_PID
	background_code 0
	far_options=()
}

dropped() {
	by_way
	far_in_background 'cat >/dev/null'
	proxy drop
	within 2 background_code $AGAIN
	expect_error 'the connection to far was lost: .*reset'
	far_in_background 'sleep 60'
	proxy drop
	within 2 background_code $AGAIN
	expect_error 'the connection to far was lost'
	# While it begins.
	proxy stall
	far true </dev/null >"$OUT" 2>"$ERR" &
	RELAY_PID=$!
	sleep 0.5
	proxy drop
	background_code $AGAIN
	expect_error 'cannot talk ssh with far: Socket error'
	proxy resume
	far_options=()
}

# sshd ends in the middle.
gone() {
	far_in_background 'cat >/dev/null'
	kill -KILL "$(cat "$WORK/begun")"
	within 2 background_code $AGAIN
	expect_error 'the connection to far was lost'
}

# 50 ms each way.
delayed() {
	by_way
	proxy delay 50
	head -c 8388608 "$WORK/random" >"$WORK/sent"
	run_ok far cat <"$WORK/sent"
	expect same "$WORK/sent" "$OUT"
	proxy delay 0
	far_options=()
}

# Closing waits for what is on its way, however long that takes.
narrow() {
	by_way -t "$LIMIT" -R
	proxy rate 500000
	head -c 3000000 "$WORK/random" >"$WORK/sent"
	run_ok far sh -c "cat >'$WORK/got'" <"$WORK/sent"
	expect same "$WORK/sent" "$WORK/got"
	proxy rate 0
	far_options=()
}

# ---- the end ----

# Nobody reads or writes any more, and the far side does as it likes.
abandoned() {
	local command

	far_options=(-t "$LIMIT" -S 1)
	within 6 run_code $FINAL far sh -c "yes; echo \$? >'$WORK/ended'" </dev/null
	expect_error '^relay: the command on far was broken off: it had more'
	until_true [ -s "$WORK/ended" ]
	for command in 'yes >&2' 'sleep 60' 'trap "" HUP TERM; sleep 60'; do
		within $((LIMIT + 4)) run_status $FINAL far sh -c "$command" \
			</dev/null
		grep -avx y "$ERR" >"$WORK/said"
		expect grep -qx "relay: the command on far did not end within \
$LIMIT seconds" "$WORK/said"
	done
	# It ends in time, however long nothing had happened before.
	far_options=(-t "$LIMIT" -S $((LIMIT + 1)))
	far_code 5 sh -c 'cat; exit 5'
	far_code 6 sh -c 'exit 6'
	by_way -t "$LIMIT" -S $((LIMIT + 2))
	proxy stall
	within 5 far_code $AGAIN true
	proxy resume
	far_options=()
}

# Nobody takes what it has to say.
unread_errors() {
	mkfifo "$WORK/unread"
	sleep 60 <>"$WORK/unread" &
	far_options=(-t "$LIMIT" -S 1)
	within $((LIMIT + 4)) timeout 60 "$RELAY" -F "$SSHD/ssh_config" \
		"${far_options[@]}" far:/path sh -c 'seq 100000 >&2' \
		</dev/null 2>"$WORK/unread"
	kill $!
	wait $! 2>/dev/null
	far_options=()
}

head -c 67108864 /dev/urandom >"$WORK/random"

test_case "bytes of this machine" bytes here
test_case "its end of the input" half_close here
test_case "its bytes one way" one_way here
test_case "its exit codes" exit_codes here "this machine"
test_case "its early exit" early_exit here
test_case "its stderr" errors here
test_case "its words" quoting here
test_case "it is killed" local_killed
test_case "where it is looked for" local_search
test_case "what it inherits" local_child
test_case "it does not end" local_stubborn

sshd_start
test_case "bytes by ssh" bytes program
test_case "the end of the input by ssh" half_close program
test_case "bytes one way by ssh" one_way program
test_case "exit codes by ssh" exit_codes program far
test_case "early exit by ssh" early_exit program
test_case "stderr by ssh" errors program
test_case "words by ssh" quoting program
test_case "words of a program" program_words
test_case "a program that is missing" program_missing
test_case "a program that fails" program_fails

test_case "bytes" bytes far
test_case "the end of the input" half_close far
test_case "bytes one way" one_way far
test_case "exit codes" exit_codes far far
test_case "early exit" early_exit far
test_case "an end that is not read" not_read far
test_case "stderr" errors far
test_case "lines of stderr" lines far
test_case "words" quoting far
test_case "the command is killed" far_killed
test_case "the command is not installed" not_installed
test_case "ciphers" ciphers
test_case "new keys on the way" new_keys

test_case "a host that is not known" host_unknown
test_case "a key that changed" host_changed
test_case "a key of another type" host_other_type
test_case "a line that cannot be read" host_unreadable
test_case "a key that is revoked" host_revoked
test_case "the wrong user" wrong_user
test_case "the wrong key" wrong_key
test_case "a passphrase and an agent" agent

test_case "nobody listens" no_listener
test_case "no answer" no_answer
test_case "a server that hangs up" hangs_up
test_case "every address of a name" every_address
test_case "one's own files" own_files
test_case "a proxy command" by_proxy
start_proxy
test_case "a line that is dead" stall
test_case "a server that is frozen" frozen
test_case "slow is not dead" slow
test_case "a connection that is dropped" dropped
test_case "a server that is killed" gone
test_case "a long line" delayed
test_case "a narrow line" narrow
test_case "closing what nobody uses" abandoned
test_case "stderr that nobody reads" unread_errors
finish
