#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --memory 1536 --timeout 1200
# packages: qemu-system-x86
#
# What a VMM asks for and Warren lacks: a message and an exit status of QEMU's choice, or a guest that runs without; never a
# crash, and never a guest that believes it has it.

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/tap.sh
. "$here/../lib/tap.sh"
# shellcheck source=tests/peers/lib.sh
. "$here/lib.sh"

ended_or_ready() {
	! vm_alive a || grep -a -q 'guest: ready' "$peers_dir/a/serial"
}

# refused MESSAGE OPTION...: on Warren QEMU says that and gives up; on KVM, which has it all, the guest runs.
refused() {
	local message=$1 status=0
	shift
	vm_start a "${LEAN[@]}" "$@"
	until_true "$PEER_PATIENCE" ended_or_ready || fail "an end or a guest"
	if [ "$WARREN_HV" = kvm ]; then
		vm_wait a 'guest: ready'
		return
	fi
	! vm_alive a || fail "a refusal"
	wait "$(vm_pid a)" || status=$?
	[ "$status" = 1 ] || fail "status 1, not $status"
	grep -q -E -e "$message" "$peers_dir/a/out" || fail "'$message' in what QEMU says"
}

# without FLAG OPTION...: the guest runs, and on Warren has no such CPU flag.
without() {
	local flag=$1
	shift
	vm_start a "${LEAN[@]}" "$@"
	vm_wait a 'guest: ready'
	if [ "$WARREN_HV" != kvm ] && vm_run a "grep -q -w $flag /proc/cpuinfo"; then
		fail "a guest without $flag"
	fi
}

# QEMU does not ask whether Hyper-V's features are there, and writes the registers of some.
no_hyperv() {
	vm_start a "${LEAN[@]}" "$@"
	vm_wait a 'guest: ready'
	if [ "$WARREN_HV" != kvm ]; then
		vm_run a 'dmesg | grep "Hypervisor detected: KVM"' || fail "a guest that sees KVM and no Hyper-V"
	fi
	vm_quit a
}

plan 6
peer "system management mode" refused 'System Management Mode not supported' -M q35,smm=on -cpu host
peer "nested virtualization, demanded" refused "support requested feature.*svm" -M q35 -cpu host,+svm,enforce
peer "nested virtualization, wished for" without svm -M q35 -cpu host,+svm
peer "Hyper-V's features, wished for" no_hyperv -M q35 -cpu host,hv-relaxed,hv-vapic,hv-time,hv-spinlocks=0x1fff
peer "Hyper-V's features, all there are" no_hyperv -M q35 -cpu host,hv-passthrough
peer "Hyper-V's features, one that QEMU tries" refused 'HyperV VP_INDEX' -M q35 -cpu host,hv-vpindex
finish
