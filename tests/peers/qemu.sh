#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --memory 2048 --timeout 1500
# packages: qemu-system-x86 qemu-utils
#
# Debian 12's QEMU with a small guest: what its monitor can do to a machine.

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/tap.sh
. "$here/../lib/tap.sh"
# shellcheck source=tests/peers/lib.sh
. "$here/lib.sh"

# boots IRQCHIP CPUS OPTION...
boots() {
	PEER_IRQCHIP=$1
	vm_start a "${LEAN[@]}" -smp "$2" "${@:3}"
	vm_wait a "guest: ready \\($2 CPUs"
	vm_say a 'poweroff -f'
	vm_ends a
}

plan 3
peer "kernel-irqchip=on, 1 vCPU, q35, -cpu host" boots on 1 -M q35 -cpu host
peer "kernel-irqchip=on, 4 vCPUs, pc, -cpu max" boots on 4 -M pc -cpu max
peer "kernel-irqchip=off, 2 vCPUs, q35, -cpu host" boots off 2 -M q35 -cpu host
finish
