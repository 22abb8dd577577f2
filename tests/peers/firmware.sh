#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --memory 2048 --timeout 2400
# needs: firmware
# packages: qemu-system-x86 busybox-static
#
# What runs below an operating system: OVMF to its shell and to GRUB and Linux, microvm's firmware, memtest86+.

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/tap.sh
. "$here/../lib/tap.sh"
# shellcheck source=tests/peers/lib.sh
. "$here/lib.sh"

firmware=${WARREN_PEER_FIRMWARE:?}

# disk DIRECTORY: as a FAT disk.
disk() {
	printf '%s\n' -drive "file=fat:$firmware/$1,format=raw,if=virtio,readonly=on"
}

# shell OPTION...: its script ends the machine.
shell() {
	local disk
	mapfile -t disk < <(disk shell)
	vm_start a -cpu host -m 128 "${disk[@]}" "$@"
	vm_wait a 'peer: UEFI shell'
	vm_ends a
}

# Variables are written while the firmware boots: flash that was memory becomes a device for that, and memory again.
flash() {
	cp "$firmware/OVMF_VARS.fd" "$peers_dir/vars"
	shell -M q35 -drive "if=pflash,format=raw,readonly=on,file=$firmware/OVMF_CODE.fd" \
		-drive "if=pflash,format=raw,file=$peers_dir/vars"
	! cmp -s "$firmware/OVMF_VARS.fd" "$peers_dir/vars" || fail "a variable in flash"
}

grub() {
	local disk
	mapfile -t disk < <(disk grub)
	vm_start a -M q35 -cpu host -smp 2 -m 768 -bios "$firmware/OVMF.fd" "${disk[@]}"
	vm_wait a 'peer: GRUB'
	vm_wait a 'guest: ready \(2 CPUs'
	vm_run a 'dmesg | grep "efi: EFI v2"' || fail "a kernel that knows UEFI"
	vm_say a 'poweroff -f'
	vm_ends a
}

# No power button: a reset ends it.
microvm() {
	vm_start a -M microvm -cpu host -no-reboot "${LEAN[@]}" -append "$LEAN_APPEND reboot=t"
	vm_wait a 'guest: ready \(1 CPUs'
	vm_say a 'reboot -f'
	vm_ends a
}

# Most of the time it waits for bits to fade.
memtest() {
	vm_start a -M pc -cpu host -m 8 -kernel "$firmware/memtest" -append "console=ttyS0,115200"
	vm_wait a 'Pass: +1 +Errors: ' 900
	if vm_serial a | grep -a -q 'Errors: [1-9]'; then
		fail "memory without errors"
	fi
}

plan 6
peer "OVMF to its shell, q35" shell -M q35 -bios "$firmware/OVMF.fd"
peer "OVMF to its shell, pc" shell -M pc -bios "$firmware/OVMF.fd"
peer "OVMF in flash keeps its variables" flash
peer "OVMF, GRUB, Linux, 2 vCPUs" grub
peer "microvm" microvm
peer "memtest86+ through its first pass" memtest
finish
