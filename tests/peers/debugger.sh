#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --vendor vmx --cpus 1 --timeout 900
# packages: qemu-system-x86
# files: /usr/bin/qemu-system-x86_64 /usr/share/qemu/kvmvapic.bin
#
# A guest under QEMU's gdbstub; on VT-x, because QEMU's AMD-V does not arm a guest's DR7. Bochs's does: "--vendor svm --emulator bochs".

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/tap.sh
. "$here/../lib/tap.sh"
# shellcheck source=tests/peers/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/peers/machine.sh
. "$here/machine.sh"

plan 2
peer "QEMU: gdbstub: from the reset vector, breakpoints, steps, an interrupt" debugs
peer "QEMU: gdbstub: breakpoints and watchpoints of the CPU" debugs_by_registers
finish
