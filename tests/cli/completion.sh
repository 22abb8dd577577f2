#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# completion.sh COMPLETION: what bash makes of it, with the `warren` in PATH. Fails at the first surprise.
set -u
# shellcheck source=userspace-cli/completion/warren.bash
. "$1"

# completes LINE WANT...: the last word of the line, as bash splits it; '' is an empty one.
completes() {
	local line=$1 want
	shift
	eval "COMP_WORDS=($line)"
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	COMPREPLY=()
	_warren
	want=$(printf '%s\n' "$@" | sort)
	[ "$(printf '%s\n' "${COMPREPLY[@]}" | sort)" = "$want" ] || {
		echo "$line: expected $*, got ${COMPREPLY[*]}"
		exit 1
	}
}

completes "warren st" stat stop
completes "warren --v" --version
completes "warren no"
completes "warren help re" resume
completes "warren stat ''" 1 2 3 4 5 web db db new
completes "warren pause web 2 n" new
completes "warren kill w" web
completes "warren console w" web
completes "warren stop 1" 1
completes "warren ps ''"
completes "warren trace --du" --duration=
completes "warren trace --s" --summary
completes "warren top --once --s" --sort=
completes "warren top --sort = ''" id cpu exits memory
completes "warren top --sort =" id cpu exits memory
completes "warren top --sort m" memory
completes "warren ps --columns = id,na" id,name
completes "warren run --kernel = /proc/versio" /proc/version
completes "warren events --count ''"

XDG_CONFIG_HOME=$(mktemp -d)
mkdir "$XDG_CONFIG_HOME/warren"
touch "$XDG_CONFIG_HOME/warren/mail.conf"
completes "warren run ma" mail
# shellcheck disable=SC2016
touch "$XDG_CONFIG_HOME/warren/"'$(touch ran).conf'
(cd "$XDG_CONFIG_HOME" && completes "warren run ma" mail && [ ! -e ran ]) || {
	echo "a file's name was run as a command"
	exit 1
}
rm -r "$XDG_CONFIG_HOME"
completes "warren exec basenam" basename
