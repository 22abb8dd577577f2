#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --memory 2048 --timeout 1800
# needs: qemu10
#
# Debian 13's QEMU, which needs no help to find the device.

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/tap.sh
. "$here/../lib/tap.sh"
# shellcheck source=tests/peers/lib.sh
. "$here/lib.sh"

root=${WARREN_PEER_QEMU10:?}
PEER_EXEC=()
PEER_QEMU=(chroot "$root" qemu-system-x86_64)
PEER_ACCEL=kvm,device=${WARREN_DEVICE:?}

# The same paths inside.
for directory in /dev /proc /tmp "$(dirname "$WARREN_GUEST_VMLINUX")" "$(dirname "$WARREN_GUEST_INITRD")"; do
	mkdir -p "$root$directory"
	mount --bind "$directory" "$root$directory"
done

# boots IRQCHIP CPUS OPTION...
boots() {
	PEER_IRQCHIP=$1
	vm_start a "${LEAN[@]}" -smp "$2" "${@:3}"
	vm_wait a "guest: ready \\($2 CPUs"
	vm_say a 'poweroff -f'
	vm_ends a
}

# Loading the kernel's bzImage and option ROMs is SeaBIOS's work, in real mode.
seabios() {
	vm_start a -M pc -cpu host -m 256 -kernel "$WARREN_GUEST_KERNEL" -initrd "$WARREN_GUEST_INITRD" -append "$LEAN_APPEND"
	vm_wait a 'guest: ready'
	vm_say a 'poweroff -f'
	vm_ends a
}

microvm() {
	PEER_IRQCHIP=$1
	vm_start a -M microvm -cpu host -no-reboot "${LEAN[@]}" -append "$LEAN_APPEND reboot=t"
	vm_wait a 'guest: ready'
	vm_say a 'reboot -f'
	vm_ends a
}

plan 6
peer "QEMU 10: kernel-irqchip=on, 1 vCPU, q35, -cpu host" boots on 1 -M q35 -cpu host
peer "QEMU 10: kernel-irqchip=split, 2 vCPUs, q35, -cpu host" boots split 2 -M q35 -cpu host
# QEMU's own APICs are no longer for KVM: without one, the 8259s are left. And KVM has no asynchronous page faults' interrupt then.
peer "QEMU 10: kernel-irqchip=off, pc, -cpu host,-apic" boots off 1 -M pc -cpu host,-apic,-kvm-asyncpf-int
peer "QEMU 10: kernel-irqchip=on, 4 vCPUs, pc, -cpu max" boots on 4 -M pc -cpu max
peer "QEMU 10: SeaBIOS loads a bzImage" seabios
peer "QEMU 10: microvm, kernel-irqchip=split" microvm split
finish
