#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Unmodified Debian kernels, from the first instruction to a shell and to power-off.

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/tap.sh
. "$here/../lib/tap.sh"
# shellcheck source=tests/lib/guest.sh
. "$here/../lib/guest.sh"

boot() {
	linux "$1" 256M 'nproc; uname -r; cat /proc/interrupts'
	expect_output "^guest: ready \\($1 CPUs"
	expect_output "^$1\$"
	expect_success
}

bzimage() {
	GUEST_KERNEL=$WARREN_GUEST_KERNEL GUEST_SECONDS=300 boot "$1"
}

# The launcher gives the guest no memory between 3 and 4 GiB; little and much must both work.
memory() {
	linux 1 "$1" 'grep MemTotal /proc/meminfo'
	expect_output '^MemTotal:'
	expect_success
}

clocks() {
	local started=$SECONDS slept
	linux 2 256M 'cat /sys/devices/system/clocksource/clocksource0/current_clocksource; a=$(date +%s); sleep 3; b=$(date +%s); echo slept $((b - a))'
	expect_output '^(kvm-clock|tsc)$'
	slept=$(tr -d '\r' <"$guest_output" | sed -n 's/^slept \([0-9]*\)$/\1/p')
	((slept >= 3 && slept <= SECONDS - started + 1)) ||
		fail "3 seconds to pass, and at most the $((SECONDS - started)) of the host"
	expect_success
}

reboot() {
	linux 2 128M true "warren.end=reboot"
	expect_status 3
}

# reboot=triple makes the guest's kernel reset the machine by a triple fault.
triple_fault() {
	linux 1 128M true "warren.end=reboot reboot=triple"
	expect_status 4
}

x2apic() {
	linux 2 256M 'dmesg | grep -i x2apic; grep -c processor /proc/cpuinfo' 'loglevel=4'
	expect_output '^2$'
	expect_success
}

xapic() {
	linux 2 256M 'grep -c processor /proc/cpuinfo' 'nox2apic'
	expect_output '^2$'
	expect_success
}

plain() {
	linux 2 256M 'grep -c processor /proc/cpuinfo' 'nopv no-kvmclock no-kvmapf lapic=notscdeadline'
	expect_output '^2$'
	expect_success
}

cpu_hotplug() {
	linux 2 256M 'cd /sys/devices/system/cpu/cpu1; for i in 1 2 3; do echo 0 >online; echo 1 >online; done; nproc'
	expect_output '^2$'
	expect_success
}

plan 13
check "vmlinux to its shell, 1 vCPU" boot 1
slow "vmlinux to its shell, 2 vCPUs" boot 2
check "vmlinux to its shell, 4 vCPUs on a host with $(nproc)" boot 4
slow "bzImage to its shell, 2 vCPUs" bzimage 2
slow "128 MiB of memory" memory 128M
check "5 GiB of memory, on both sides of the hole" memory 5G
check "time passes as on the host" clocks
slow "a reboot ends the launcher with status 3" reboot
check "a triple fault ends the launcher with status 4" triple_fault
check "x2APIC" x2apic
slow "xAPIC" xapic
slow "no paravirtual help, no TSC deadline timer" plain
check "the guest takes its own CPUs down and up" cpu_hotplug
finish
