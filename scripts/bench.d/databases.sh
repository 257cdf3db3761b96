# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: BSD-2-Clause
#
# databases.sh - what scripts/bench measures on databases: the bytes of the
# stream against those of the same records compressed by themselves.
#
# To be sourced after fs.sh.

SQLITE_ROWS=255000 SQLITE_CHANGES=12000
PG_SCALE=50 PG_TRANSACTIONS=5000	# of each of two clients
readonly LEVEL=1

databases_are_quick()
{
	SQLITE_ROWS=60000 SQLITE_CHANGES=3000 PG_SCALE=8 PG_TRANSACTIONS=500
}

# compare_bytes BASE SNAPSHOT
compare_bytes()
{
	local send="refsend --compress=zstd:$LEVEL -i $1 $2"

	refdiff "$1" "$2" >changes.list || [ $? = 1 ]
	value refsend changed_bytes "$(awk '{ sum += $2 } END { print sum }' \
	    changes.list)"
	bytes_of refsend "$send"
	$send >stream
	tell command "$key" plain "plain.py stream $2 $LEVEL"
	value plain bytes "$(plain.py stream "$2" "$LEVEL")"
	rm -f stream
	within_one "$1" "$2" changes.list "$LEVEL"
}

measure_sqlite()
{
	key=wire-sqlite
	progress "$key: $SQLITE_CHANGES changes to $SQLITE_ROWS rows"
	prepare make.py sqlite source/db "$SQLITE_ROWS" 1
	prepare refsnap create source/db before
	value sqlite size_bytes "$(stat -c %s source/db)"
	prepare make.py rows source/db "$SQLITE_CHANGES" 2
	prepare refsnap create source/db after
	compare_bytes source/.snapshot/db.before source/.snapshot/db.after
}

postgres_user="setpriv --reuid=postgres --regid=postgres --init-groups"

as_postgres()
{
	$postgres_user "$@"
}

sql()
{
	prepare as_postgres psql -q -h "$work/socket" -d postgres -c "$1"
}

# The image has all that was committed, and nothing is under way in it.
snapshot_postgres()
{
	sql CHECKPOINT
	prepare fsfreeze -f image
	prepare refsnap create source/pg.img "$1"
	prepare fsfreeze -u image
}

start_postgres()
{
	local wal=()

	mkdir socket image/data
	chown postgres socket image/data
	if [ "${1:-}" = apart ]; then
		mkdir wal
		chown postgres wal
		wal=("--waldir=$work/wal")
	fi
	prepare as_postgres "$programs/initdb" -D "$work/image/data" \
	    -A trust "${wal[@]}"
	# No shell in between, for $! to be the server.
	$postgres_user "$programs/postgres" -D "$work/image/data" -h '' \
	    -k "$work/socket" -c checkpoint_timeout=1h >>log 2>&1 &
	server=$!
	for _ in {1..100}; do
		if as_postgres psql -q -h "$work/socket" -d postgres \
		    -c '' 2>/dev/null; then
			return
		fi
		sleep 0.2
	done
	fail "PostgreSQL does not start"
}

# One run of pgbench, with the write-ahead log in the data directory or, with
# "apart", on a disk of its own.
run_pgbench()
{
	progress "$key: pgbench, scale $PG_SCALE"
	truncate -s 6G source/pg.img
	prepare mkfs.ext4 -q source/pg.img
	mount_image source/pg.img
	start_postgres "$@"
	prepare as_postgres "$programs/pgbench" -q -i -s "$PG_SCALE" \
	    -h "$work/socket" postgres
	snapshot_postgres before
	prepare as_postgres "$programs/pgbench" -n -c 2 \
	    -t "$PG_TRANSACTIONS" -h "$work/socket" postgres
	snapshot_postgres after
	kill -INT "$server"
	wait "$server" || true
	unmount_image source/pg.img
	compare_bytes source/.snapshot/pg.img.before \
	    source/.snapshot/pg.img.after
	prepare refsnap delete source/.snapshot/pg.img.before
	prepare refsnap delete source/.snapshot/pg.img.after
	rm -rf source/pg.img socket wal
}

measure_postgres()
{
	key=wire-postgres
	programs=$(find /usr/lib/postgresql -name bin 2>/dev/null | sort -V |
	    tail -n 1)
	if [ ! -x "$programs/initdb" ] || [ ! -x "$programs/pgbench" ] ||
	    ! getent passwd postgres >/dev/null; then
		skip "no PostgreSQL with pgbench here"
		return
	fi
	run_pgbench
	key=wire-postgres-apart
	run_pgbench apart
}

workload_databases()
{
	key=databases
	[ "$quick" = no ] || databases_are_quick
	need_room 5000 || return 0
	make_fs xfs source 16G
	measure_sqlite
	measure_postgres
	drop_all
}
