#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 98-repair.sh - refsync --verify --repair: a replica that was damaged is what it
# was again, or stays as it is.

. "$(dirname "$0")/lib.sh"
. "$HERE/rot.sh"

MIB=1048576
SERVE=$WORK/serve		# stands in for ssh: -e "$SERVE"
TOOL=$HERE/dialoguetool.py

# serve_with COMMAND...: what runs over there, whatever is asked for.
serve_with() {
	printf '#!/bin/sh\ncd "%s" && exec %s\n' "$B" "$*" >"$SERVE"
	chmod +x "$SERVE"
}

# $S, a snapshot in $A, and $R, its replica in $B, which came as a difference:
# without a digest.  Both have things that a replica keeps.
start() {
	rm -rf "$A/vms" "${B:?}"/*
	mkdir "$A/vms"
	random_file "$A/vms/vm.img" $((8 * MIB + 777)) 1
	setfattr -n user.note -v kept "$A/vms/vm.img"
	chown 1234:1235 "$A/vms/vm.img"
	run_ok refsnap create "$A/vms/vm.img" one
	run_ok refsync "$A/vms/.snapshot/vm.img.one" "$B/replica"
	random_patch "$A/vms/vm.img" 8192 4096 2
	run_ok refsnap create "$A/vms/vm.img" two
	run_ok refsync "$A/vms/.snapshot/vm.img.two" "$B/replica"
	S=$A/vms/.snapshot/vm.img.two
	R=$B/replica/.snapshot/vm.img.two
}

# A write that gives its seal away.
tamper() {
	chmod u+w "$R"
	random_patch "$R" "$1" 100 8
	chmod u-w "$R"
}

# A replica that is right again.
is_right() {
	expect same "$S" "$R"
	expect same_metadata "$S" "$R" mode
	run_ok refsnap info "$R"
	expect grep -q '^seal: *good$' "$OUT"
	expect grep -q 'refsync' "$OUT"
	expect [ "$(snap_ids "$A/vms")" = "$(snap_ids "$B/replica")" ]
	run_ok refsync --verify "$S" "$B/replica"
	# It goes on as a base.
	random_patch "$A/vms/vm.img" $MIB 4096 5
	sleep 1.1
	run_ok refsync --no-full --json "$A/vms/vm.img" "$B/replica"
	expect [ "$(json_value "$OUT" 'o["sources"][0]["data_bytes"]')" -eq \
		4096 ]
	run_ok refsync --verify "$A/vms/vm.img" "$B/replica"
	expect [ -z "$(ls "$B/replica/.snapshot/.refsend" |
		grep -e partial -e replaced)" ]
}

# Bits turned on the disk, of which its seal knows nothing.
rot() {
	local start_ms

	start
	damage B replica/.snapshot/vm.img.two 8192
	run_status 9 refsync --verify "$S" "$B/replica"
	expect [ "$(cat "$OUT")" = "0 $MIB" ]
	start_ms=$(date +%s%3N)
	run_ok refsync -v --bwlimit=1M --verify --repair "$S" "$B/replica"
	expect [ $(($(date +%s%3N) - start_ms)) -ge 900 ]
	expect [ "$(cat "$OUT")" = "0 $MIB" ]
	expect_error 'differed in 1.0 MiB and was repaired'
	is_right
}

# Written to, longer, shorter: by somebody else.
tampered() {
	start
	tamper $((2 * MIB))
	random_patch "$R" $((8 * MIB + 776)) 1 9
	run_status 5 refsnap info "$R"
	run_ok refsync --json --verify --repair "$S" "$B/replica"
	expect [ "$(json_value "$OUT" 'o["repaired"]')" = True ]
	expect [ "$(json_value "$OUT" 'o["differing_bytes"]')" -eq \
		$((MIB + 777)) ]
	is_right
	for size in $((12 * MIB + 5)) $((5 * MIB)) 0; do
		start
		truncate -s "$size" "$R"
		run_ok refsync --verify --repair "$S" "$B/replica"
		is_right
	done
	# What is right is left alone.
	inode=$(stat -c %i "$R")
	run_ok refsync --json --verify --repair "$S" "$B/replica"
	expect [ "$(json_value "$OUT" 'o["repaired"]')" = False ]
	expect [ "$(stat -c %i "$R")" = "$inode" ]
}

# Who holds it, by other tags too, goes on holding it; its owner and name stay,
# and what is beside it.
beside() {
	local before

	start
	run_ok refsnap hold "$R" mine
	mv "$R" "$B/replica/.snapshot/renamed"
	R=$B/replica/.snapshot/renamed
	setfattr -n user.here -v added "$R"
	before=$(tree_listing "$B" | grep -v renamed)
	tamper 0
	run_ok refsync --verify --repair "$S" "$B/replica"
	expect same "$S" "$R"
	expect [ "$(getfattr --only-values --absolute-names -n user.here \
		"$R")" = added ]
	run_ok refsnap info "$R"
	expect grep -q 'mine' "$OUT"
	expect [ "$before" = "$(tree_listing "$B" | grep -v renamed)" ]
}

# Nothing is repaired, for this reason, and nothing changes: fails CODE TEXT
# ARGUMENT...
fails() {
	local code=$1 text=$2 before

	shift 2
	before=$(tree_listing "$A"; tree_listing "$B"; stat -c %i "$R")
	run_status "$code" refsync --verify --repair "$@"
	expect_error "$text"
	expect [ "$before" = "$(tree_listing "$A"; tree_listing "$B"
		stat -c %i "$R")" ]
}

# A digest says which side is right.
who_is_right() {
	start
	# There it is, and has it: what came whole.
	S=$A/vms/.snapshot/vm.img.one
	R=$B/replica/.snapshot/vm.img.one
	damage A vms/.snapshot/vm.img.one $((3 * MIB + 4096))
	fails 5 'it is the other side that is damaged' "$S" "$B/replica"
	# Here it is not.
	start
	run_ok refsnap verify --record "$S"
	damage A vms/.snapshot/vm.img.two $((3 * MIB + 4096))
	fails 5 'vm.img.two is damaged itself' "$S" "$B/replica"
	# With a digest there, it must be that afterwards.
	start
	run_ok refsnap verify --record "$R"
	tamper $MIB
	damage A vms/.snapshot/vm.img.two $((3 * MIB + 4096))
	fails 5 'would not have the contents that its seal records' "$S" \
		"$B/replica"
	# Both agree.
	start
	run_ok refsnap verify --record "$R"
	run_ok refsnap verify --record "$S"
	tamper $MIB
	run_ok refsync --verify --repair "$S" "$B/replica"
	is_right
	run_ok refsnap verify "$R"
	# A seal here that is not good proves nothing.
	start
	chmod u+w "$S"
	random_patch "$S" 0 4096 4
	chmod u-w "$S"
	fails 5 'vm.img.two is not the snapshot that its seal says' "$S" \
		"$B/replica"
}

refused() {
	start
	tamper $MIB
	serve_with refrecv --serve --append-only
	fails 1 'append-only' -e "$SERVE" "$S" "nas:$B/replica"
	# No room within the limit.
	serve_with refrecv --serve --max-size=1M
	fails 7 'max-size' -e "$SERVE" "$S" "nas:$B/replica"
	# Somebody writes to it.
	chmod u+w "$R"
	exec 7>>"$R"
	fails 1 'open for writing' "$S" "$B/replica"
	exec 7>&-
	# Another run is at work there.
	exec 7<"$B/replica"
	flock -x 7
	fails 8 'another refrecv' "$S" "$B/replica"
	exec 7<&-
	if chattr +i "$R" 2>/dev/null; then
		fails 1 'cannot replace' "$S" "$B/replica"
		chattr -i "$R"
	fi
	run_code 2 refsync --repair "$S" "$B/replica"
	run_code 2 refsync --repair --list "$B/replica"
	run_ok refsync --verify --repair "$S" "$B/replica"
	is_right
}

# What it was to be, and is not: by a near side that errs.
play() {
	cat >"$WORK/script"
	run_status "$1" "$PYTHON" -B "$TOOL" "$WORK/script" -- \
		refrecv --serve
}

errs() {
	local id size before other

	start
	tamper $MIB
	id=$(refsnap info --json "$S" | "$PYTHON" -c '
import json, sys
print(json.load(sys.stdin)["id"].replace("-", ""))')
	other=$(printf %02x $((0x${id:0:2} ^ 255)))
	size=0900800000000000	# 8 MiB + 777
	before=$(tree_listing "$B"; stat -c %i "$R")
	for say in "5 stays.as.it.is
message 18 $id$size$(printf '00%.0s' {1..32})
message 19 000010000000000004000000aabbccdd
message 20" "3 past.the.end
message 18 $id$size$(printf '00%.0s' {1..32})
message 19 090380000000000001000000aa" "3 past.the.end
message 18 $id$size$(printf '00%.0s' {1..32})
message 19 ffffffffffffffff02000000aabb" "5 another.size
message 18 ${id}0a03800000000000$(printf '00%.0s' {1..32})" "3 before.MEND
message 19 000000000000000001000000aa" "3 before.MEND
message 20" "3 within.another
message 18 $id$size$(printf '00%.0s' {1..32})
message 18 $id$size$(printf '00%.0s' {1..32})" "4 no.snapshot
message 18 $other${id:2}$size$(printf '00%.0s' {1..32})" "0 DONE
message 18 $id$size$(printf '00%.0s' {1..32})
end"; do
		size=0903800000000000
		say=${say//0900800000000000/$size}
		play "${say%% *}" <<-END
			hello
			open $B/replica
			$(tail -n +2 <<<"$say")
			end
		END
		expect grep -q "$(head -n 1 <<<"${say#* }")" "$OUT"
		expect [ "$before" = "$(tree_listing "$B"; stat -c %i "$R")" ]
	done
}

# killed CALL NUMBER: refrecv is killed when it is about to make this call.
killed() {
	serve_with strace -qq -o /dev/null -e "trace=$1" \
		-e "inject=$1:signal=KILL:when=$2" refrecv --serve
	ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 run_status 1 refsync \
		-e "$SERVE" --verify --repair "$S" "nas:$B/replica"
}

# Killed, it leaves the old one or the new one, and the next run succeeds.
kills() {
	local call

	command -v strace >/dev/null || {
		skip "there is no strace"
		return
	}
	for call in 'ioctl 3' 'pwrite64 1' 'pwrite64 9' 'fsetxattr 1' \
		'fsync 1' 'fchmod 1' 'renameat2 1' 'unlinkat 1'; do
		start
		tamper $MIB
		cp "$R" "$WORK/damaged"
		# shellcheck disable=SC2086 # two words
		killed $call
		if [ "${call% *}" = unlinkat ]; then
			expect same "$S" "$R"
			run_ok refsnap info "$R"
		else
			expect same "$WORK/damaged" "$R"
			run_ok refsync --verify --repair "$S" "$B/replica"
		fi
		is_right
	done
}

# Where it differs is told in blocks of the file, one after the other.
longer() {
	rm -rf "$A/long" "$B/long"
	mkdir "$A/long" "$B/long"
	random_file "$A/long/f" 3500000 99
	run_ok refsync "$A/long/f" "$B/long"
	truncate -s 1T "$B/long/.snapshot/"f.*
	run_code 9 refsync --verify "$A/long/f" "$B/long"
	expect [ "$(awk '{ sum += $2; at = $1 } END {
		printf "%d %s %.0f", NR, at, sum }' "$OUT")" = \
		"1 3145728 $(((1 << 40) - 3145728))" ]
}

on_fs() {
	make_fs xfs A 700M
	make_fs "$1" B 700M
	test_case "what is longer there" longer
	test_case "damage on disk" rot
	test_case "written to" tampered
	test_case "what is beside it" beside
	test_case "which side is right" who_is_right
	test_case "refused" refused
	test_case "a near side that errs" errs
}

for_each_fs on_fs xfs btrfs ext4
make_fs xfs A 700M
make_fs xfs B 700M
test_case "killed" kills
finish
