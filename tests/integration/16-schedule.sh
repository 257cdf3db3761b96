#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 16-schedule.sh - snapshots on a schedule: the units of systemd and the line
# for cron that refsnap(1) shows.  No systemd runs the units here, but their
# commands are run with the capabilities that they leave.

. "$(dirname "$0")/lib.sh"
. "$HERE/clock.sh"

TOOLS=$(dirname "$(command -v refsnap)")
UNITS=$HERE/../../scripts/systemd
SERVICE=$TOOLS/scripts/systemd/refsnap@.service
MANUAL=$HERE/../../docs/refsnap.1
[ -e "$SERVICE" ] || skip_all "$SERVICE was not built"

# The units of an instance, for the tools of this build, in $WORK/units.
install_units() {
	local tool name

	mkdir -p "$WORK/units"
	for tool in refsnap refsync; do
		name=$tool@srv-vm-disk.img
		sed "s,^ExecStart=[^ ]*/$tool ,ExecStart=$WORK/bin/$tool ," \
			"${SERVICE%/*}/$tool@.service" \
			>"$WORK/units/$name.service"
		cp "$UNITS/$tool@.timer" "$WORK/units/$name.timer"
	done
}

# Do systemd's own checks find nothing to say?
units_are_good() {
	SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no \
		"$WORK"/units/* >"$OUT" 2>&1 && [ ! -s "$OUT" ]
}

units_verified() {
	local name

	install_units
	expect units_are_good || note "$(cat "$OUT")"
	# They would find something.
	for name in "$WORK"/units/*; do
		sed -i 's/^ProtectSystem=.*/&\nProtectTypo=full/
			s/^OnCalendar=.*/OnCalendar=sometimes/' "$name"
		expect_not units_are_good
		install_units
	done
	expect [ "$(systemd-escape -p /srv/vm/disk.img)" = srv-vm-disk.img ]
}

# The value of a setting of the service.
setting() {
	sed -n "s/^$1=//p" "$SERVICE"
}

# run_service PATH [KEEP]: its commands one after the other, as root with no
# more than its capabilities.
run_service() {
	local keep=${2:-} line words capabilities

	[ -n "$keep" ] || keep=$(setting Environment | tr -d \" |
		sed -n 's/^KEEP=//p')
	capabilities=$(setting CapabilityBoundingSet |
		tr '[:upper:] ' '[:lower:],' | sed 's/cap_/+/g')
	: >"$WORK/printed"
	while IFS= read -r line; do
		read -ra words <<<"$line"
		words=("${words[@]//%f/$1}")
		words=("${words[@]//'${KEEP}'/$keep}")
		words[0]=$WORK/bin/${words[0]##*/}
		run_ok setpriv --bounding-set="-all,$capabilities" \
			--no-new-privs "${words[@]}" || return
		cat "$OUT" >>"$WORK/printed"
	done < <(setting ExecStart)
}

# Everything that a snapshot keeps, and takes privilege.
all_metadata() {
	local file=$A/'a file'

	random_file "$file" 100000 1
	setfattr -n user.colour -v blue "$file"
	setfattr -n trusted.secret -v x "$file"
	chown 54321:54322 "$file"
	setcap cap_net_raw+ep "$file" 2>/dev/null || setfattr -n \
		security.capability -v 0x0100000200200000000000000000000000000000 \
		"$file"
	setfacl -m u:54323:r "$file"
	chmod 640 "$file"
	touch -d @1000000000 "$file"
	run_service "$file"
	SNAP=$(cat "$WORK/printed")
	expect same "$file" "$SNAP"
	expect same_metadata "$file" "$SNAP"
	expect getfattr -n trusted.secret --absolute-names "$SNAP"
	expect getfattr -n security.capability --absolute-names "$SNAP"
	expect [ "$(stat -c %u:%g:%a "$SNAP")" = 54321:54322:440 ]
}

# By the policy of the unit, or of the file of settings; also what is immutable.
service_prunes() {
	local file=$A/b hour

	random_file "$file" 5000 1
	for hour in {1..60}; do
		run_ok at_time $((1700000000 + hour * 3600)) refsnap create \
			--reserve=0 "$file" "$hour"
	done
	chattr +i "$A/.snapshot/b.10"
	run_service "$file"
	# The new one, 47 hours, and the end of the day before these three.
	expect [ "$(wc -l <"$WORK/printed")" -eq 13 ]
	expect [ "$(snap_ids "$file" | wc -l)" -eq 49 ]
	expect [ ! -e "$A/.snapshot/b.10" ]
	run_service "$file" '2h 1y'
	expect [ "$(snap_ids "$file" | wc -l)" -eq 2 ]
}

# The same of refsync: bring it, and prune both sides.
sync_service() {
	local service=${SERVICE%/*}/refsync@.service file=$A/'nightly file'
	local words capabilities hour

	random_file "$file" 5000 1
	for hour in {1..5}; do
		run_ok at_time $((1700000000 + hour * 86400)) refsnap create \
			--reserve=0 "$file" "$hour"
	done
	capabilities=$(sed -n 's/^CapabilityBoundingSet=//p' "$service" |
		tr '[:upper:] ' '[:lower:],' | sed 's/cap_/+/g')
	read -ra words <<<"$(sed -n 's/^ExecStart=//p' "$service")"
	words=("${words[@]//'${KEEP_REMOTE}'/1}")
	words=("${words[@]//'${KEEP}'/2d}")
	words=("${words[@]//'$OPTIONS'/--no-full}")
	words=("${words[@]//'${TO}'/$A/replica}")
	words=("${words[@]//%f/$file}")
	words[0]=$WORK/bin/refsync
	run_status 4 setpriv --bounding-set="-all,$capabilities" --no-new-privs \
		"${words[@]}"
	words=("${words[@]//--no-full/--newest-only}")
	run_ok setpriv --bounding-set="-all,$capabilities" --no-new-privs \
		"${words[@]}"
	expect [ "$(snap_ids "$file" | wc -l)" -eq 2 ]
	expect [ "$(snap_ids "$A/replica/nightly file" | wc -l)" -eq 1 ]
}

# The line of a crontab in refsnap(1), for another file and policy.
cron() {
	local file=$A/c line

	line=$(sed -n 's/^0 \* \* \* \* root //p' "$MANUAL")
	expect [ "$(grep -o /srv/vm/disk.img <<<"$line" | wc -l)" -eq 2 ]
	expect [ "$(grep -c "'48h 14d 8w 12m'" <<<"$line")" -eq 1 ]
	line=${line//"/srv/vm/disk.img"/$file}
	line=${line//48h 14d 8w 12m/2}
	random_file "$file" 5000 1
	for _ in 1 2 3; do
		run_ok sh -c "$line"
		expect [ ! -s "$OUT" ]
	done
	expect [ "$(snap_ids "$file" | wc -l)" -eq 2 ]
	# Nothing goes when none was taken.
	rm "$file"
	run_status 1 sh -c "$line"
	expect [ "$(snap_ids "$file" | wc -l)" -eq 2 ]
}

on_fs() {
	make_fs "$1" A
	test_case "schedule: the service keeps all metadata" all_metadata
	test_case "schedule: the service prunes" service_prunes
	test_case "schedule: the service of refsync" sync_service
	test_case "schedule: cron" cron
}

if command -v systemd-analyze >/dev/null; then
	test_case "schedule: units verified by systemd-analyze" units_verified
else
	skip_case "schedule: units verified by systemd-analyze" \
		"no systemd-analyze"
fi
for_each_fs on_fs xfs btrfs
finish
