# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Completion of warren's command line in bash. What there is comes from --help, which VMs there are from `warren ps`.

_warren_commands() {
	warren --help 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'
}

# Long options; those that take a value end with "=".
_warren_options() {
	warren "$1" --help 2>/dev/null | grep -o -E -e '(^|, | )--[a-z-]+=?' | tr -d ' ,'
}

_warren_vms() {
	warren ps --no-head --columns id,name 2>/dev/null | tr -s ' ' '\n' | grep -v -x -e - -e ''
}

# Only what can be a name: compgen -W expands its words as a command line's, and a file can be called $(command).conf.
_warren_configurations() {
	local file
	for file in /etc/warren/*.conf "${XDG_CONFIG_HOME:-$HOME/.config}"/warren/*.conf; do
		[ ! -e "$file" ] || basename "$file" .conf
	done | grep -x '[A-Za-z][A-Za-z0-9._-]*'
}

# _warren_reply WORD CANDIDATE...
_warren_reply() {
	local word=$1
	shift
	mapfile -t COMPREPLY < <(compgen -W "$*" -- "$word")
	[[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2>/dev/null
}

# _warren_value OPTION WORD: complete an option's value; fails if it takes none.
_warren_value() {
	case $1 in
	--kernel | --initrd | --device | --log | -k | -i)
		mapfile -t COMPREPLY < <(compgen -f -- "$2")
		compopt -o filenames 2>/dev/null
		;;
	--sort) _warren_reply "$2" id cpu exits memory ;;
	--columns)
		# Those before the last comma stay.
		local before=''
		[[ $2 != *,* ]] || before=${2%,*},
		_warren_reply "$2" "${before}"{id,name,uuid,state,vcpus,memory,tables,vendor,paging,pid,user,age}
		;;
	--cmdline | --cpus | --memory | --name | --timeout | --interval | --count | --duration | --vcpu | --entries) ;;
	*) return 1 ;;
	esac
	return 0
}

_warren_arguments() {
	case $1 in
	stat | events | trace | pause | resume | kill | console | stop) _warren_reply "$2" "$(_warren_vms)" ;;
	run) _warren_reply "$2" "$(_warren_configurations)" ;;
	exec) mapfile -t COMPREPLY < <(compgen -c -- "$2" | sort -u) ;;
	help) _warren_reply "$2" "$(_warren_commands)" ;;
	esac
}

_warren() {
	local at=$COMP_CWORD command=${COMP_WORDS[1]} word=${COMP_WORDS[COMP_CWORD]} option
	COMPREPLY=()
	if [ "$at" = 1 ]; then
		_warren_reply "$word" "$(_warren_commands)" help --help --version
		return
	fi
	# bash takes "=" for a word of its own.
	option=${COMP_WORDS[at - 1]}
	if [ "$word" = = ]; then
		word=''
	elif [ "$option" = = ]; then
		option=${COMP_WORDS[at - 2]}
	fi
	if _warren_value "$option" "$word"; then
		return
	fi
	case $word in
	-*) _warren_reply "$word" "$(_warren_options "$command")" ;;
	*) _warren_arguments "$command" "$word" ;;
	esac
}

complete -F _warren warren
