# SPDX-License-Identifier: BSD-2-Clause
#
# lib.sh - what the integration tests have in common; each sources it first.
#
# A test is a function that test_case runs.  Every run_* and expect that fails
# in it makes it "not ok", the rest of the function still runs:
#
#	empty_file() {
#		: >"$A/file"
#		run_ok refsnap create "$A/file" one
#		expect same "$A/file" "$A/.snapshot/file.one"
#	}
#	on_fs() { make_fs "$1" A; test_case "an empty file" empty_file; }
#	for_each_fs on_fs
#	finish
#
# Scripts live in a mount name space of their own, so nothing that they mount
# outlives them.  $WORK is a private directory that is removed at the end;
# $OUT and $ERR there hold the output of the last run_*.
#
# Tools come from $PATH.  LIB_ONLY, a pattern or several, one a line, runs only
# the tests whose names match.  Sourced with LIB_NO_ROOT=yes, a script runs as
# any user and without file systems of its own.
set -u
export LC_ALL=C
umask 022

PYTHON=${PYTHON:-/usr/bin/python3}
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
FILETOOL=$HERE/filetool.py
test_number=0
test_failures=0
test_suffix=
test_mounts=()

# ---- start and end ----

# Leave out the whole script.
skip_all() {
	echo "1..0 # SKIP $*"
	exit 0
}

lib_need() {
	local program

	for program in "$PYTHON" refsnap refdiff refsend refrecv refsync; do
		command -v "$program" >/dev/null ||
			skip_all "$program is missing"
	done
	[ "${LIB_NO_ROOT:-no}" = yes ] && return
	[ "$(id -u)" -eq 0 ] || skip_all "needs root for its file systems"
	for program in unshare setpriv losetup mount setfacl setfattr chattr; do
		command -v "$program" >/dev/null ||
			skip_all "$program is missing"
	done
	losetup -f >/dev/null 2>&1 || skip_all "there are no loop devices"
	if [ -z "${LIB_MOUNT_SPACE:-}" ]; then
		# In a chroot whose root is no mount point, propagation cannot
		# be changed.
		for propagation in private unchanged; do
			unshare --mount --propagation "$propagation" true \
				2>/dev/null || continue
			LIB_MOUNT_SPACE=$$ exec unshare --mount --propagation \
				"$propagation" "$BASH" "$0" "$@"
		done
		skip_all "mounting is not permitted"
	fi
}

