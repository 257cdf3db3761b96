#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 70-unprivileged.sh - the main job by an ordinary user, on files that he owns.

. "$(dirname "$0")/lib.sh"
. "$HERE/stream.sh"

# From here on every tool runs as that user.
refsnap() { as_user refsnap "$@"; }
refdiff() { as_user refdiff "$@"; }
refsend() { as_user refsend "$@"; }
refrecv() { as_user refrecv "$@"; }

own() {
	chown -R 65534:65534 "$@"
}

snap() {
	run_ok refsnap create --reflink=auto "$1" "$2"
}

main_job() {
	local file=$A/home/file from=$A/home/.snapshot/file to=$B/replica

	mkdir "$A/home" "$to"
	random_file "$file" 2000000 1
	chmod 640 "$file"
	setfattr -n user.colour -v blue "$file"
	setfacl -m u:54322:r "$file"
	own "$A/home" "$to"
	snap "$file" one
	random_patch "$file" 100000 70001 2
	fallocate -p -o 1000000 -l 65536 "$file"
	snap "$file" two
	truncate -s 1500001 "$file"
	snap "$file" three
	run_ok refsnap list "$file"
	expect [ "$(wc -l <"$OUT")" -ge 3 ]
	run_ok refsnap info "$from.one"
	run_status 1 refdiff "$from.one" "$from.two"
	carry "$to" --live -- "$from.one"
	carry "$to" --live -- -i "$from.one" "$from.two"
	carry "$to" --live -- -I "$from.one" "$from.three"
	for name in one two three; do
		check_replica "$from.$name" "$to/.snapshot/file.$name"
	done
	expect same "$file" "$to/file"
	expect [ "$(stat -c %u:%g:%a "$to/file")" = 65534:65534:640 ]
	expect [ "$(stat -c %u:%g:%a "$to/.snapshot/file.one")" = \
		65534:65534:440 ]
}

back() {
	local file=$A/home/file from=$A/home/.snapshot/file to=$B/replica

	run_ok refsnap delete "$from.two"
	expect [ ! -e "$from.two" ]
	carry "$A/home" -- -i "$to/.snapshot/file.one" "$to/.snapshot/file.two"
	run_ok refsnap restore "$from.two"
	expect same "$to/.snapshot/file.two" "$file"
	run_ok refsnap restore "$to/.snapshot/file.three" "$B/replica/new"
	expect same "$from.three" "$B/replica/new"
	run_ok refsnap hold "$from.one" tag
	run_code 1 refsnap delete "$from.one"
	run_ok refsnap release "$from.one" tag
	run_ok refsnap delete "$from.one"
}

# Told, and done without.
no_privilege() {
	local file=$A/home/file

	run_code 1 refsnap create --reflink=auto --immutable "$file" fixed
	expect_error 'cannot be made immutable'
	run_ok refsnap info "$A/home/.snapshot/file.fixed"
	mkdir "$B/mine"
	own "$B/mine"
	command refsend "$A/roots/.snapshot/program.one" >"$STREAM" ||
		fail "refsend fails for root"
	run_ok refrecv -v --trust-metadata "$B/mine" <"$STREAM"
	expect_error 'owner 54321:54321 is not kept'
	expect_error 'attribute trusted.secret is not kept'
	expect [ "$(stat -c %u:%g:%a "$B/mine/.snapshot/program.one")" = \
		65534:65534:444 ]
	expect same "$A/roots/program" "$B/mine/.snapshot/program.one"
	run_ok refsnap clone "$B/mine/.snapshot/program.one" "$B/mine/clone"
	# Without its owner a setuid program would be another's.
	expect [ "$(stat -c %a "$B/mine/clone")" = 755 ]
	run_code 1 refrecv "$A/roots" <"$STREAM.copy"
	expect_error 'Permission denied'
	expect [ "$(ls "$A/roots")" = program ]
}

foreign_files() {
	mkdir "$A/roots"
	random_file "$A/roots/program" 300000 5
	chown 54321:54321 "$A/roots/program"
	chmod 4755 "$A/roots/program"
	setfattr -n trusted.secret -v x "$A/roots/program"
	command refsnap create --reflink=auto "$A/roots/program" one >/dev/null ||
		fail "refsnap fails for root"
	cp --reflink=auto "$A/roots/program" "$A/roots/copy"
	random_patch "$A/roots/copy" 5000 10 6
	cp --reflink=auto "$A/roots/copy" "$A/roots/.copy2"
	random_patch "$A/roots/.copy2" 7000 10 6
	chmod 755 "$A/roots"
	mkdir "$B/copies"
	own "$B/copies"
	# Not his: cannot be sealed, but can be read and sent.
	carry "$B/copies" -- "$A/roots/copy"
	cp "$STREAM" "$STREAM.copy"
	expect same "$A/roots/copy" "$B/copies/copy"
	expect_not getfattr --absolute-names -n user.refsend.seal \
		"$A/roots/copy"
	carry "$B/copies" -- -i "$A/roots/copy" "$A/roots/.copy2"
	expect same "$A/roots/.copy2" "$B/copies/.copy2"
	# A sealed one of root's too.
	carry "$B/copies" -- "$A/roots/.snapshot/program.one"
	rm "$A/roots/copy" "$A/roots/.copy2"
	run_code 1 refsnap create --reflink=auto "$A/roots/program" mine
	chmod 600 "$A/roots/.snapshot/program.one"
	run_code 1 refsend "$A/roots/.snapshot/program.one"
	rm -rf "$A/roots/.snapshot"
	command refsnap create --reflink=auto "$A/roots/program" one >/dev/null ||
		fail "refsnap fails for root"
}

on_fs() {
	forget_reader
	make_fs "$1" A
	make_fs "$1" B
	test_case "send, receive, publish" main_job
	test_case "delete, send back, restore, hold" back
	test_case "files of another user" foreign_files
	test_case "what needs privilege is told" no_privilege
}

for_each_fs on_fs
finish
