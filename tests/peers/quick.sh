#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --memory 1536 --timeout 900
# packages: qemu-system-x86 qemu-utils
# files: /usr/bin/qemu-system-x86_64 /usr/share/qemu/kvmvapic.bin /usr/share/qemu/pvh.bin /usr/share/qemu/linuxboot_dma.bin
# files: /usr/share/seabios/bios-256k.bin
#
# Some of the cases that the other subjects have: those that fit the time of all tests.

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/tap.sh
. "$here/../lib/tap.sh"
# shellcheck source=tests/peers/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/peers/machine.sh
. "$here/machine.sh"

# slow_peer NAME COMMAND...: half a minute in Bochs.
slow_peer() {
	if [ "$WARREN_EMULATOR" = bochs ] && [ -z "${WARREN_TEST_FULL:-}" ]; then
		peer "$1" skip "too slow in Bochs (WARREN_TEST_FULL=1 runs it)"
	else
		peer "$@"
	fi
}

plan 5
peer "QEMU: gdbstub: from the reset vector, breakpoints, steps, an interrupt" debugs
peer "QEMU: gdbstub: breakpoints and watchpoints of the CPU" debugs_by_registers
peer "QEMU: irqchip=on, 2 vCPUs, q35, -cpu host" boots on 2 -M q35 -cpu host
slow_peer "QEMU: irqchip=split, 1 vCPU, q35, -cpu host" boots split 1 -M q35 -cpu host
slow_peer "QEMU: irqchip=off, 1 vCPU, pc, -cpu host" boots off 1 -M pc -cpu host
finish