clean_up() {
	local i

	trap '' INT TERM
	jobs -p | xargs -r kill 2>/dev/null
	cd /
	for ((i = ${#test_mounts[@]} - 1; i >= 0; i--)); do
		umount -l "${test_mounts[i]}" 2>/dev/null
	done
	for i in "$WORK"/*.img; do
		[ -e "$i" ] && losetup -n -O NAME -j "$i" |
			xargs -r losetup -d 2>/dev/null
	done
	chattr -R -i "$WORK" 2>/dev/null
	rm -rf "$WORK"
}

# Print the plan; a script ends with this.
finish() {
	echo "1..$test_number"
	[ "$test_failures" -eq 0 ]
	exit
}

# ---- results ----

# Tell something about the test that runs; it is shown before its result.
note() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

# Does LIB_ONLY match this name?
lib_wanted() {
	local pattern

	[ -z "${LIB_ONLY:-}" ] && return
	while IFS= read -r pattern; do
		# shellcheck disable=SC2254 # a pattern
		case $1 in
		$pattern) return 0 ;;
		esac
	done <<<"$LIB_ONLY"
	return 1
}

# test_case NAME COMMAND...: a test; see the top.
test_case() {
	local name=$1$test_suffix

	shift
	lib_wanted "$name" || return 0
	test_failed=no
	test_skipped=
	"$@"
	test_number=$((test_number + 1))
	if [ "$test_failed" = yes ]; then
		test_failures=$((test_failures + 1))
		echo "not ok $test_number - $name"
	elif [ -n "$test_skipped" ]; then
		echo "ok $test_number - $name # SKIP $test_skipped"
	else
		echo "ok $test_number - $name"
	fi
}

# The line of the test script that is being run.
lib_line() {
	local i

	for ((i = 1; i < ${#BASH_SOURCE[@]}; i++)); do
		if [ "${BASH_SOURCE[i]##*/}" != lib.sh ]; then
			echo "line ${BASH_LINENO[i - 1]}"
			return
		fi
	done
}

# Inside a test: it failed, because.
fail() {
	test_failed=yes
	note "$(lib_line): $*"
}

# Inside a test: it cannot be made here, because.
skip() {
	test_skipped=$*
}

# A test that is left out: skip_case NAME REASON.
skip_case() {
	test_case "$1" skip "$2"
}

# ---- running ----

lib_show() {
	fail "$1"
	note "output: $(head -c 2000 "$OUT" | tr -d '\0')"
	note "errors: $(head -c 2000 "$ERR" | tr -d '\0')"
}

# The command succeeds.
run_ok() {
	local code=0

	"$@" >"$OUT" 2>"$ERR" || code=$?
	[ "$code" -eq 0 ] && return
	lib_show "exit code $code: $*"
	return 1
}

# The command has this exit code, whatever it prints: run_status CODE COMMAND...
run_status() {
	local expected=$1 code=0

	shift
	"$@" >"$OUT" 2>"$ERR" || code=$?
	[ "$code" -eq "$expected" ] && return
	lib_show "exit code $code instead of $expected: $*"
	return 1
}

# The command fails with this code and one line on stderr, not counting
# warnings and the pointer to --help: run_code CODE COMMAND...
run_code() {
	local expected=$1 code=0 lines

	shift
	"$@" >"$OUT" 2>"$ERR" || code=$?
	lines=$(grep -ac -v -e '^[a-z]*: warning: ' -e "^Try '" "$ERR")
	if [ "$code" -ne "$expected" ]; then
		lib_show "exit code $code instead of $expected: $*"
	elif [ "$code" -ne 0 ] && [ "$lines" -ne 1 ]; then
		lib_show "$lines lines of error instead of one: $*"
	else
		return 0
	fi
	return 1
}

# The command, a condition, is true.
expect() {
	"$@" >"$WORK/expect" 2>&1 && return
	fail "not true: $*"
	note "$(head -c 2000 "$WORK/expect" | tr -d '\0')"
	return 1
}

# The command, a condition, is false.
expect_not() {
	"$@" >"$WORK/expect" 2>&1 || return 0
	fail "true: $*"
	return 1
}

# The last run_* printed a line on stderr that matches: expect_error PATTERN
expect_error() {
	grep -aq -e "$1" "$ERR" && return
	fail "no '$1' in: $(head -c 2000 "$ERR")"
	return 1
}

# As a user without any privilege; he has a home and finds the tools.
as_user() {
	setpriv --reuid=65534 --regid=65534 --clear-groups \
		--bounding-set=-all --inh-caps=-all \
		env HOME="$WORK/home" PATH="$WORK/bin:$PATH" "$@"
}

# strace, also of a build with sanitizers: looking for leaks is tracing, too.
traced() {
	ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 strace "$@"
}

# ---- file systems ----

# Can this machine make such a file system?
lib_kind_usable() {
	case $1 in
	xfs) command -v mkfs.xfs >/dev/null && command -v xfs_io >/dev/null ;;
	btrfs*) command -v mkfs.btrfs >/dev/null ;;
	ext4) command -v mkfs.ext4 >/dev/null ;;
	ocfs2) command -v mkfs.ocfs2 >/dev/null ;;
	tmpfs) ;;
	esac
}

