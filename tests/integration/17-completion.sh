#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 17-completion.sh - bash completes what the tools take, and all of it.

LIB_NO_ROOT=yes
. "$(dirname "$0")/lib.sh"

COMPLETION=$HERE/../../scripts/completion/refsend.bash
# shellcheck source=scripts/completion/refsend.bash
. "$COMPLETION"

# completed WORD...: what is offered for the last word.
completed() {
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	COMPREPLY=()
	"_$1"
	printf '%s\n' "${COMPREPLY[@]}" | sort | xargs
}

# offers LIST WORD...: exactly that, in the order of sort.
offers() {
	expect [ "$(completed "${@:2}")" = "$1" ]
}

# The long options that a tool names in its help.
options_of() {
	"$1" --help | grep -oE -e '--[a-z-]+' | sort -u | xargs
}

registered() {
	local tool

	for tool in refsnap refdiff refsend refrecv refsync; do
		expect [ "$(complete -p $tool)" = "complete -F _$tool $tool" ]
	done
}

all_options() {
	local tool

	for tool in refdiff refsend refrecv refsync; do
		offers "$(options_of $tool)" $tool --
	done
}

# takes VERB OPTION: does refsnap, of files that do not exist?
takes() {
	local value paths

	for value in '' =1 =auto; do
		for paths in /nowhere/x '/nowhere/x /nowhere/y'; do
			# shellcheck disable=SC2086 # a list
			refsnap "$1" "$2$value" $paths >"$OUT" 2>&1
			grep -q "^Try '" "$OUT" || return 0
		done
	done
	return 1
}

is_among() {
	printf '%s\n' "${@:2}" | grep -qxFe "$1"
}

# Each option of refsnap is offered after the verbs that take it.
options_of_verbs() {
	local verb option offered all=()

	for verb in $(verbs); do
		read -ra offered <<<"$(completed refsnap "$verb" --)"
		all+=("${offered[@]}")
		for option in $(options_of refsnap); do
			if takes "$verb" "$option"; then
				expect is_among "$option" "${offered[@]}"
			else
				expect_not is_among "$option" "${offered[@]}"
			fi || note "$verb"
		done
	done
	expect [ "$(printf '%s\n' "${all[@]}" | sort -u | xargs)" = \
		"$(options_of refsnap)" ]
}

verbs() {
	local verb option offered all=()

	for verb in $(verbs); do
		read -ra offered <<<"$(completed refsnap "$verb" --)"
		all+=("${offered[@]}")
		for option in $(options_of refsnap); do
			# "does not take one of these options", or more to say.
			refsnap "$verb" "$option=x" x x x x >"$OUT" 2>&1
			refsnap "$verb" "$option" x x x x >"$ERR" 2>&1
			if grep -q 'does not take one' "$OUT" "$ERR" ||
			    ! takes "$verb" "$option"; then
				expect_not offered "$option" "${offered[@]}"
			else
				expect offered "$option" "${offered[@]}"
			fi
		done
	done
	expect [ "$(printf '%s\n' "${all[@]}" | sort -u | xargs)" = \
		"$(options_of refsnap)" ]
}

verbs() {
	refsnap --help | sed -n 's/^.* refsnap \([a-z]*\) .*/\1/p'
}

verbs_offered() {
	offers "$(verbs | sort | xargs)" refsnap ''
	offers "list" refsnap l
	offers "release restore" refsnap re
	offers "prune" refsnap -v p
	offers "" refsnap x
}

values() {
	offers "always auto never" refsnap create --reflink = ''
	offers "always auto never" refsnap create --reflink =
	offers "always auto" refsnap create --reflink = a
	offers "never" refrecv --reflink = n
	offers "auto none zstd" refsend --compress =
	offers "" refsnap prune --keep = 4
	offers "" refsnap prune --keep ''
	offers "" refrecv -T ''
	offers "" refrecv --as f
}

files() {
	mkdir "$WORK/files" "$WORK/files/folder" "$WORK/files/.snapshot"
	: >"$WORK/files/disk.img"
	: >"$WORK/files/.snapshot/disk.img.mon"
	cd "$WORK/files" || exit
	offers "disk.img" refsnap create d
	offers "" refsnap create disk.img d
	offers "disk.img" refsnap create -o d
	offers "disk.img" refsnap create -o x d
	offers "disk.img" refsnap create --output = x d
	offers "disk.img" refsnap prune --keep 1 d
	offers "disk.img" refsnap prune --keep = '48h 14d' d
	offers ".snapshot/disk.img.mon" refsnap verify .snapshot/
	offers ".snapshot/disk.img.mon" refsnap delete a b .snapshot/
	offers "" refsnap hold x d
	offers ".snapshot disk.img folder" refdiff ''
	offers ".snapshot/disk.img.mon" refsend -i .snapshot/d
	offers ".snapshot/disk.img.mon" refsend -i a .snapshot/d
	offers ".snapshot folder" refrecv ''
	cd / || exit
}

test_case "completion: registered" registered
test_case "completion: all options" all_options
test_case "completion: options of each verb" options_of_verbs
test_case "completion: verbs" verbs_offered
test_case "completion: values" values
test_case "completion: files" files
finish
