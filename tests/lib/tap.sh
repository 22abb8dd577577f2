# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# TAP from shell tests. A test is a function that returns 0, or calls skip.
#
#   plan 2
#   check "what should hold" function arguments...

tap_count=0 tap_failed=0 tap_log=$(mktemp "${TMPDIR:-/tmp}/tap.XXXXXX")
trap 'rm -f "$tap_log"' EXIT

plan() {
	echo "TAP version 13"
	echo "1..$1"
}

# check NAME COMMAND...: run it in a subshell; what it prints is shown when it fails.
check() {
	local name=$1 status=0 started=$SECONDS
	shift
	tap_count=$((tap_count + 1))
	("$@") >"$tap_log" 2>&1 </dev/null || status=$?
	case $status in
	0) echo "ok $tap_count - $name # $((SECONDS - started)) s" ;;
	77) echo "ok $tap_count - $name # SKIP $(tail -n 1 "$tap_log")" ;;
	*)
		tail -n 60 "$tap_log" | tr -d '\r' | sed 's/^/#   /'
		echo "not ok $tap_count - $name"
		tap_failed=1
		;;
	esac
}

# slow NAME COMMAND...: as check, but what interprets, or a debug kernel, takes minutes for it and runs it only when asked to.
slow() {
	local name=$1
	shift
	if [[ " ${WARREN_EMULATOR:-} ${WARREN_KERNEL:-} " =~ \ (bochs|debug)\  ]] && [ -z "${WARREN_TEST_FULL:-}" ]; then
		check "$name" skip "minutes here (WARREN_TEST_FULL=1 runs it)"
	else
		check "$name" "$@"
	fi
}

skip() {
	echo "$*"
	exit 77
}

fail() {
	echo "expected: $*"
	exit 1
}

finish() {
	exit "$tap_failed"
}

# scaled N: fewer repetitions on slow hosts (WARREN_TEST_SCALE is a percentage), never none.
scaled() {
	local n=$(($1 * ${WARREN_TEST_SCALE:-100} / 100))
	echo $((n > 0 ? n : 1))
}

# patience SECONDS: time limits grow on the debug kernel.
patience() {
	if [ "${WARREN_KERNEL:-}" = debug ]; then
		echo $(($1 * 6))
	else
		echo "$1"
	fi
}

# time_limit SECONDS: patience for what must only end at some time, so in an emulator that interprets too.
time_limit() {
	if [ "${WARREN_EMULATOR:-}" = bochs ]; then
		echo $(($1 * 6))
	else
		patience "$1"
	fi
}