# for_each_fs FUNCTION [KIND...]: call it with each kind of file system; names
# of tests get the kind appended.  Default: all four.  LIB_KINDS, a list, takes
# the place of all.
for_each_fs() {
	local function=$1 kind

	shift
	# shellcheck disable=SC2086 # a list
	[ -n "${LIB_KINDS:-}" ] && set -- $LIB_KINDS
	[ $# -eq 0 ] && set -- xfs btrfs btrfs-zstd ext4
	for kind; do
		test_suffix=" [$kind]"
		if lib_kind_usable "$kind"; then
			"$function" "$kind"
		else
			skip_case "$function" "no mkfs for $kind"
		fi
		test_suffix=
	done
}

# make_fs KIND NAME [SIZE [OPTION OF MKFS]...]: make and mount a file system
# (xfs xfs-no-rmapbt btrfs btrfs-zstd btrfs-nodatacow ext4 ocfs2 tmpfs) on a
# sparse image, 2 GiB by default.  Sets $NAME to its mount point, writable by
# as_user, and $FS to KIND.  A NAME in use is unmounted first.
make_fs() {
	local kind=$1 name=$2 size=${3:-2G} directory=$WORK/$2
	local image=$WORK/$2.img options=loop,noatime

	if mountpoint -q "$directory"; then
		umount "$directory" || umount -l "$directory"
	fi
	rm -f "$image"
	mkdir -p "$directory"
	truncate -s "$size" "$image"
	case $kind in
	xfs) mkfs.xfs -q -m reflink=1,rmapbt=1 "${@:4}" "$image" ;;
	xfs-no-rmapbt)
		mkfs.xfs -q -m reflink=1,rmapbt=0 "${@:4}" "$image" ;;
	btrfs) mkfs.btrfs -q "${@:4}" "$image" ;;
	btrfs-zstd)
		mkfs.btrfs -q "${@:4}" "$image"
		options=$options,compress-force=zstd ;;
	btrfs-nodatacow)
		mkfs.btrfs -q "${@:4}" "$image"
		options=$options,nodatacow ;;
	ext4) mkfs.ext4 -q -E lazy_itable_init=1 "${@:4}" "$image" ;;
	ocfs2)
		mkfs.ocfs2 -q -F -M local -N 1 --fs-features="refcount,xattr,\
sparse,unwritten,inline-data" "${@:4}" "$image" ;;
	tmpfs) ;;
	*) lib_bail "there is no kind of file system $kind" ;;
	esac >"$WORK/mkfs" 2>&1 || lib_bail "mkfs for $kind failed"
	if [ "$kind" = tmpfs ]; then
		mount -t tmpfs -o "size=$size" tmpfs "$directory"
	else
		mount -o "$options" "$image" "$directory"
	fi || lib_bail "cannot mount $kind"
	test_mounts+=("$directory")
	chmod 777 "$directory"
	FS=$kind
	printf -v "$name" %s "$directory"
}

lib_bail() {
	echo "Bail out! $*"
	exit 99
}

# ---- files ----

# random_file PATH SIZE SEED: contents that depend on SEED alone, that compress
# about 1:8 and repeat no block.
random_file() {
	"$PYTHON" "$FILETOOL" make "$@"
}

# random_patch PATH OFFSET LENGTH SEED: overwrite a range in place.
random_patch() {
	"$PYTHON" "$FILETOOL" patch "$@"
}

# Do two files hold the same bytes?
same() {
	cmp -- "$1" "$2"
}

# Are the same: owner, group, mtime to the ns, extended attributes but
# user.refsend.*, access list (who is in it), and with a third argument "mode"
# also permissions, in the list too?
same_metadata() {
	"$PYTHON" "$FILETOOL" same-metadata "$@"
}

# All below a directory: type, mode, size, hash of the contents, name.  Two
# listings are equal exactly if nothing visible changed.
tree_listing() {
	"$PYTHON" "$FILETOOL" list "$1"
}

# take PATH NAME: snapshot a live file, by reflink where $FS can, else by copy;
# sets $SNAP to the path of the snapshot.
take() {
	local how=always

	case $FS in ext4 | tmpfs) how=auto ;; esac
	run_ok refsnap create --reflink=$how -- "$1" "$2"
	SNAP=$(dirname "$1")/.snapshot/$(basename "$1").$2
}

