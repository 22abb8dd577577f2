#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Guests that work: processes, memory, the FPU, next to a host that works too.

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/tap.sh
. "$here/../lib/tap.sh"
# shellcheck source=tests/lib/guest.sh
. "$here/../lib/guest.sh"

forks() {
	linux "$1" 256M "forks $(scaled 8)"
	expect_output '^forks: fine$'
	expect_success
}

# More vCPUs than the host has CPUs: Linux uses what is there for that, and sees what it has lost.
crowded() {
	local what
	linux 4 256M "forks $(scaled 8) && dmesg | grep -i kvm && sed -n 1p /proc/stat"
	expect_output '^forks: fine$'
	for what in 'PV spinlocks enabled' 'setup PV IPIs' 'pv remote TLB flush' 'PV sched yield'; do
		expect_output "$what"
	done
	[ "$(nproc)" -ge 4 ] || expect_output '^cpu +([0-9]+ +){7}[1-9]'
	expect_success
}

memory() {
	linux 2 256M "touch_memory $(scaled 128) 2"
	expect_output '^memory: fine$'
	expect_success
}

# The same program, with other values, in the guest and on the host, which goes on for as long as the guest takes to boot.
fpu() {
	local job jobs=() status=0 program=$WARREN_BUILD/tests/guests/programs/fpu seconds
	seconds=$((20 + $(patience 5)))
	for job in 11 12; do
		"$program" "$seconds" "$job" &
		jobs+=($!)
	done
	linux 2 256M "fpu $(patience 5) 21 & fpu $(patience 5) 22 && wait"
	for job in "${jobs[@]}"; do
		wait "$job" || status=1
	done
	expect_output '^fpu: fine'
	! grep -q 'registers changed' "$guest_output" || fail "the guest's registers to stay"
	[ "$status" = 0 ] || fail "the host's registers to stay"
	expect_success
}

several() {
	local i jobs=() status=0
	for i in 1 2 3; do
		(
			guest_output=$guest_output.$i
			trap 'rm -f "$guest_output"' EXIT
			linux 2 128M "forks 2"
			expect_success
		) &
		jobs+=($!)
	done
	for i in "${jobs[@]}"; do
		wait "$i" || status=1
	done
	return "$status"
}

plan 5
slow "processes fork and exec, 1 vCPU" forks 1
check "processes fork and exec, 4 vCPUs on fewer CPUs" crowded
check "memory keeps what was written" memory
check "FPU registers, in the guest and on the host at the same time" fpu
slow "three machines at the same time" several
finish
