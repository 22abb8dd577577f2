# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What has the host's kernel patch its own code. QEMU may go on executing the INT3 that such a patch puts there for a moment, and
# a CPU that meets it in the scheduler traps for ever: so only one CPU is there meanwhile.

# patching COMMAND...: run it on a host of one CPU
patching() {
	local status=0 second=/sys/devices/system/cpu/cpu1/online
	[ ! -w "$second" ] || echo 0 >"$second"
	"$@" || status=$?
	[ ! -w "$second" ] || echo 1 >"$second"
	return "$status"
}
