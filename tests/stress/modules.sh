#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Loading and unloading the module, many times, with and without a guest in between.

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/tap.sh
. "$here/../lib/tap.sh"
# shellcheck source=tests/lib/guest.sh
. "$here/../lib/guest.sh"
# shellcheck source=tests/lib/memory.sh
. "$here/../lib/memory.sh"

rounds=$(scaled 200)

load() {
	# shellcheck disable=SC2086
	insmod "$WARREN_MODULE" $WARREN_MODULE_PARAMS
}

cycles() {
	local i
	for ((i = 0; i < $1; i++)); do
		if ! rmmod warren || ! load; then
			fail "to unload and load, in round $i"
		fi
	done
}

no_growth() {
	local before after
	cycles 20
	before=$(kernel_memory)
	cycles "$rounds"
	after=$(kernel_memory)
	bounded "$before" "$after" 2048
}

with_guest() {
	local i
	for ((i = 0; i < $(scaled 20); i++)); do
		if ! rmmod warren || ! load; then
			fail "to unload and load, in round $i"
		fi
		micro exit
		expect_status 42
	done
}

busy() {
	local guest
	warren run --device "$WARREN_DEVICE" --kernel "$GUEST_MICRO/spin.elf" --memory 16M >/dev/null 2>&1 </dev/null &
	guest=$!
	while [ "$(cat /sys/module/warren/refcnt)" = 0 ]; do
		kill -0 "$guest" || fail "that the guest starts"
		sleep 0.1
	done
	! rmmod warren || fail "that a module in use cannot be unloaded"
	kill "$guest"
	wait "$guest" || true
}

[ "$WARREN_HV" = warren ] || {
	echo "1..0 # SKIP only Warren is unloaded here"
	exit 0
}
plan 3
check "$rounds times insmod and rmmod, without growth" no_growth
check "insmod, a guest, rmmod" with_guest
check "rmmod is refused while a guest runs" busy
finish
