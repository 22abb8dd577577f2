#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --memory 2048 --timeout 3000
# packages: qemu-system-x86 qemu-utils
#
# Debian 12's QEMU with a small guest: machines, and what a monitor and a debugger can do to one.

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/tap.sh
. "$here/../lib/tap.sh"
# shellcheck source=tests/peers/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/peers/machine.sh
. "$here/machine.sh"

plan 15
peer "gdbstub: from the reset vector, breakpoints, steps, an interrupt" debugs
peer "irqchip=on, 1 vCPU, q35, -cpu host" boots on 1 -M q35 -cpu host
peer "irqchip=on, 4 vCPUs, pc, -cpu max" boots on 4 -M pc -cpu max
peer "irqchip=split, 2 vCPUs, q35, -cpu max" boots split 2 -M q35 -cpu max
# One vCPU: with more, this QEMU's threads wait for each other for ever, on either hypervisor. Of KVM's asynchronous page faults it sets
# an MSR that KVM has only together with its own APIC.
peer "irqchip=off, 1 vCPU, q35, -cpu host" boots off 1 -M q35 -cpu host,-kvm-asyncpf-int
peer "run by an ordinary user" ordinary_user
peer "a vCPU is plugged in" plugs_cpu
peer "savevm and loadvm" saves
peer "a move by way of a file, irqchip=on" moves_by_file -M q35 -cpu host -smp 2
peer "a move by way of a file, 1 vCPU, pc, -cpu max" moves_by_file -M pc -cpu max
peer "a move from QEMU to QEMU while the guest works" moves_alive -M q35 -cpu host -smp 2
PEER_ACCEL=kvm,dirty-ring-size=4096
peer "a move while the guest works, by dirty rings" moves_alive -M q35 -cpu host -smp 2
PEER_ACCEL=kvm
peer "guest memory of a shared memfd" memory memory-backend-memfd,share=on
peer "guest memory of a file in /dev/shm" memory memory-backend-file,share=on,mem-path=/dev/shm/peers
peer "guest memory of huge pages" hugetlb
finish
