#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The host changes under a running guest: CPUs go and come, code is patched, memory is swapped and merged, the machine sleeps.

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/tap.sh
. "$here/../lib/tap.sh"
# shellcheck source=tests/lib/guest.sh
. "$here/../lib/guest.sh"

# background COMMAND...: run it beside the test, until the test's subshell ends.
background() {
	"$@" &
	trap 'kill $! 2>/dev/null; wait 2>/dev/null' EXIT
}

cpu_online() {
	echo "$1" >/sys/devices/system/cpu/cpu1/online
}

hotplug_loop() {
	while :; do
		cpu_online 0
		sleep 0.5
		cpu_online 1
		sleep 0.5
	done
}

hotplug() {
	[ -w /sys/devices/system/cpu/cpu1/online ] || skip "this host has one CPU"
	background hotplug_loop
	linux 2 128M "forks $(scaled 4); forks $(scaled 4)"
	kill $!
	wait
	{ cpu_online 0 && cpu_online 1; } || fail "that the CPU goes and comes"
	expect_output '^forks: fine$'
	expect_success
}

# The last VM goes while a CPU is offline, the next one comes while it returns.
hotplug_idle() {
	[ -w /sys/devices/system/cpu/cpu1/online ] || skip "this host has one CPU"
	local i
	for ((i = 0; i < $(scaled 20); i++)); do
		cpu_online 0 || fail "that the CPU goes"
		micro exit
		expect_status 42
		cpu_online 1 || fail "that the CPU comes"
		micro exit --cpus 2
		expect_status 42
	done
}

# A static key of the scheduler: the kernel patches code that runs, with interrupts to all CPUs.
patch_loop() {
	while :; do
		echo 1 >/proc/sys/kernel/sched_schedstats
		echo 0 >/proc/sys/kernel/sched_schedstats
	done
}

patching() {
	[ -w /proc/sys/kernel/sched_schedstats ] || skip "no such static key"
	background patch_loop
	linux 2 128M "forks $(scaled 4); forks $(scaled 4)"
	kill $!
	wait
	echo 0 >/proc/sys/kernel/sched_schedstats
	expect_output '^forks: fine$'
	expect_success
}

swap_on() {
	if [ ! -e /sys/block/zram0 ]; then
		modprobe zram || return 1
	fi
	echo 1 >/sys/block/zram0/reset
	echo 512M >/sys/block/zram0/disksize
	mkswap /dev/zram0 >/dev/null && swapon /dev/zram0
}

# A control group that holds less than the guest's working set: pages go out and come back.
swapping() {
	local group=/sys/fs/cgroup/squeezed before after
	swap_on || skip "no zram"
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	mkdir -p "$group"
	echo $((112 << 20)) >"$group"/memory.high
	# Reads that the swap device served: small kernels do not count pages swapped in.
	before=$(awk '{ print $1 }' /sys/block/zram0/stat)
	(
		echo "$BASHPID" >"$group"/cgroup.procs
		GUEST_SECONDS=240 linux 2 256M "touch_memory 128 $(scaled 3)"
		expect_output '^memory: fine$'
		expect_success
	) || exit 1
	after=$(awk '{ print $1 }' /sys/block/zram0/stat)
	rmdir "$group"
	swapoff /dev/zram0
	echo "pages swapped in: $((after - before))"
	((after > before + 100)) || fail "that pages were swapped in"
}

# most_merged PID SECONDS: wait until more than 1000 pages are merged, that process is gone, or time is up; print the most.
most_merged() {
	local most=0 now end=$((SECONDS + $2))
	while ((most <= 1000 && SECONDS < end)) && kill -0 "$1" 2>/dev/null; do
		sleep 0.3
		now=$(cat /sys/kernel/mm/ksm/pages_sharing)
		((now <= most)) || most=$now
	done
	echo "$most"
}

# The guest keeps its pages until it is told that they are merged, and then looks at them again.
merging() {
	local ksm=/sys/kernel/mm/ksm merged guest tell
	[ -d "$ksm" ] || skip "no KSM"
	echo 0 >"$ksm"/sleep_millisecs
	echo 20000 >"$ksm"/pages_to_scan
	echo 1 >"$ksm"/run
	GUEST_INPUT=$(mktemp -u)
	mkfifo "$GUEST_INPUT"
	exec {tell}<>"$GUEST_INPUT"
	export LD_PRELOAD=$WARREN_BUILD/tests/stress/mergeable.so
	GUEST_SECONDS=240 linux 2 192M "touch_memory 64 $(scaled 4) same" &
	guest=$!
	merged=$(most_merged "$guest" "$(time_limit 150)")
	echo >&"$tell"
	wait "$guest"
	rm "$GUEST_INPUT"
	echo 2 >"$ksm"/run
	echo 0 >"$ksm"/run
	expect_output '^memory: fine$'
	expect_output '^guest: status 0$'
	echo "pages merged: $merged"
	((merged > 1000)) || fail "that guest pages were merged"
}

# Reclaim of everything that can be had, over and over, while a guest works.
reclaim_loop() {
	while :; do
		echo 3 >/proc/sys/vm/drop_caches
		echo 1 >/proc/sys/vm/compact_memory
		sleep 0.3
	done
}

reclaim() {
	background reclaim_loop
	linux 2 128M "touch_memory $(scaled 48) 3; forks 2"
	expect_output '^memory: fine$'
	expect_output '^forks: fine$'
	expect_success
}

# The kernel freezes every task, waits, and thaws them, as at the start of a suspend: KVM_RUN must let its thread go.
freezing() {
	local test=/sys/power/pm_test guest count=0
	grep -q -w freezer "$test" 2>/dev/null || skip "the kernel cannot rehearse a suspend"
	echo 1 >/sys/module/suspend/parameters/pm_test_delay
	echo freezer >"$test"
	linux 2 128M "forks $(scaled 4)" &
	guest=$!
	while kill -0 "$guest" 2>/dev/null; do
		echo mem >/sys/power/state || fail "that all tasks can be frozen"
		count=$((count + 1))
		sleep 0.5
	done
	wait "$guest"
	echo none >"$test"
	echo "frozen $count times"
	expect_output '^forks: fine$'
	expect_output '^guest: status 0$'
}

# Suspend itself, as far as tests/power takes it, again and again while a Linux guest works.
suspend_loop() {
	while :; do
		cpu_online 0
		echo 30 >/sys/module/warren_power/parameters/suspend
		cpu_online 1
		sleep 0.5
	done
}

suspending() {
	[ -e /run/warren-host/warren-power.ko ] || skip "no warren-power.ko"
	[ -w /sys/devices/system/cpu/cpu1/online ] || skip "this host has one CPU"
	insmod /run/warren-host/warren-power.ko
	background suspend_loop
	linux 2 128M "forks $(scaled 4); forks $(scaled 4)"
	kill $!
	wait
	cpu_online 1 2>/dev/null
	echo "suspended $(cat /sys/module/warren_power/parameters/suspended) times"
	[ "$(cat /sys/module/warren_power/parameters/suspended)" -gt 0 ] || fail "a suspend with the guest alive"
	expect_output '^forks: fine$'
	expect_success
	rmmod warren-power
}

plan 8
check "host CPUs go and come while a guest runs" hotplug
check "host CPUs go and come between guests" hotplug_idle
check "the host's kernel patches itself while a guest runs" patching
slow "a guest whose memory is swapped" swapping
check "a guest whose memory is merged" merging
check "all tasks are frozen and thawed while a guest runs" freezing
check "the host suspends and resumes while a guest runs" suspending
check "caches dropped and memory compacted while a guest runs" reclaim
finish
