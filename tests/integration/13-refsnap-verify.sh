#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 13-refsnap-verify.sh - refsnap verify finds contents that are not those of the
# seal, and records a digest where there is none.

. "$(dirname "$0")/lib.sh"
. "$HERE/rot.sh"

SEALTOOL=$HERE/sealtool.py
STOPTOOL=$HERE/stoptool.py
SIZE=6000000

# A live file $A/live with snapshot one, $SNAP, and $R, a replica of it.
fresh() {
	chattr -R -i "$A" 2>/dev/null
	rm -rf "$A/live" "$A/.snapshot" "$A/replica"
	random_file "$A/live" $SIZE 1
	fallocate -p -o 1000000 -l 2000000 "$A/live" 2>/dev/null
	take "$A/live" one
	mkdir "$A/replica"
	send_and_receive "$A/replica" "$SNAP"
	R=$A/replica/.snapshot/live.one
}

sealed_digest() {
	"$PYTHON" "$SEALTOOL" show "$1"
}

# A seal is as it was: seal_is VALUE FILE
seal_is() {
	expect [ "$(getfattr --absolute-names --only-values -e hex \
		-n user.refsend.seal "$2" | md5sum)" = "$1" ]
}
seal_of() {
	getfattr --absolute-names --only-values -e hex \
		-n user.refsend.seal "$1" | md5sum
}

# More than a seal's time for publication is over.
late() {
	while [ $(($(date +%s) - $(stat -c %Z "$1"))) -lt 3 ]; do
		sleep 0.1
	done
}

whole_replica() {
	local digest

	fresh
	digest=$(sealed_digest "$R")
	expect [ "${digest:32}" = 00000000000000000000000000000000 ]
	run_ok refsnap verify "$R"
	expect [ "$(cat "$OUT")" = "$R: good, xxh3-128:${digest:0:32}" ]
	expect [ ! -s "$ERR" ]
	run_ok refsnap verify --json "$R"
	expect [ "$(json_value "$OUT" '(o["path"], o["result"], o["recorded"],
o["computed"], o["id"])')" = "('$R', 'equal', 'xxh3-128:${digest:0:32}', \
'xxh3-128:${digest:0:32}', '$(snap_ids "$A/live")')" ]
	run_ok refsnap info "$R"
	expect grep -q "^digest: *xxh3-128:${digest:0:32}\$" "$OUT"
	run_ok refsnap info --json "$R"
	expect [ "$(json_value "$OUT" 'o["digest"]')" = \
		"xxh3-128:${digest:0:32}" ]
	# Renamed and linked, it is the same.
	late "$R"
	ln "$R" "$A/replica/link"
	run_ok refsnap verify -v "$A/replica/link"
	expect_error 'it was renamed or linked'
	# By who may read it, also without its seal's directory.
	chmod 755 "$A/replica" "$A/replica/.snapshot"
	run_ok as_user refsnap verify "$R"
}

# What comes as a difference brings no digest, nor does create.
no_digest() {
	fresh
	random_patch "$A/live" 5000 100 2
	take "$A/live" two
	send_and_receive "$A/replica" -i "$A/.snapshot/live.one" "$SNAP"
	for path in "$SNAP" "$A/replica/.snapshot/live.two"; do
		run_code 1 refsnap verify "$path"
		expect_error "$path records no digest; 'refsnap verify \
--record SNAP' records one"
		expect [ ! -s "$OUT" ]
		run_code 1 refsnap verify --json "$path"
		expect [ "$(json_value "$OUT" \
			'o["result"], o["recorded"], o["computed"]')" = \
			"('no digest', None, None)" ]
		run_ok refsnap info "$path"
		expect grep -q '^digest: *none$' "$OUT"
		run_ok refsnap info --json "$path"
		expect [ "$(json_value "$OUT" 'o["digest"]')" = None ]
	done
}

recorded() {
	local digest before

	fresh
	digest=$(sealed_digest "$R")
	late "$SNAP"
	before=$(stat -c '%i %a %u %g %s %y' "$SNAP")
	run_ok refsnap verify --record "$SNAP"
	expect [ "$(cat "$OUT")" = "$SNAP: recorded, xxh3-128:${digest:0:32}" ]
	expect [ "$(sealed_digest "$SNAP")" = "$digest" ]
	expect [ "$before" = "$(stat -c '%i %a %u %g %s %y' "$SNAP")" ]
	# The seal has nothing to remark on.
	run_ok refsnap verify -v "$SNAP"
	expect [ ! -s "$ERR" ]
	run_ok refsnap info "$SNAP"
	expect grep -q '^seal: *good$' "$OUT"
	# It goes on as a base, and what it is the base of is right.
	random_patch "$A/live" 5000 100 2
	take "$A/live" two
	send_and_receive "$A/replica" -i "$A/.snapshot/live.one" "$SNAP"
	expect same "$A/live" "$A/replica/.snapshot/live.two"
	# One that is there is checked.
	digest=$(seal_of "$R")
	run_ok refsnap verify --record "$R"
	expect grep -q ': good, ' "$OUT"
	seal_is "$digest" "$R"
	run_ok refsnap verify --record --json "$SNAP"
	expect [ "$(json_value "$OUT" 'o["result"]')" = recorded ]
	expect [ "$(json_value "$OUT" \
		'o["recorded"] == o["computed"] != None')" = True ]
}

