#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 95-guide.sh - every command of docs/BACKUP.md, in its order, against a real
# sshd: paths and the host are other ones, all else is as it stands there.

. "$(dirname "$0")/lib.sh"
. "$HERE/sshd.sh"

GUIDE=$HERE/../../docs/BACKUP.md
TOOLS=$(dirname "$(command -v refsnap)")
RUN=0		# commands that were run

# Here in place of there: what stands in the guide on standard input.
translated() {
	sed -e "s,/replica,$B/replica,g" -e "s,/vms,$A/vms,g" \
		-e "s,/root/\.ssh,$WORK/ssh,g" \
		-e "s,^refsync ,refsync --ssh-config $WORK/ssh/config ," \
		-e "s,\(refrecv\|refsend\) --serve,$TOOLS/&,g" \
		-e "s,ssh-ed25519 AAAA\.\.\. refsync,$(cat \
			"$WORK/ssh/refsync.pub" 2>/dev/null),"
}

# The key of the guide replaces all others.
take_keys() {
	translated >"$SSHD/authorized_keys"
}

# The host is this sshd, which the guide need not know.
take_config() {
	{
		translated
		printf '    %s\n' 'HostName 127.0.0.1' "Port $SSHD_PORT" \
			"UserKnownHostsFile $WORK/ssh/known_hosts"
	} >"$WORK/ssh/config"
}

# Run the lines, as root would type them.
take_commands() {
	local line

	while IFS= read -r line; do
		case $line in
		*@NAME*) line=${line/NAME/${oldest##*@}} ;;
		esac
		RUN=$((RUN + 1))
		# Names of snapshots are seconds.
		sleep 1.1
		run_status 0 bash -c "$line" </dev/null
		case $line in
		*--list*) oldest=$(head -n 1 "$OUT") ;;
		esac
	done < <(translated)
}

# One block of the guide, of a kind.
take_block() {
	case $1 in
	sh | 'sh nas')
		random_patch "$A/vms/host1.img" $((RUN * 65536)) 4096 "$RUN"
		take_commands ;;
	authorized_keys) take_keys ;;
	ssh_config) take_config ;;
	'sh unit') cat >"$WORK/unit" ;;
	*) fail "a block of an unknown kind: $1" ;;
	esac
}

guide() {
	local line kind=

	mkdir "$A/vms" "$WORK/ssh"
	random_file "$A/vms/host1.img" 8388608 1
	: >"$WORK/ssh/known_hosts"
	while IFS= read -r line; do
		case $kind,$line in
		,'```'*)
			kind=${line#'```'}
			: >"$WORK/block" ;;
		,*) ;;
		*,'```')
			note "$kind: $(head -n 1 "$WORK/block")"
			take_block "$kind" <"$WORK/block"
			kind= ;;
		*) printf '%s\n' "$line" >>"$WORK/block" ;;
		esac
	done <"$GUIDE"
	expect [ "$RUN" -ge 12 ]
	expect grep -q 127.0.0.1 "$WORK/ssh/known_hosts"
}

# What it must have come to.
outcome() {
	local newest

	newest=$(ls "$B/replica/.snapshot" | tail -n 1)
	run_ok refsnap info "$B/replica/.snapshot/$newest"
	expect same "$A/vms/.snapshot/$newest" "$B/replica/.snapshot/$newest"
	expect [ -s "$A/vms/old.img" ]
	# The last key may add, and nothing else.
	run_status 1 refsync --ssh-config "$WORK/ssh/config" \
		--keep-remote 1 "$A/vms/host1.img" "nas:$B/replica"
	expect_error 'append-only'
	run_status 1 refsync --ssh-config "$WORK/ssh/config" --list "nas:$B"
	expect_error 'restricted to'
}

# The unit that the guide speaks of is there, and reads that file.
unit() {
	expect [ "$(systemd-escape -p /vms/host1.img 2>/dev/null ||
		echo vms-host1.img)" = vms-host1.img ]
	expect grep -q 'refsync@vms-host1.img.timer' "$WORK/unit"
	expect grep -q 'EnvironmentFile=/etc/refsend/%i.conf' \
		"$HERE/../../scripts/systemd/refsync@.service.in"
	expect grep -q '/etc/refsend/vms-host1.img.conf' "$WORK/unit"
}

make_fs xfs A
make_fs xfs B
sshd_start
test_case "the commands of the guide" guide
test_case "what they come to" outcome
test_case "the unit" unit
finish
