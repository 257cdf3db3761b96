#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# golden.sh - make every golden stream from its text and dump it: good ones have
# the bytes that SHA256SUMS pins and are accepted, others are refused (exit 3)
# for the reason that they tell.
set -u

here=${srcdir:-.}/tests/streams
python=${PYTHON:-/usr/bin/python3}
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT

if ! "$python" -B -c 'import xxhash' 2>/dev/null; then
	echo '1..0 # SKIP Python 3 with the xxhash module is missing'
	exit 0
fi

set -- "$here"/good-*.txt "$here"/content-*.txt "$here"/bad-*.txt \
	"$here"/unsupported-*.txt
echo "1..$#"
number=0
for source; do
	number=$((number + 1))
	name=$(basename "$source" .txt)
	stream=$work/$name.refs
	result=ok
	case $name in
	good-* | content-*) expected=0 ;;
	*) expected=3 ;;
	esac
	"$python" -B "$here/mkstream" "$source" "$stream" || result='not ok'
	refrecv --dump <"$stream" >"$work/out" 2>"$work/err"
	code=$?
	if [ "$code" -ne "$expected" ]; then
		result='not ok'
		echo "# exit code $code instead of $expected"
	fi
	case $name in
	bad-* | unsupported-*)
		reason=$(sed -n 's/^# refused: //p' "$source")
		if [ -z "$reason" ] || ! grep -qF "$reason" "$work/err"; then
			result='not ok'
			echo "# refused for another reason than: $reason"
		fi
		;;
	good-*)
		sum=$(sha256sum <"$stream" | cut -d ' ' -f 1)
		if ! grep -qx "$sum  $name.refs" "$here/SHA256SUMS"; then
			result='not ok'
			echo "# other bytes than SHA256SUMS has: $sum"
		fi
		;;
	esac
	echo "# $(head -n 1 "$work/err")"
	echo "$result $number - $name"
done