# What was renamed, or worse, before stays remarkable.
recorded_touched() {
	fresh
	late "$SNAP"
	mv "$SNAP" "$A/.snapshot/moved"
	run_ok refsnap verify --record -v "$A/.snapshot/moved"
	expect_error 'it was changed after it was sealed'
	run_ok refsnap verify -v "$A/.snapshot/moved"
	expect_error 'it was changed after it was sealed'
	expect [ "$(sealed_digest "$R")" = \
		"$(sealed_digest "$A/.snapshot/moved")" ]
}

not_recorded() {
	local seal

	fresh
	seal=$(seal_of "$SNAP")
	chown -R 65534:65534 "$A/.snapshot"
	run_code 1 as_user refsnap verify --record "$SNAP"
	expect_error 'which takes root and no immutable flag: Permission denied'
	seal_is "$seal" "$SNAP"
	if chattr +i "$SNAP" 2>/dev/null; then
		run_code 1 refsnap verify --record "$SNAP"
		expect_error 'immutable flag: Operation not permitted'
		chattr -i "$SNAP"
		seal_is "$seal" "$SNAP"
	fi
	# A plain copy that can be written to, and one that cannot.
	cp "$A/live" "$A/plain"
	run_ok refsend -n "$A/plain"
	seal=$(seal_of "$A/plain")
	run_code 1 refsnap verify --record "$A/plain"
	expect_error "$A/plain can be written to: no digest is recorded"
	seal_is "$seal" "$A/plain"
	run_ok refsnap info "$A/plain"
	cp "$A/live" "$A/fixed"
	chmod a-w "$A/fixed"
	run_ok refsend -n "$A/fixed"
	run_ok refsnap verify --record "$A/fixed"
	run_ok refsnap verify "$A/fixed"
	rm -f "$A/plain" "$A/fixed"
}

# The seal comes first.
not_sealed() {
	local copy=$A/replica/copy

	fresh
	run_code 5 refsnap verify "$A/live"
	expect_error 'it has no seal'
	run_code 5 refsnap verify --json --record "$A/live"
	expect [ ! -s "$OUT" ]
	cp -a "$R" "$copy"
	run_code 5 refsnap verify "$copy"
	run_code 5 refsnap verify --record "$copy"
	rm "$copy"
	chmod u+w "$R"
	run_code 5 refsnap verify "$R"
	random_patch "$R" 100 1 2
	chmod u-w "$R"
	run_code 5 refsnap verify "$R"
	run_code 1 refsnap verify "$A/missing"
	run_code 1 refsnap verify "$A"
	run_code 2 refsnap verify
	run_code 2 refsnap verify "$SNAP" "$SNAP"
	run_code 2 refsnap verify --force "$SNAP"
	run_code 2 refsnap info --record "$SNAP"
}

other_digests() {
	local seal

	fresh
	"$PYTHON" "$SEALTOOL" value "$R"
	seal=$(seal_of "$R")
	run_code 9 refsnap verify "$R"
	expect_error "$R is damaged"
	expect [ ! -s "$OUT" ]
	run_code 9 refsnap verify --record "$R"
	seal_is "$seal" "$R"
	run_code 9 refsnap verify --json "$R"
	expect [ "$(json_value "$OUT" '(o["result"],
o["recorded"] == o["computed"])')" = "('different', False)" ]
	"$PYTHON" "$SEALTOOL" algorithm "$R"
	seal=$(seal_of "$R")
	run_code 1 refsnap verify "$R"
	expect_error 'cannot check (algorithm 77'
	run_code 1 refsnap verify --record "$R"
	seal_is "$seal" "$R"
}

sizes() {
	local size snap

	fresh
	for size in 0 1 65535 65536 65537 1048577; do
		rm -rf "$A/small" "$A/.snapshot"
		random_file "$A/small" "$size" 3
		take "$A/small" "$size"
		snap=$SNAP
		mkdir "$A/replica/$size"
		send_and_receive "$A/replica/$size" "$snap"
		run_ok refsnap verify "$A/replica/$size/.snapshot/small.$size"
		run_ok refsnap verify --record "$snap"
		expect [ "$(sealed_digest "$snap")" = "$(sealed_digest \
			"$A/replica/$size/.snapshot/small.$size")" ]
	done
	rm -f "$A/small"
}

# A bit of a replica that lies alone on its file system; its seal knows nothing
# of it.
damaged() {
	make_fs "$1" A 600M
	mkdir "$A/replica"
	run_ok refrecv --reserve=0 "$A/replica" <"$WORK/stream"
	R=$A/replica/.snapshot/live.one
	run_ok refsnap verify "$R"
	damage A replica/.snapshot/live.one $((3800000 / 4096 * 4096))
	run_ok refsnap info "$R"
	case $1 in
	btrfs)
		# It has checksums of its own.
		run_code 1 refsnap verify "$R"
		expect_error "cannot read $R: Input/output error" ;;
	*)
		expect_not same "$R" "$S/live"
		run_code 9 refsnap verify "$R"
		expect_error "$R is damaged" ;;
	esac
}

