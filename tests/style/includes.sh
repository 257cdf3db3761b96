#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# includes.sh - the rules of the house that grep can see, as TAP: who may
# include whom, one library in one file, the form of each file.
set -u
LC_ALL=C
export LC_ALL
cd "${srcdir:-$(dirname "$0")/../..}" || exit 1

# folder: what its files may include beside themselves
layers='common:
snapshot: common
diff: common snapshot
stream-format: common
serve: common snapshot stream-format
send: common snapshot diff stream-format serve
receive: common snapshot stream-format serve
sync: common snapshot diff send stream-format'

# Only folders that are there; sources without main.c are libraries.
folders=
for folder in $(printf '%s\n' "$layers" | sed 's/:.*//'); do
	[ -d "$folder" ] && folders="$folders $folder"
done
product=$(find $folders -name '*.[ch]' | sort)
sources=$(find $folders tests -name '*.[ch]' | sort)
scripts=$(find autogen.sh scripts tests -name '*.sh' -o -name '*.py' |
    sort)
number=0

# check WHAT VIOLATIONS: passes if there are none; else prints them.
check()
{
	number=$((number + 1))
	if [ -z "$2" ]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		printf '%s\n' "$2" | sed 's/^/# /'
	fi
}

# Files that include what matches the pattern, as FILE:LINE:TEXT.
including()
{
	grep -nE "^[[:space:]]*#[[:space:]]*include[[:space:]]*$1" $2 /dev/null
}

set -- $folders
echo "1..$(($# + 15))"

for folder in $folders; do
	allowed=$(printf '%s\n' "$layers" | sed -n "s/^$folder://p")
	pattern=$(echo $folder $allowed | sed 's/ /|/g')
	check "$folder includes only: $folder$allowed" "$(
	    including '"' "$(find "$folder" -name '*.[ch]')" |
	    grep -vE "include \"(config\.h|($pattern)/[a-z0-9_]+\.h)\"")"
done

check 'every include of ours names a file that is there' "$(
    including '"' "$sources" | grep -v '"config\.h"' |
    while IFS= read -r line; do
	name=$(printf '%s\n' "$line" | sed 's/.*include[^"]*"\([^"]*\)".*/\1/')
	[ -f "$name" ] || printf '%s\n' "$line"
    done)"

check 'zstd.h only in stream-format/compress.c' "$(
    including '[<"].*z(std|dict)[a-z_]*\.h' "$sources" |
    grep -v '^stream-format/compress\.c:')"

check 'xxhash.h only in common/hash.c' "$(
    including '[<"].*xx(hash|h3)[a-z_]*\.h' "$sources" |
    grep -v '^common/hash\.c:')"

check 'libcrypto only in common/sha256.c' "$(
    including '[<"]openssl/' "$sources" | grep -v '^common/sha256\.c:')"

check 'libssh only in sync/session_libssh.h' "$(
    including '[<"]libssh/' "$sources" |
    grep -v '^sync/session_libssh\.h:')"

check 'which only the files of a session include' "$(
    including '"sync/session_libssh\.h"' "$sources" |
    grep -vE '^sync/(contact|login|session)\.c:')"

# A build for fuzzing takes every checksum for right; no other build may.
check 'checksums are left out in one place, by one macro of the compiler' "$(
    grep -n 'FUZZING_BUILD_MODE' $product | grep -vE \
	'^common/hash\.(h:[0-9]+: \* |c:[0-9]+:#ifdef FUZZING_[A-Z_]+$)'
    grep -n 'define.*FUZZING_BUILD_MODE' $sources configure.ac)"

check 'cmocka.h only in tests' "$(including '[<"].*cmocka.*\.h' "$product")"

check 'config.h is the first include of every .c file, and of no header' "$(
    for file in $sources; do
	first=$(grep -m1 -E '^[[:space:]]*#[[:space:]]*include' "$file")
	case $file in
	*.c) [ "$first" = '#include "config.h"' ] || echo "$file: $first" ;;
	*) including '"config\.h"' "$file" ;;
	esac
    done)"

check 'line 1 of every C file is the SPDX line' "$(
    for file in $sources; do
	[ "$(head -n 1 "$file")" = \
	    '/* SPDX-License-Identifier: BSD-2-Clause */' ] || echo "$file"
    done)"

check 'every script begins with the SPDX line, after #! or shellcheck' "$(
    for file in $scripts; do
	[ "$(head -n 2 "$file" | grep -v -e '^#!' -e '^# shellcheck' |
	    head -n 1)" = \
	    '# SPDX-License-Identifier: BSD-2-Clause' ] || echo "$file"
    done)"

check 'the first comment of every C file names the file' "$(
    for file in $sources; do
	case $(sed -n 2,3p "$file" | tr '\n' ' ') in
	"/*  * ${file##*/} - "*) ;;
	*) echo "$file" ;;
	esac
    done)"

check 'no C file is longer than 500 lines' "$(
    for file in $sources; do
	lines=$(wc -l < "$file")
	[ "$lines" -le 500 ] || echo "$file: $lines lines"
    done)"

check 'names of C files are unique, but for main.c' "$(
    for file in $sources; do echo "${file##*/}"; done | grep -vx 'main\.c' |
    sort | uniq -d)"

# The words are put together here, so that this file does not hold them.
check 'nothing is left to be done' "$(
    grep -nwE 'TO''DO|FIX''ME|X''XX' $sources $scripts /dev/null)"
