#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --memory 1536 --timeout 900
# packages: qemu-system-x86 qemu-utils
#
# Some of the cases that the other subjects have: those that fit the time of all tests.

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/tap.sh
. "$here/../lib/tap.sh"
# shellcheck source=tests/peers/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/peers/machine.sh
. "$here/machine.sh"

plan 4
peer "QEMU: gdbstub: from the reset vector, breakpoints, steps, an interrupt" debugs
peer "QEMU: irqchip=on, 2 vCPUs, q35, -cpu host" boots on 2 -M q35 -cpu host
peer "QEMU: irqchip=split, 1 vCPU, q35, -cpu host" boots split 1 -M q35 -cpu host
peer "QEMU: irqchip=off, 1 vCPU, pc, -cpu host" boots off 1 -M pc -cpu host
finish