# What damage is done to.
damage_stream() {
	make_fs xfs S
	random_file "$S/live" $SIZE 1
	run_ok refsnap create "$S/live" one
	run_ok refsend --compress=none -o "$WORK/stream" "$S/.snapshot/live.one"
}

# while_read CODE CHANGE [OPTION OF VERIFY]...: CHANGE comes when $R was read up
# to its hole.
while_read() {
	run_status "$1" "$PYTHON" -B "$STOPTOOL" lseek 3 "$2" \
		refsnap verify "${@:3}" "$R"
}

changed_while_read() {
	fresh
	while_read 1 "chmod u+w '$R'"
	expect_error 'was changed while it was in use: its mode is'
	chmod u-w "$R"
	while_read 1 "touch -d @1000000000 '$R'"
	expect_error 'was changed while it was in use: it was written to'
	fresh
	while_read 0 "mv '$R' '$R.renamed'"
	mv "$R.renamed" "$R"
	# Other readers may come, and who would delete it has to wait.
	while_read 0 "refsnap verify '$R'"
	while_read 0 "refsnap delete '$R' || [ \$? -eq 8 ]"
	expect_error 'in use by another run'
	# What is recorded is what was read: nothing may come between.
	R=$SNAP
	while_read 1 "mv '$R' '$R.renamed'; mv '$R.renamed' '$R'" --record
	expect_error 'was changed while it was in use: no digest is recorded'
	expect [ "$(sealed_digest "$R")" = none ]
	while_read 1 "chmod u+w '$R'" --record
	expect [ "$(sealed_digest "$R")" = none ]
	chmod u-w "$R"
	run_ok refsnap verify --record "$R"
}

# It does not read what is not there.
holes() {
	rm -rf "$A/sparse" "$A/.snapshot"
	truncate -s 20G "$A/sparse"
	random_patch "$A/sparse" 7000000000 5000 1
	take "$A/sparse" one
	run_ok traced -o "$WORK/trace" -e trace=pread64,flock \
		refsnap verify --record "$SNAP"
	expect [ "$(sed '1,/^flock/d' "$WORK/trace" | grep -c ^pread64)" = 1 ]
	run_ok refsnap verify "$SNAP"
	rm -f "$A/sparse"
}

progress() {
	fresh
	run_ok traced -o /dev/null -e trace=pread64 -e \
		inject=pread64:delay_enter=700000 refsnap verify "$R"
	expect [ ! -s "$ERR" ]
	run_ok script -qec "ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 \
strace -qq -o /dev/null -e trace=pread64 -e inject=pread64:delay_enter=700000 \
refsnap verify '$R'" /dev/null
	expect grep -aEq 'refsnap: [0-9.]+ MiB of 5.7 MiB \([0-9]+ %\), .* left' \
		"$OUT"
}

# A whole send reads all: what is not what the seal records gets no new digest.
not_sent_on() {
	local file=$A/sent/.snapshot/f.one

	rm -rf "$A/sent" "$A/there"
	mkdir "$A/sent" "$A/there"
	random_file "$A/sent/f" 300000 1
	run_ok refsnap create --reflink=auto "$A/sent/f" one
	run_ok refsnap verify --record "$file"
	touch -r "$file" "$WORK/times"
	printf xx | dd of="$file" bs=1 seek=1000 conv=notrunc status=none
	touch -r "$WORK/times" "$file"
	run_code 5 refsend -o "$WORK/stream" "$file"
	expect [ ! -e "$WORK/stream" ]
}

on_fs() {
	make_fs "$1" A
	test_case "what is damaged is not sent on" not_sent_on
	test_case "verify: a whole replica" whole_replica
	test_case "verify: no digest" no_digest
	test_case "verify: --record" recorded
	test_case "verify: --record of a renamed snapshot" recorded_touched
	test_case "verify: what is not recorded" not_recorded
	test_case "verify: not what its seal says" not_sealed
	test_case "verify: other digests" other_digests
	test_case "verify: sizes" sizes
	[ "$1" != xfs ] || with_strace
}

with_strace() {
	if ! command -v strace >/dev/null; then
		skip_case "verify: changed while it is read" "no strace"
		return
	fi
	test_case "verify: changed while it is read" changed_while_read
	test_case "verify: holes" holes
	test_case "verify: progress" progress
}

on_damaged() {
	test_case "verify: damaged on disk" damaged "$1"
}

for_each_fs on_fs xfs btrfs ext4
if lib_kind_usable xfs; then
	damage_stream
	for_each_fs on_damaged xfs btrfs btrfs-nodatacow ext4
else
	skip_case "verify: damaged on disk" "no mkfs for xfs"
fi
finish
