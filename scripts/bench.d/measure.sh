# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: BSD-2-Clause
#
# measure.sh - how scripts/bench measures: commands in turn, what each of them
# cost, and what report.py is told about it.
#
# To be sourced.  Commands run in the directory of the run, with nothing on
# standard input; what they print goes to its log.

before=:		# called with the label before each command
after=:			# and after it
caches=cold		# or warm: one run more of each, which is not counted
key=			# what is measured

progress()
{
	echo "bench: $((SECONDS / 60)):$(printf %02d $((SECONDS % 60))) $*" >&2
}

# One fact for the report, its fields separated by tabs; see report.py.
tell()
{
	local IFS=$'\t'

	printf '%s\n' "$*" >>"$work/raw"
}

# value LABEL NAME NUMBER
value()
{
	tell value "$key" "$1" "$2" "$3"
}

# What is left out, and why.
skip()
{
	progress "$key: left out: $*"
	tell skip "$key" "$*"
}

have()
{
	command -v "$1" >/dev/null
}

# A command that prepares something: shown only if it fails.
prepare()
{
	echo "$SECONDS: $*" >>"$work/log"
	"$@" >>"$work/log" 2>&1 ||
	    fail "exit code $?: $*"
}

# This workload cannot go on.
fail()
{
	progress "$key: $*"
	tail -n 5 "$work/log" >&2
	tell skip "$key" "failed: ${*//"$work/"/}"
	exit 1
}

# Busy and all time of all processors, in ticks.
processor_time()
{
	local _ user nice system idle rest

	read -r _ user nice system idle rest </proc/stat
	# Waiting for a disk is as good as busy.
	echo $((user + nice + system + ${rest%% *})) \
	    $((user + nice + system + idle + ${rest%% *}))
}

# Wait some seconds at most for other work to end: less than a tenth busy.
wait_for_quiet()
{
	local busy all then_busy then_all

	for _ in {1..20}; do
		read -r then_busy then_all < <(processor_time)
		sleep 0.3
		read -r busy all < <(processor_time)
		if [ $(((busy - then_busy) * 10)) -lt $((all - then_all)) ]
		then
			return
		fi
	done
	: >was-busy
}

# Let everything settle, so that whatever is measured starts alike.
settle()
{
	sync
	[ "$caches" = warm ] || { echo 3 >/proc/sys/vm/drop_caches; } \
	    2>/dev/null || : >cannot-drop
	wait_for_quiet
}

# Run one command and write what it cost to the file "cost".
run_measured()
{
	echo "$SECONDS: $1" >>log
	"$tools/timed" cost bash -o pipefail -c "$1" </dev/null >>log 2>&1 ||
	    fail "exit code $?: $1"
}

# As the report shows a command: without directories of this run.
shown()
{
	local text=${1//"$work/"/}

	text=${text//"$build/"/}
	text=${text//"$tools/"/}
	echo "$text"
}

# in_turn ROUNDS LABEL COMMAND [LABEL COMMAND]...: run the commands in turn, so
# often; what they took is told under $key.
in_turn()
{
	local rounds=$1 round first=1 i
	local -a what

	shift
	what=("$@")
	for ((i = 0; i < ${#what[@]}; i += 2)); do
		tell command "$key" "${what[i]}" "$(shown "${what[i + 1]}")"
	done
	tell cache "$key" "$caches"
	[ "$caches" = cold ] || first=0
	for ((round = first; round <= rounds; round++)); do
		for ((i = 0; i < ${#what[@]}; i += 2)); do
			"$before" "${what[i]}"
			settle
			run_measured "${what[i + 1]}"
			if [ "$round" -gt 0 ]; then
				tell run "$key" "${what[i]}" "$round" \
				    "$(tr ' ' '\t' <cost)"
			fi
			"$after" "${what[i]}"
			progress "$key: ${what[i]}: $(cut -d ' ' -f 1 cost) s"
		done
	done
	before=: after=: caches=cold
}

# How many bytes a command writes: bytes_of LABEL COMMAND
bytes_of()
{
	local bytes

	tell command "$key" "$1" "$(shown "$2")"
	bytes=$(bash -o pipefail -c "$2 | wc -c" </dev/null 2>>log) ||
	    fail "exit code $?: $2"
	value "$1" bytes "$bytes"
	progress "$key: $1: $bytes bytes"
}

# What the same change takes if all old bytes of the ranges that were written are
# the dictionary of all new ones, in one window: within_one BASE SNAPSHOT LIST
# LEVEL, where LIST has what differs.
within_one()
{
	refdiff --map-only "$1" "$2" >written.list 2>>log || [ $? = 1 ]
	prepare bash -c "ranges read $1 written.list >old.cut"
	prepare bash -c "ranges read $2 $3 >new.cut"
	bytes_of "one window" \
	    "zstd -q -$4 --long=31 --patch-from=old.cut -c new.cut"
	rm -f old.cut new.cut written.list
}
