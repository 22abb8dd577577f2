# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Guests under `warren run`, for tests inside an emulated host. Sourced after tap.sh.

guest_output=$(mktemp "${TMPDIR:-/tmp}/guest.XXXXXX")
: "${tap_log:=}"
trap 'rm -f "$tap_log" "$guest_output"' EXIT

GUEST_MICRO=${WARREN_BUILD:-}/tests/guests/micro

# launch SECONDS ARGUMENT...: `warren run` on the device under test; sets guest_status, and leaves
# what it printed in $guest_output and on standard output. GUEST_INPUT is what its console reads.
launch() {
	local limit=$1
	shift
	guest_status=0
	timeout -k 5 $((limit + 10)) warren run --device "$WARREN_DEVICE" --timeout "$limit" "$@" \
		>"$guest_output" 2>&1 <"${GUEST_INPUT:-/dev/null}" || guest_status=$?
	cat "$guest_output"
}

# linux CPUS MEMORY COMMAND [CMDLINE [ARGUMENT...]]: boot the stock kernel, run COMMAND in it.
linux() {
	local cpus=$1 memory=$2 command=$3 cmdline=${4:-}
	shift $(($# < 4 ? $# : 4))
	launch "$(time_limit "${GUEST_SECONDS:-240}")" \
		--kernel "${GUEST_KERNEL:-$WARREN_GUEST_VMLINUX}" \
		--initrd "$WARREN_GUEST_INITRD" --cpus "$cpus" --memory "$memory" \
		--cmdline "console=ttyS0 quiet panic=-1 cryptomgr.notests=1 warren.run=\"$command\" $cmdline" \
		"$@"
}

# micro NAME [ARGUMENT...]: start one of the tiny guests.
micro() {
	local name=$1
	shift
	launch "$(time_limit "${GUEST_SECONDS:-60}")" --kernel "$GUEST_MICRO/$name.elf" --memory 16M \
		--debug-exit "$@"
}

expect_status() {
	[ "$guest_status" = "$1" ] || fail "exit status $1 of the launcher, got $guest_status"
}

expect_output() {
	tr -d '\r' <"$guest_output" | grep -q -E -e "$1" || fail "'$1' in the guest's output"
}

# The guest did what it was asked to and powered off.
expect_success() {
	expect_output '^guest: status 0$'
	expect_status 0
}
