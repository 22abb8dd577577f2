# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# How much memory the kernel uses for itself, and whether it grows.

# kernel_memory: KiB in slabs, page tables, vmalloc, per-CPU areas, stacks, once all is freed.
kernel_memory() {
	local _
	# Grace periods and work queues free what the last process left behind.
	for _ in 1 2 3; do
		sync
		echo 3 >/proc/sys/vm/drop_caches
		sleep 1
	done
	awk '/^(SUnreclaim|PageTables|SecPageTables|VmallocUsed|Percpu|KernelStack):/ { sum += $2 }
		END { print sum }' /proc/meminfo
}

# bounded BEFORE AFTER KIB: it did not grow by more than that.
bounded() {
	echo "kernel memory: $1 KiB before, $2 KiB after"
	(($2 - $1 <= $3)) || fail "growth of at most $3 KiB, not $(($2 - $1))"
}
