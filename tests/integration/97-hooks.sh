#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 97-hooks.sh - what docs/BACKUP.md says of databases, guests and services: a
# real PostgreSQL; a guest agent and a systemctl that stand in for real ones.

. "$(dirname "$0")/lib.sh"

GUIDE=$HERE/../../docs/BACKUP.md
EXAMPLES=$(cd "$HERE/../../docs/examples" && pwd)
PROGRAMS=$(find /usr/lib/postgresql -name bin 2>/dev/null | sort -V | tail -n 1)
AGENT=$WORK/agent		# socket of the stand-in
SRV=$WORK/srv

# The commands of the guide of one kind, with paths of here: guide_commands KIND
guide_commands() {
	awk -v kind="\`\`\`sh $1" '$0 == kind { on = 1; next }
		/^```/ { on = 0 } on' "$GUIDE" |
		sed -e "s,nas:/replica,$B/replica,g" -e "s,/vms,$A/vms,g" \
			-e "s,/srv,$SRV,g" -e "s,/run/vm1.agent,$AGENT,g" \
			-e "s,/usr/local/share/doc/refsend/examples,$EXAMPLES,g"
}

# Run those that match, as root would type them: guide_run KIND PATTERN
guide_run() {
	local line

	guide_commands "$1" | grep -e "$2" >"$WORK/commands"
	expect [ -s "$WORK/commands" ]
	while IFS= read -r line <&3; do
		run_ok bash -c "$line" || return
	done 3<"$WORK/commands"
}

snapshots() {
	ls "$1/.snapshot" 2>/dev/null
}

newest() {
	ls -d "$1"/.snapshot/* | tail -n 1
}

start() {
	rm -rf "$A/vms" "${B:?}"/*
	mkdir -p "$A/vms" "$SRV"
}

# ---- PostgreSQL ----

# The image, and in it a database that is reached as on Debian: by a socket that
# knows who is at its other end.
postgres_start() {
	start
	mkdir -p "$SRV/pg" "$SRV/back" "$WORK/socket" "$WORK/other"
	truncate -s 1500M "$A/vms/pg.img"
	mkfs.ext4 -q "$A/vms/pg.img"
	mount -o loop "$A/vms/pg.img" "$SRV/pg" || return
	test_mounts+=("$SRV/pg")
	install -d -o postgres "$SRV/pg/data"
	chown postgres "$WORK/socket" "$WORK/other"
	runuser -u postgres -- "$PROGRAMS/initdb" -A peer "$SRV/pg/data" \
		>"$OUT" 2>"$ERR" || return
	postgres_run "$SRV/pg/data" "$WORK/socket"
	export PGHOST=$WORK/socket
}

# postgres_run DATA SOCKET: sets $server.
postgres_run() {
	setpriv --reuid=postgres --regid=postgres --init-groups \
		--pdeathsig KILL "$PROGRAMS/postgres" -D "$1" -h '' -k "$2" \
		>>"$WORK/postgres" 2>&1 &
	server=$!
	for _ in {1..300}; do
		PGHOST=$2 sql 'select 1' >"$OUT" 2>&1 && return
		sleep 0.1
	done
	return 1
}

sql() {
	runuser -u postgres -- psql -qAtXc "$1"
}

# A row after the other, each noted once it is committed.
write_rows() {
	local n=0

	while :; do
		n=$((n + 1))
		sql "insert into rows values ($n)" >/dev/null 2>&1 || return
		echo "$n" >"$WORK/row.new"
		mv "$WORK/row.new" "$WORK/row"
	done
}

# The rows, and beside them a load with a sum that must be the same everywhere.
postgres_load() {
	runuser -u postgres -- "$PROGRAMS/pgbench" -iq postgres \
		>"$OUT" 2>"$ERR" || return
	sql 'create table rows (n integer primary key)'
	write_rows &
	writer=$!
	setpriv --reuid=postgres --regid=postgres --init-groups \
		"$PROGRAMS/pgbench" -n -c 2 -T 600 postgres >/dev/null 2>&1 &
	load=$!
	for _ in {1..100}; do
		[ -s "$WORK/row" ] && return
		sleep 0.1
	done
	return 1
}

postgres_stop() {
	kill "$writer" "$load"
	wait "$writer" "$load"
	kill -INT "$server"
	wait "$server"
	umount "$SRV/pg"
} 2>/dev/null

# The sums of the load; all are one number in a database that is as it should.
sums='select count(distinct s) from (
	select sum(abalance) s from pgbench_accounts union all
	select sum(bbalance) from pgbench_branches union all
	select sum(tbalance) from pgbench_tellers union all
	select coalesce(sum(delta), 0) from pgbench_history) x'

# The newest replica, restored as the guide says: is it right, with $1 rows at
# the least and $2 at the most?
restored_is_right() {
	local rows

	guide_run postgresql 'restore\|/back' || return
	test_mounts+=("$SRV/back")
	main=$server
	if postgres_run "$SRV/back/data" "$WORK/other"; then
		rows=$(PGHOST=$WORK/other sql 'select count(*) from rows')
		expect [ "$rows" -ge "$1" ]
		expect [ "$rows" -le "$2" ]
		# None is missing in between.
		expect [ "$(PGHOST=$WORK/other sql \
			'select max(n) from rows')" -eq "$rows" ]
		expect [ "$(PGHOST=$WORK/other sql "$sums")" -eq 1 ]
		expect [ "$(PGHOST=$WORK/other sql \
			'select count(*) from pgbench_history')" -gt 0 ]
		run_ok runuser -u postgres -- env PGHOST="$WORK/other" \
			"$PROGRAMS/pg_amcheck" --heapallindexed -i \
			pgbench_accounts_pkey --install-missing postgres
	else
		fail "it does not start: $(tail -n 5 "$WORK/postgres")"
	fi
	kill -INT "$server" 2>/dev/null
	wait "$server" 2>/dev/null
	server=$main
	umount "$SRV/back"
	rm -f "$A/vms/back.img"
}

# Seconds since 1970 of the newest checkpoint in a data directory.
checkpoint_time() {
	date +%s -d "$("$PROGRAMS/pg_controldata" "$1" |
		sed -n 's/^Time of latest checkpoint: *//p')"
}

# Is the file system in an image as after unmounting?
is_clean() {
	! dumpe2fs -h "$1" 2>/dev/null | grep -q needs_recovery
}

committed() {
	cat "$WORK/row"
}

# With the hooks of the guide.
postgres_hooks() {
	local before began

	guide_run postgresql 'CREATE ROLE'
	expect_not is_clean "$A/vms/pg.img"
	before=$(committed)
	sleep 1.1
	began=$(date +%s)
	guide_run postgresql 'CHECKPOINT'
	expect is_clean "$(newest "$B/replica")"
	restored_is_right "$before" $(($(committed) + 1))
	# As clean as it is, it need not be written to be read.
	mount -o ro,noload,loop "$(newest "$B/replica")" "$SRV/back"
	expect [ "$(checkpoint_time "$SRV/back/data")" -ge "$began" ]
	umount "$SRV/back"
}

# Without any, and with the rows counted in the moment before the cut.
postgres_no_hooks() {
	local turn

	for turn in 1 2 3; do
		sleep 1.1
		run_ok refsync --pre "cp '$WORK/row' '$WORK/before'" \
			"$A/vms/pg.img" "$B/replica" || return
		restored_is_right "$(cat "$WORK/before")" \
			$(($(committed) + 1))
	done
}

# The checkpoint cannot be made: no snapshot, and what was not frozen is no
# more frozen.
postgres_missing() {
	local count line

	count=$(snapshots "$A/vms" | wc -l)
	line=$(guide_commands postgresql | grep CHECKPOINT)
	run_status 10 env PGHOST="$WORK/none" bash -c "$line"
	expect [ "$(snapshots "$A/vms" | wc -l)" -eq "$count" ]
	expect touch "$SRV/pg/not-frozen"
}

postgres_tests() {
	if [ ! -x "${PROGRAMS:-/none}/initdb" ] ||
		[ ! -x "$PROGRAMS/pgbench" ] || ! getent passwd postgres \
		>/dev/null || ! command -v psql runuser >/dev/null; then
		skip_case "PostgreSQL" "no PostgreSQL with pgbench here"
		return
	fi
	if ! lib_wanted "PostgreSQL, with the hooks of the guide" &&
		! lib_wanted "PostgreSQL, without" &&
		! lib_wanted "PostgreSQL that is not there"; then
		return
	fi
	if ! postgres_start || ! postgres_load; then
		test_case "PostgreSQL" fail "does not start: $(tail -n 5 \
			"$ERR" "$WORK/postgres")"
		return
	fi
	test_case "PostgreSQL, with the hooks of the guide" postgres_hooks
	test_case "PostgreSQL, without" postgres_no_hooks
	test_case "PostgreSQL that is not there" postgres_missing
	postgres_stop
	unset PGHOST
}

# ---- a guest ----

guest_start() {
	start
	random_file "$A/vms/host1.img" 1048576 1
	: >"$WORK/agent-log"
	rm -f "$AGENT"
	guest_mode good
	"$PYTHON" "$HERE/guesttool.py" "$AGENT" "$A/vms/host1.img" \
		"$WORK/agent-log" "$WORK/agent-mode" &
	guest=$!
	for _ in {1..100}; do
		[ -S "$AGENT" ] && return
		sleep 0.05
	done
	fail "the guest does not start"
}

guest_stop() {
	kill "$guest"
	wait "$guest" 2>/dev/null
}

guest_mode() {
	echo "$*" >"$WORK/agent-mode"
}

guest_state() {
	head -c 6 "${1:-$A/vms/host1.img}"
}

guest_good() {
	guest_start
	guide_run guest .
	expect [ "$(guest_state "$(newest "$B/replica")")" = frozen ]
	expect [ "$(guest_state)" = moving ]
	guest_mode stale
	sleep 1.1
	guide_run guest .
	expect [ "$(guest_state "$(newest "$B/replica")")" = frozen ]
	expect [ "$(guest_state)" = moving ]
	guest_stop
}

# guest_fails MODE SECONDS MESSAGE: the freeze does; no snapshot is taken, and
# it is thawed.
guest_fails() {
	guest_mode "$1"
	: >"$WORK/agent-log"
	run_status 10 refsync --pre "$EXAMPLES/qemu-guest freeze $AGENT $2" \
		--post "$EXAMPLES/qemu-guest thaw $AGENT $2" \
		"$A/vms/host1.img" "$B/replica"
	expect_error "$3"
	expect [ -z "$(snapshots "$A/vms")" ]
	expect grep -q guest-fsfreeze-thaw "$WORK/agent-log"
	expect [ "$(guest_state)" = moving ]
}

guest_bad() {
	guest_start
	guest_fails error 5 'cannot freeze /mnt'
	guest_fails none 5 'no file system was frozen'
	guest_fails ends 5 'ended the connection'
	guest_fails 'slow 1.5' 1 'no answer within 1 seconds'
	# Slower than both: the thaw is under way all the same.
	guest_mode slow 4
	: >"$WORK/agent-log"
	run_status 10 refsync --pre "$EXAMPLES/qemu-guest freeze $AGENT 1" \
		--post "$EXAMPLES/qemu-guest thaw $AGENT 1" \
		"$A/vms/host1.img" "$B/replica"
	for _ in {1..100}; do
		grep -q guest-fsfreeze-thaw "$WORK/agent-log" && break
		sleep 0.1
	done
	sleep 0.2
	expect [ "$(guest_state)" = moving ]
	guest_stop
}

# Nobody answers, or there is no guest: no longer than the limit.
guest_silent() {
	local began

	guest_start
	guest_mode silent
	began=$(date +%s%3N)
	run_status 1 "$EXAMPLES/qemu-guest" freeze "$AGENT" 1
	expect_error 'no answer within 1 seconds'
	expect [ $(($(date +%s%3N) - began)) -lt 5000 ]
	guest_stop
	run_status 1 "$EXAMPLES/qemu-guest" freeze "$AGENT" 1
	expect_error 'Connection refused'
	run_status 1 "$EXAMPLES/qemu-guest" freeze "$WORK/none"
	run_status 1 "$EXAMPLES/qemu-guest" frieze "$AGENT"
	expect_error 'Usage'
}

# What is still frozen after a thaw is told.
guest_stuck() {
	guest_start
	guest_mode stuck
	run_status 10 refsync --pre "$EXAMPLES/qemu-guest freeze $AGENT" \
		--post "$EXAMPLES/qemu-guest thaw $AGENT" "$A/vms/host1.img" \
		"$B/replica"
	expect_error 'still frozen'
	expect same "$(newest "$A/vms")" "$(newest "$B/replica")"
	guest_stop
}

# No snapshot can be taken: thawed all the same.
guest_no_snapshot() {
	guest_start
	touch "$A/vms/.snapshot"
	run_status 1 refsync --pre "$EXAMPLES/qemu-guest freeze $AGENT" \
		--post "$EXAMPLES/qemu-guest thaw $AGENT" "$A/vms/host1.img" \
		"$B/replica"
	expect [ "$(grep -c 'freeze-freeze\|freeze-thaw' \
		"$WORK/agent-log")" -eq 2 ]
	expect [ "$(guest_state)" = moving ]
	guest_stop
}

# With SIGKILL nothing runs any more: that is what the guide says.
guest_killed() {
	local pid

	guest_start
	guest_mode slow 2
	refsync --pre "$EXAMPLES/qemu-guest freeze $AGENT" \
		--post "$EXAMPLES/qemu-guest thaw $AGENT" "$A/vms/host1.img" \
		"$B/replica" 2>"$ERR" &
	pid=$!
	sleep 1
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	sleep 2
	expect [ "$(guest_state)" = frozen ]
	run_ok "$EXAMPLES/qemu-guest" thaw "$AGENT"
	expect [ "$(guest_state)" = moving ]
	guest_stop
}

# ---- a service ----

# A systemctl whose service db tells in both files how it is.
stand_in() {
	mkdir -p "$WORK/stand-in"
	cat >"$WORK/stand-in/systemctl" <<-'END'
		#!/bin/sh
		[ "$2" = db ] || exit 5
		for file in "$FILES"/host?.img; do
			printf '%-6s' "$1" | dd of="$file" conv=notrunc status=none
		done
	END
	chmod +x "$WORK/stand-in/systemctl"
	export FILES=$A/vms
}

service() {
	local PATH=$WORK/stand-in:$PATH

	start
	random_file "$A/vms/host1.img" 1048576 1
	random_file "$A/vms/host2.img" 1048576 2
	stand_in
	guide_run service 'refsync --pre'
	expect [ "$(guest_state "$(newest "$B/replica")")" = 'stop  ' ]
	expect [ "$(guest_state)" = 'start ' ]
	guide_run service 'freeze\|thaw\|tonight'
	expect [ "$(guest_state "$B/replica/.snapshot/host1.img.tonight")" \
		= freeze ]
	expect [ "$(guest_state "$B/replica/.snapshot/host2.img.tonight")" \
		= freeze ]
	expect [ "$(guest_state)" = 'thaw  ' ]
	# One that cannot be stopped.
	run_status 10 refsync --pre 'systemctl stop other' \
		"$A/vms/host1.img" "$B/replica"
}

# What is frozen must not be where the image lies.
frozen_below() {
	local began

	start
	random_file "$A/vms/host1.img" 1048576 1
	began=$(date +%s)
	{
		sleep 4
		fsfreeze -u "$A"
	} &
	run_ok refsync --pre "fsfreeze -f '$A'" "$A/vms/host1.img" "$B/replica"
	wait $!
	expect [ $(($(date +%s) - began)) -ge 3 ]
}

# In a file of settings: words without quotes.
settings() {
	start
	random_file "$A/vms/host1.img" 1048576 1
	printf '#!/bin/sh\ntouch "$0.ran"\n' >"$WORK/stop"
	cp "$WORK/stop" "$WORK/go"
	chmod +x "$WORK/stop" "$WORK/go"
	grep -o 'OPTIONS=--pre[^`]*' "$GUIDE" | sed "s,/etc/refsend,$WORK,g" \
		>"$WORK/settings"
	# shellcheck disable=SC2046 # words, as systemd takes $OPTIONS
	run_ok refsync $(sed 's/^OPTIONS=//' "$WORK/settings") \
		"$A/vms/host1.img" "$B/replica"
	expect [ -e "$WORK/stop.ran" ]
	expect [ -e "$WORK/go.ran" ]
	expect grep -q '\$OPTIONS --' \
		"$HERE/../../scripts/systemd/refsync@.service.in"
}

make_fs xfs A 4G
make_fs xfs B 4G
postgres_tests
test_case "a guest" guest_good
test_case "a guest that cannot be frozen" guest_bad
test_case "a guest that says nothing" guest_silent
test_case "a guest that stays frozen" guest_stuck
test_case "a guest is thawed without a snapshot" guest_no_snapshot
test_case "refsync is killed" guest_killed
test_case "a service" service
test_case "what the image lies on is frozen" frozen_below
test_case "hooks in a file of settings" settings
finish