# reflink FILE NEW: a plain reflink copy.
reflink() {
	cp --reflink=always -- "$1" "$2" || fail "no reflink of $1"
}

# clone_range SOURCE OFFSET LENGTH FILE OFFSET: share blocks, by FICLONERANGE;
# length 0 is up to the end.
clone_range() {
	"$PYTHON" "$FILETOOL" clone-range "$@" || fail "no clone of a range"
}

# The record of FIEMAP at an offset, as "OFFSET ADDRESS LENGTH FLAG,FLAG...";
# nothing for a hole: extent_at FILE OFFSET [sync]
extent_at() {
	"$PYTHON" "$FILETOOL" map "$1" "${3:-}" |
		awk -v at="$2" '$1 <= at && at < $1 + $3'
}

# The address of one byte of a file, as FIEMAP has it: offset counted in.
address_at() {
	extent_at "$@" | awk -v at="$2" '{ printf "%d\n", $2 + at - $1 }'
}

# The flags at an offset, comma around each: *,shared,* matches.
flags_at() {
	echo ",$(extent_at "$@" | cut -d ' ' -f 4),"
}

# reached FILE OFFSET PATTERN [sync]: is the extent there in the state that the
# test is about?  Without it, the test would prove nothing.
reached() {
	local flags

	flags=$(flags_at "$1" "$2" "${4:-}")
	# shellcheck disable=SC2254 # a pattern
	case $flags in
	$3) return 0 ;;
	esac
	fail "the extent at $2 of $1 has flags $flags, not $3"
	note "$("$PYTHON" "$FILETOOL" map "$1")"
	return 1
}

# Does refdiff find exactly what a comparison of all bytes finds?  With options
# for refdiff or "as_user refdiff": diff_is_true BASE SNAP [COMMAND...]
diff_is_true() {
	local base=$1 snapshot=$2 code=0

	shift 2
	[ $# -eq 0 ] && set -- refdiff
	"$@" --json "$base" "$snapshot" >"$OUT" 2>"$ERR" || code=$?
	if [ "$code" -gt 1 ]; then
		lib_show "exit code $code: $* $base $snapshot"
		return 1
	fi
	"$PYTHON" "$FILETOOL" check-diff "$base" "$snapshot" "$code" \
		<"$OUT" >"$WORK/expect" 2>&1 && return
	fail "$* $base $snapshot: exit code $code"
	note "$(cat "$WORK/expect")"
	return 1
}

# send_and_receive DIRECTORY REFSEND-ARGUMENT...
send_and_receive() {
	local directory=$1 codes

	shift
	mkdir -p "$directory"
	refsend "$@" 2>"$ERR" | refrecv --reserve=0 "$directory" \
		>"$OUT" 2>>"$ERR"
	codes=${PIPESTATUS[*]}
	[ "$codes" = "0 0" ] && return
	lib_show "refsend $* | refrecv: exit codes $codes"
	return 1
}

# The ids of the snapshots of a live file or a directory, oldest first.
snap_ids() {
	refsnap list --json -- "$1" | "$PYTHON" -c '
import json, sys
for entry in json.load(sys.stdin)["snapshots"]:
    print(entry["id"])'
}

# One value from the JSON object in a file: json_value FILE EXPRESSION, with
# the object as "o".
json_value() {
	"$PYTHON" -c 'import json, sys
o = json.load(open(sys.argv[1]))
print(eval(sys.argv[2]))' "$1" "$2"
}

lib_need "$@"
WORK=$(mktemp -d "${TMPDIR:-/tmp}/refsend-test.XXXXXX") || exit 99
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
OUT=$WORK/out
ERR=$WORK/err
chmod 755 "$WORK"
mkdir "$WORK/bin" "$WORK/home"
for program in refsnap refdiff refsend refrecv refsync; do
	cp "$(command -v $program)" "$WORK/bin/"
done
[ "$(id -u)" -eq 0 ] && chown 65534:65534 "$WORK/home"
: >"$OUT"
: >"$ERR"
