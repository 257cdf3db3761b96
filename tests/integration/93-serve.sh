#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 93-serve.sh - the far side of refsync against a near side that means harm:
# a stolen key that may only add to one directory.

. "$(dirname "$0")/lib.sh"
. "$HERE/stream.sh"

MIB=1048576
TOOL=$HERE/dialoguetool.py
SCRIPT=$WORK/script
mkdir "$WORK/elsewhere"
cd "$WORK/elsewhere" || exit 99

# play CODE COMMAND...: the lines of standard input are said to it.
play() {
	local code=$1

	shift
	cat >"$SCRIPT"
	run_status "$code" "$PYTHON" -B "$TOOL" "$SCRIPT" -- "$@"
}

SERVE=()		# what the key may do

# A replica of one file in $B/kept, streams to attack it with in $WORK, and what
# lies beside it.
prepare() {
	random_file "$A/vm.img" $((2 * MIB)) 1
	run_ok refsnap create "$A/vm.img" one
	random_patch "$A/vm.img" 8192 4096 2
	run_ok refsnap create "$A/vm.img" two
	mkdir "$A/other" "$B/kept" "$B/outside" "$B/kept/inside"
	random_file "$A/other/vm.img" $MIB 3
	run_ok refsnap create "$A/other/vm.img" three
	random_file "$A/large" $((64 * MIB)) 4
	run_ok refsnap create "$A/large" four
	run_status 0 refsend "$A/.snapshot/vm.img.one"
	mv "$OUT" "$WORK/one"
	run_status 0 refsend -i "$A/.snapshot/vm.img.one" \
		"$A/.snapshot/vm.img.two"
	mv "$OUT" "$WORK/two"
	run_status 0 refsend "$A/other/.snapshot/vm.img.three"
	mv "$OUT" "$WORK/lineage"
	run_status 0 refsend "$A/.snapshot/large.four"
	mv "$OUT" "$WORK/large"
	head -c 100000 "$WORK/one" >"$WORK/cut"
	: >"$OUT"
	random_file "$B/outside/secret" 65536 5
	run_ok refsnap create "$B/outside/secret" one
	ln -s ../outside "$B/kept/link"
	ln -s "$B/outside" "$B/kept/inside/link"
	ln -s /etc/passwd "$B/kept/passwd"
	run_ok refrecv --live "$B/kept" <"$WORK/one"
	run_ok refsnap hold "$B/kept/.snapshot/vm.img.one" admin
	SERVE=(refrecv --serve --restrict "$B/kept" --append-only
		--max-size=512M)
	KEPT=$(refsnap info --json "$B/kept/.snapshot/vm.img.one" |
		"$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["id"])')
	BEFORE=$(tree_listing "$B")
}

# What was there is there, and nothing else.
nothing_changed() {
	expect [ "$BEFORE" = "$(tree_listing "$B")" ]
	run_ok refsnap info "$B/kept/.snapshot/vm.img.one"
}

# attack CODE TEXT: the lines of standard input are refused for that reason.
attack() {
	play "$1" "${SERVE[@]}"
	expect grep -q "$2" "$OUT"
	nothing_changed
}

# attack_open CODE TEXT PATH...
attack_open() {
	local code=$1 reason=$2 path

	for path in "${@:3}"; do
		attack "$code" "$reason" < <(
			printf '%s\n' hello "open $path make" list)
	done
}

other_directories() {
	attack_open 1 'restricted to' "$B" "$B/outside" "$B/kept-not" / /etc \
		.. ../outside inside/../../outside "$B/kept/../outside" \
		"$B/kept/.." ./../kept/../outside
}

symbolic_links() {
	attack_open 1 'restricted to' link link/x inside/link \
		"$B/kept/link" inside/link/x
	attack_open 1 'passwd' passwd
}

# What is there stays: nothing is deleted, and nothing is replaced.
deletion() {
	attack 1 'append-only' <<-END
		hello
		open .
		prune vm.img 1
	END
	attack 3 'malformed' <<-END
		hello
		open .
		prune ../outside/secret 1
	END
	attack 1 'append-only' <<-END
		hello
		open .
		stream $WORK/two live
	END
	attack 1 'append-only' < <(
		printf '%s\n' hello 'open .' "live $KEPT")
	# Another one's hold is not this key's to move.
	attack 3 malformed < <(
		printf '%s\n' hello 'open .' "hold $KEPT admin")
	attack 3 malformed < <(
		printf '%s\n' hello 'open .' "hold $KEPT ..")
	attack 2 ERROR < <(
		printf '%s\n' hello 'open .' "hold $KEPT refsync./../../x")
	attack 4 ERROR < <(
		printf '%s\n' hello 'open .' 'hold 00000000-0000-4000-8000-000000000001 refsync.x')
}

taken_names() {
	attack 5 'another file of that name' <<-END
		hello
		open .
		stream $WORK/lineage
	END
	attack 5 'another file of that name' <<-END
		hello
		open .
		stream $WORK/large as=vm.img
	END
	attack 2 'reserved' <<-END
		hello
		open .
		stream $WORK/large as=.snapshot
	END
	attack 3 'malformed' <<-END
		hello
		open .
		stream $WORK/large as=../x
	END
	attack 3 'malformed' <<-END
		hello
		open .
		stream $WORK/large as=a/b
	END
}

space() {
	SERVE=(refrecv --serve --restrict "$B/kept" --append-only
		--max-size=$(($(df --output=used -B1 "$B" | tail -n 1) +
		16 * MIB)))
	attack 7 'max-size' <<-END
		hello
		open .
		stream $WORK/large
	END
	# However little it is.
	SERVE=(refrecv --serve --restrict "$B/kept" --append-only
		--max-size=1M)
	attack 7 'max-size' <<-END
		hello
		open .
		stream $WORK/two
	END
	SERVE=(refrecv --serve --restrict "$B/kept" --append-only
		--max-size=512M)
}

broken_streams() {
	attack 3 ERROR < <(
		printf '%s\n' hello 'open .' "stream $A/vm.img")
	# The connection breaks within the stream.
	attack 3 truncated < <(
		printf '%s\n' hello 'open .' "stream $WORK/cut cut")
}

disorder() {
	attack 3 'HELLO is due' < <(
		printf '%s\n' 'open .')
	attack 3 'before OPEN' < <(
		printf '%s\n' hello list)
	attack 3 'before OPEN' < <(
		printf '%s\n' hello "stream $WORK/one")
	attack 3 'second OPEN' < <(
		printf '%s\n' hello 'open .' 'open inside')
	attack 3 'not answer' < <(
		printf '%s\n' hello 'open .' 'create vm.img')
	attack 3 'not answer' < <(
		printf '%s\n' hello 'open .' "send $KEPT")
	attack 3 'not answer' < <(
		printf '%s\n' hello 'open .' 'message 10')
	attack 3 'not known' < <(
		printf '%s\n' hello 'open .' 'message 77')
	attack 3 'malformed' < <(
		printf '%s\n' hello 'open .' 'message 3 00')
	attack 3 'no message' < <(
		printf 'hello\nopen .\nraw %048d\n' 0)
	attack 3 'no message' < <(
		printf 'raw %0100d\n' 0)
}

# The rest is what the key is for.
what_is_allowed() {
	play 0 "${SERVE[@]}" <<-END
		hello
		open $B/kept
		list
		stream $WORK/two
		hold $KEPT refsync.test
		list
	END
	expect grep -q 'RECEIVED vm.img.two' "$OUT"
	expect same "$A/.snapshot/vm.img.two" "$B/kept/.snapshot/vm.img.two"
	play 0 "${SERVE[@]}" <<-END
		hello
		open new make
		stream $WORK/one
	END
	expect same "$A/.snapshot/vm.img.one" \
		"$B/kept/new/.snapshot/vm.img.one"
	expect [ "$(refsnap info "$B/kept/.snapshot/vm.img.one" |
		grep -c admin)" -eq 1 ]
	# Without --append-only: by the policy, and never what is held.
	play 0 refrecv --serve --restrict "$B/kept" <<-END
		hello
		open .
		prune vm.img 1
	END
	expect_not grep -q PRUNED "$OUT"
	run_ok refsnap release "$B/kept/.snapshot/vm.img.one" admin
	run_ok refsnap release "$B/kept/.snapshot/vm.img.one" refsync.test
	play 2 refrecv --serve --restrict "$B/kept" <<-END
		hello
		open .
		prune vm.img 1x
	END
	play 0 refrecv --serve --restrict "$B/kept" <<-END
		hello
		open .
		prune vm.img 1
	END
	expect grep -qx 'PRUNED vm.img.one' "$OUT"
	expect [ ! -e "$B/kept/.snapshot/vm.img.one" ]
	expect [ -e "$B/kept/.snapshot/vm.img.two" ]
	run_ok refrecv "$B/kept" <"$WORK/one"
}

# The same for what is sent.
sender() {
	local serve=(refsend --serve --restrict "$B/kept") path

	for path in "$B/outside" ../outside link inside/link; do
		play 1 "${serve[@]}" < <(
			printf '%s\n' hello "open $path" list)
		expect grep -q 'restricted to' "$OUT"
	done
	play 0 "${serve[@]}" <<-END
		hello
		open .
		send $KEPT
	END
	expect grep -q STREAM "$OUT"
	play 3 "${serve[@]}" < <(
		printf '%s\n' hello 'open .' "stream $WORK/one")
	play 3 "${serve[@]}" < <(
		printf '%s\n' hello 'open .' 'create ../outside/secret')
	play 1 "${serve[@]}" < <(
		printf '%s\n' hello 'open .' 'create none')
	play 1 "${serve[@]}" < <(
		printf '%s\n' hello 'open .' 'create passwd')
	expect grep -q 'symbolic link' "$OUT"
	play 4 "${serve[@]}" < <(
		printf '%s\n' hello 'open .' 'send 00000000-0000-4000-8000-000000000001')
	expect [ ! -e "$B/outside/.snapshot/secret.two" ]
}

make_fs xfs A
make_fs xfs B
prepare
test_case "other directories" other_directories
test_case "symbolic links" symbolic_links
test_case "deletion and replacement" deletion
test_case "taken names" taken_names
test_case "more than --max-size" space
test_case "broken streams" broken_streams
test_case "disorder" disorder
test_case "what the key is for" what_is_allowed
test_case "refsend --serve" sender
finish
