# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# refsend.bash - completion of command lines of refsnap, refdiff, refsend,
# refrecv and refsync for bash; installed under each of these names.

# The word to complete is $current; $option is the option whose value it is, if
# it is one.  Bash takes --reflink=auto apart: --reflink, = and auto.
_refsend_words()
{
	current=${COMP_WORDS[COMP_CWORD]}
	option=
	if [ "$current" = = ]; then
		current=
		option=${COMP_WORDS[COMP_CWORD - 1]}
	elif [ "$COMP_CWORD" -ge 2 ] &&
	    [ "${COMP_WORDS[COMP_CWORD - 1]}" = = ]; then
		option=${COMP_WORDS[COMP_CWORD - 2]}
	elif [ "$COMP_CWORD" -ge 1 ]; then
		option=${COMP_WORDS[COMP_CWORD - 1]}
	fi
}

# _refsend_offer WORD...: those that begin like $current.
_refsend_offer()
{
	mapfile -t COMPREPLY < <(compgen -W "$*" -- "$current")
}

_refsend_files()
{
	mapfile -t COMPREPLY < <(compgen "$1" -- "$current")
	compopt -o filenames 2>/dev/null
}

# The value of an option that takes one; fails if $option is none such.
_refsend_value()
{
	case $option in
	--reflink) _refsend_offer always auto never ;;
	--compress) _refsend_offer zstd auto none ;;
	-i | -p | -I | -o | --base | --between | --output | --ssh-config | \
	    --identity)
		_refsend_files -f ;;
	--restrict) _refsend_files -d ;;
	-T | --threads | --as | --resume | --keep | --keep-remote | --reserve | \
	    --max-size | --bwlimit | --timeout | --retry | --hook-timeout)
		COMPREPLY=() ;;
	--pre | --post | -e | --rsh) _refsend_files -c ;;
	*) return 1 ;;
	esac
}

# The verb of refsnap is the first word without a dash that is no value.
_refsend_verb()
{
	local i word

	verb=
	arguments=0
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		-o | --output | --keep | --reflink | --reserve)
			[ "${COMP_WORDS[i + 1]}" != = ] || i=$((i + 1))
			i=$((i + 1)) ;;
		-*) ;;
		*)
			if [ -z "$verb" ]; then
				verb=$word
			else
				arguments=$((arguments + 1))
			fi ;;
		esac
	done
}

_refsnap()
{
	local current option verb arguments
	local options='--verbose --help --version'

	_refsend_words
	_refsend_verb
	_refsend_value && return
	case $verb in
	create) options+=' --output --immutable --reflink --reserve' ;;
	list | info) options+=' --json' ;;
	restore | delete) options+=' --force' ;;
	prune) options+=' --keep --dry-run --json' ;;
	verify) options+=' --record --json' ;;
	esac
	case $verb,$arguments,$current in
	*,*,-*) _refsend_offer "$options" ;;
	,*) _refsend_offer create list info restore clone delete prune verify \
		unshare hold release ;;
	create,1,* | hold,1,* | release,1,*) COMPREPLY=() ;;
	*) _refsend_files -f ;;
	esac
}

_refdiff()
{
	local current option

	_refsend_words
	case $current in
	-*) _refsend_offer --summary --json --map-only --verbose --help \
		--version ;;
	*) _refsend_files -f ;;
	esac
}

_refsend()
{
	local current option

	_refsend_words
	_refsend_value && return
	case $current in
	-*) _refsend_offer --base --between --dry-run --output --compress \
		--threads --resume --serve --restrict --progress --verbose \
		--json --help --version ;;
	*) _refsend_files -f ;;
	esac
}

_refsync()
{
	local current option

	_refsend_words
	_refsend_value && return
	case $current in
	-*) _refsend_offer --restore --force --verify --repair --list --dry-run --pre \
		--post --hook-timeout --no-full --newest-only --keep \
		--keep-remote --live --as --compress --bwlimit --threads --rsh \
		--ssh-config --identity --accept-new --timeout --retry --progress \
		--verbose --json --log-json --help --version ;;
	*) _refsend_files -f ;;
	esac
}

_refrecv()
{
	local current option

	_refsend_words
	_refsend_value && return
	case $current in
	-*) _refsend_offer --live --as --dry-run --reflink --reserve \
		--resumable --token --trust-metadata --threads --wait --dump \
		--serve --restrict --append-only --max-size --progress \
		--verbose --json --help --version ;;
	*) _refsend_files -d ;;
	esac
}

complete -F _refsnap refsnap
complete -F _refdiff refdiff
complete -F _refsend refsend
complete -F _refrecv refrecv
complete -F _refsync refsync
