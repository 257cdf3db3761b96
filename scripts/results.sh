# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# results.sh - what scripts/check collects: results of tests, and times.
#
# To be sourced.  A result is one line of TAP of one test in one stage, or one
# thing that scripts/check itself does.

count_passed=0
count_failed=0
count_skipped=0
stage_failed=0		# failures of the stage that collect() saw last
skipped=()		# what was skipped, with the reason
failed=()
times=()

# result passed|failed|skipped WHAT
result()
{
	case $1 in
	passed) count_passed=$((count_passed + 1)) ;;
	failed) count_failed=$((count_failed + 1)); failed+=("$2") ;;
	skipped) count_skipped=$((count_skipped + 1)); skipped+=("$2") ;;
	esac
}

stage_time()
{
	times+=("$(printf '%6d s  %s' "$2" "$1")")
	echo "took $2 s"
}

# How long a test ran: from the birth of its log to the last line.
test_seconds()
{
	stat -c '%.1W %.1Y' "$1" 2>/dev/null |
	    awk '$1 > 0 { printf "%8.1f s", $2 - $1; found = 1 }
	    END { if (!found) printf "%10s", "?" }'
}

# The results of one test; its log's end if it failed.
collect_test()
{
	local stage=$1 test=$2 trs=$3 log=${3%.trs}.log line
	local passes fails skips

	passes=$(grep -cE '^:test-result: (PASS|XFAIL)' "$trs")
	fails=$(grep -cE '^:test-result: (FAIL|ERROR|XPASS)' "$trs")
	skips=$(grep -cE '^:test-result: SKIP' "$trs")
	echo "$(test_seconds "$log")  $test: $passes passed, $fails failed," \
	    "$skips skipped"
	count_passed=$((count_passed + passes))
	count_failed=$((count_failed + fails))
	count_skipped=$((count_skipped + skips))
	stage_failed=$((stage_failed + fails))
	while IFS= read -r line; do
		skipped+=("$stage: $test: $line")
	done < <(sed -nE 's/^ok [0-9]+ *(- )?(.*) # *SKIP *(.*)$/\2: \3/ip
	    s/^1\.\.0 *# *SKIP *(.*)$/all of it: \1/ip' "$log")
	if [ "$fails" -eq 0 ]; then
		return
	fi
	while IFS= read -r line; do
		failed+=("$stage: $test: $line")
	done < <(grep -aE '^(not ok|Bail out!)' "$log" ||
	    echo "no plan, or a bad exit code")
	echo "---- the end of $log"
	tail -n 60 "$log"
	echo "----"
}

# collect STAGE DIR: the results of a make check in DIR.
collect()
{
	local stage=$1 dir=$2 trs test

	stage_failed=0
	while IFS= read -r trs; do
		test=${trs#"$dir"/}
		collect_test "$stage" "${test%.trs}" "$trs"
	done < <(find "$dir" -name '*.trs' | sort)
}

print_list()
{
	echo
	echo "== $1"
	shift
	printf '%s\n' "$@"
}

# Tell it all; the exit code of scripts/check.
summary()
{
	if [ "${#skipped[@]}" -gt 0 ]; then
		print_list "skipped, and why" "${skipped[@]}"
	fi
	if [ "${#failed[@]}" -gt 0 ]; then
		print_list "failed" "${failed[@]}"
	fi
	print_list times "${times[@]}" "$(printf '%6d s  in all' "$SECONDS")"
	echo
	echo "$count_passed passed, $count_failed failed," \
	    "$count_skipped skipped"
	[ "$count_failed" -eq 0 ] && [ "$count_passed" -gt 0 ]
}
