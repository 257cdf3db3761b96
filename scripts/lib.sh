# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# lib.sh - what scripts/demo and scripts/check share: root, packages, builds.
#
# To be sourced; $top is the top of the source tree, $name the script's name.
: "${top:?}" "${name:?}"

# One message on stderr, and out.
die()
{
	echo "$name: $*" >&2
	exit 1
}

# Run the rest as root: start the script again by sudo, if there is one.
# Returns 1 if that cannot be.
become_root()
{
	local script=$1

	shift
	if [ "$(id -u)" -eq 0 ]; then
		return 0
	fi
	if ! command -v sudo >/dev/null; then
		return 1
	fi
	# Without a terminal nobody can type a password.
	if [ ! -t 0 ] && ! sudo -n true 2>/dev/null; then
		return 1
	fi
	echo "$name: needs root, calling sudo"
	exec sudo -- "$script" "$@"
}

# Run a command as the user who called sudo, so that what it makes is theirs.
as_caller()
{
	if [ "$(id -u)" -eq 0 ] && [ -n "${SUDO_USER:-}" ] &&
	    [ "$SUDO_USER" != root ]; then
		runuser -u "$SUDO_USER" -- "$@"
	else
		"$@"
	fi
}

# Run a command and show its output only if it fails.
quietly()
{
	local log status=0

	log=$(mktemp)
	"$@" >"$log" 2>&1 </dev/null || status=$?
	if [ "$status" -ne 0 ]; then
		echo "$name: this failed (exit code $status): $*"
		tail -n 60 "$log"
	fi
	rm -f "$log"
	return "$status"
}

# The packages of the named groups that are not installed.
missing_packages()
{
	local groups=",$1," package needs need

	while read -r package needs; do
		case $package in ''|'#'*) continue ;; esac
		for need in ${needs//,/ }; do
			if [[ $groups == *",$need,"* ]] &&
			    ! dpkg-query -W -f '${db:Status-Status}' "$package" \
			    2>/dev/null | grep -qx installed; then
				echo "$package"
				break
			fi
		done
	done <"$top/scripts/packages"
}

# apt-get install, with services kept from starting: of openssh-server only
# the program is wanted, no machine shall get an open port by a demonstration.
apt_install()
{
	local policy=/usr/sbin/policy-rc.d made=no status=0
	local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y)

	if [ ! -e "$policy" ]; then
		made=yes
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
	fi
	{ quietly "${apt[@]}" update &&
	    quietly "${apt[@]}" install --no-install-recommends "$@"; } ||
	    status=$?
	if [ "$made" = yes ]; then
		rm -f "$policy"
	fi
	return "$status"
}

# Install what is missing of the named groups (by commas).
need_packages()
{
	local missing

	if ! command -v dpkg-query >/dev/null ||
	    ! command -v apt-get >/dev/null; then
		echo "$name: no apt-get here: going on with what is installed"
		return 0
	fi
	mapfile -t missing < <(missing_packages "$1")
	if [ "${#missing[@]}" -eq 0 ]; then
		return 0
	fi
	if [ "$(id -u)" -ne 0 ]; then
		die "only root can install what is missing: ${missing[*]}"
	fi
	echo "installing ${missing[*]}"
	apt_install "${missing[@]}" || die "apt-get could not install these"
	if [[ " ${missing[*]} " == *" openssh-server "* ]] &&
	    [ -d /run/systemd/system ]; then
		quietly systemctl disable ssh.service ssh.socket || true
		echo "(the service of openssh-server stays off)"
	fi
}

# Configure and build in a directory: build_in DIR CONFIGURE-ARGUMENT...
build_in()
{
	local dir=$1

	shift
	if [ ! -x "$top/configure" ] ||
	    [ "$top/configure.ac" -nt "$top/configure" ] ||
	    [ "$top/Makefile.am" -nt "$top/Makefile.in" ]; then
		quietly as_caller "$top/autogen.sh" || return 1
	fi
	as_caller mkdir -p "$dir"
	(
		cd "$dir" || exit 1
		quietly as_caller "$top/configure" "$@" &&
		    quietly as_caller make -j"$(nproc)" all
	)
}

# What root made below a directory belongs to the user who called sudo.
give_back()
{
	if [ "$(id -u)" -eq 0 ] && [ -n "${SUDO_UID:-}" ]; then
		chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$1"
	fi
}
