#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --memory 2048 --timeout 1800
# needs: linux32 firmware
# packages: qemu-system-x86 busybox-static
#
# Kernels of other kinds: Debian's 32-bit ones, Xen with Linux as its dom0.

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/tap.sh
. "$here/../lib/tap.sh"
# shellcheck source=tests/peers/lib.sh
. "$here/lib.sh"

# linux32 FLAVOUR CPUS OPTION... Without vapic: it has QEMU write TR back, as busy; with KVM that gets to QEMU's TCG, below, which dies
# of an "invalid tss type" at the next change of rings.
linux32() {
	local dir=${WARREN_PEER_LINUX32:?} flavour=$1 cpus=$2
	shift 2
	vm_start a -cpu host -smp "$cpus" -m 256 -kernel "$dir/vmlinuz-$flavour" -initrd "$dir/initrd" -append "$LEAN_APPEND" \
		-global kvm-apic.vapic=off "$@"
	vm_wait a "guest: ready \\($cpus CPUs"
	vm_run a 'uname -m' | grep -q -x i686 || fail "a 32-bit kernel"
	# What is computed in 32 bits is right, and both CPUs can do it.
	vm_run a 'seq 9999|md5sum&seq 9999|md5sum;wait' | grep -c '^05fda6bec6aabc94d0fc54380ace8412' | grep -q -x 2 ||
		fail "two right sums"
	vm_say a 'poweroff -f'
	vm_ends a
}

# Without SMAP: QEMU's TCG, below, reads the stack of an IRET in ring 3 as if in ring 0, where SMAP forbids it.
xen() {
	vm_start a -M q35 -cpu host,-smap -smp "$1" -m 512 -kernel "${WARREN_PEER_FIRMWARE:?}/xen" \
		-append "console=com1 com1=115200,8n1 dom0_mem=256M noreboot" \
		-initrd "$WARREN_GUEST_KERNEL console=hvc0 quiet panic=-1 cryptomgr.notests=1 warren.run=nproc,$WARREN_GUEST_INITRD"
	vm_wait a 'Xen version 4'
	vm_wait a "guest: ready \\($1 CPUs"
	vm_wait a 'guest: status 0'
	vm_ends a
}

plan 5
peer "Debian's 686-pae kernel" linux32 686-pae 1 -M q35
peer "Debian's 686-pae kernel, 2 vCPUs" linux32 686-pae 2 -M pc
peer "Debian's 686 kernel, without PAE" linux32 686 1 -M pc
peer "Xen with a PV dom0" xen 1
peer "Xen with a PV dom0, 2 vCPUs" xen 2
finish
