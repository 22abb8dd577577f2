#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Guests that behave badly: the launcher says so, and the host does not notice.

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/tap.sh
. "$here/../lib/tap.sh"
# shellcheck source=tests/lib/guest.sh
. "$here/../lib/guest.sh"

ends_with() {
	micro "$1"
	expect_status "$2"
}

triple_fault() {
	micro triple
	expect_status 4
	expect_output '[Rr][Ii][Pp]'
}

# While the guest spins on all vCPUs, work on each of the host's CPUs gets its turn: it is done long before the guest's time
# is over. A slow machine makes both slow.
spins() {
	local guest cpu
	warren run --device "$WARREN_DEVICE" --timeout "$(patience 60)" --memory 16M --cpus 2 \
		--kernel "$GUEST_MICRO/$1.elf" >/dev/null 2>&1 </dev/null &
	guest=$!
	for _ in 1 2 3 4 5; do
		for ((cpu = 0; cpu < $(nproc); cpu++)); do
			taskset -c "$cpu" sleep 0.2 || fail "to run on CPU $cpu"
		done
	done
	kill "$guest" || fail "5 short naps on each CPU within the guest's life"
	wait "$guest" 2>/dev/null || true
}

spin_timeout() {
	launch 3 --kernel "$GUEST_MICRO/$1.elf" --memory 16M
	expect_status 6
}

plan 7
check "a triple fault is status 4, with the registers" triple_fault
check "memory that is not there swallows writes and reads as ones" ends_with unmapped 42
check "a jump to memory that is not there is status 4" ends_with wild 4
check "a loop with interrupts off leaves the host responsive" spins spin
check "a loop with interrupts off can be ended" spin_timeout spin
check "a halt with interrupts off leaves the host responsive" spins halt
check "a halt with interrupts off can be ended" spin_timeout halt
finish
