# SPDX-License-Identifier: BSD-2-Clause
#
# clock.sh - run the tools at another time of day; sourced after lib.sh.

CLOCK=$(dirname "$(command -v refsnap)")/tests/fault/clock.so
[ -e "$CLOCK" ] || skip_all "$CLOCK was not built"

# at_time SECONDS COMMAND...: in seconds since 1970.
at_time() {
	ASAN_OPTIONS=verify_asan_link_order=0:${ASAN_OPTIONS:-} \
		CLOCK_SECONDS=$1 LD_PRELOAD=$CLOCK "${@:2}"
}

# Seconds since 1970 of a time such as "2026-11-21 01:56:19", in UTC.
seconds_of() {
	date -u -d "$1" +%s
}
