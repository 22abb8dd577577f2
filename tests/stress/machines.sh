#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Machines made and destroyed, orderly and not.

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/tap.sh
. "$here/../lib/tap.sh"
# shellcheck source=tests/lib/guest.sh
. "$here/../lib/guest.sh"
# shellcheck source=tests/lib/memory.sh
. "$here/../lib/memory.sh"

churn=$WARREN_BUILD/tests/stress/churn
count=$(scaled 1000)

# The first tenth fills caches and pools; what grows after it is lost.
no_growth() {
	local before after
	"$churn" $((count / 10 + 10)) || fail "all machines made and destroyed"
	before=$(kernel_memory)
	"$churn" "$count" || fail "all machines made and destroyed"
	after=$(kernel_memory)
	bounded "$before" "$after" 1024
}

parallel_churn() {
	local i jobs=() status=0
	for i in 1 2 3 4; do
		"$churn" $((count / 10 + 1)) &
		jobs+=($!)
	done
	for i in "${jobs[@]}"; do
		wait "$i" || status=1
	done
	return "$status"
}

# A launcher with a Linux guest dies somewhere between its start and the guest's shell.
killed() {
	local i pid before after
	before=$(kernel_memory)
	for ((i = 0; i < $(scaled 30); i++)); do
		warren run --device "$WARREN_DEVICE" --kernel "$WARREN_GUEST_VMLINUX" --cpus 3 \
			--initrd "$WARREN_GUEST_INITRD" --memory 128M \
			--cmdline "console=ttyS0 warren.end=stay warren.run=true" \
			>/dev/null 2>&1 </dev/null &
		pid=$!
		sleep "$((RANDOM % 3)).$((RANDOM % 1000))"
		kill -9 "$pid"
		wait "$pid"
	done
	after=$(kernel_memory)
	bounded "$before" "$after" 2048
	[ "$WARREN_HV" != warren ] || [ "$(cat /sys/module/warren/refcnt)" = 0 ] ||
		fail "nobody to hold the module"
}

# vCPU threads are killed one by one, and the process while all of them run.
killed_spinning() {
	local i pid
	for ((i = 0; i < $(scaled 40); i++)); do
		warren run --device "$WARREN_DEVICE" --kernel "$GUEST_MICRO/spin.elf" --memory 16M \
			--cpus 4 >/dev/null 2>&1 </dev/null &
		pid=$!
		sleep "0.$((RANDOM % 500))"
		kill -9 "$pid"
		wait "$pid"
	done
	micro exit
	expect_status 42
}

plan 4
check "$count machines one after the other, without growth" no_growth
check "machines made and destroyed by four processes" parallel_churn
check "launchers killed at random moments" killed
check "launchers killed while the guest spins" killed_spinning
finish
