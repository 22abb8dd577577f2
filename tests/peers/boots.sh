#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --cpus 1 --memory 2048 --timeout 4000 --build tests/bench
# both: one after the other, on a host that counts instructions
# needs: debian
# packages: qemu-system-x86
#
# How many instructions of the host's a boot in QEMU takes, QEMU's own and the guest's included.

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/tap.sh
. "$here/../lib/tap.sh"
# shellcheck source=tests/peers/lib.sh
. "$here/lib.sh"

load_kvm() {
	modprobe kvm-amd
}

load_warren() {
	modprobe -r kvm-amd
	# shellcheck disable=SC2086
	insmod "$WARREN_MODULE" ${WARREN_MODULE_PARAMS:-}
}

# What a shell on the serial port reads when there is one. No QEMU, no reader.
turns_off() {
	while sleep 20; do echo 'poweroff -f'; done
}

# counts HYPERVISOR NAME MARKER OPTION...: until QEMU's serial port says so.
counts() {
	local hv=$1 name=$2 marker=$3 count
	local -A by=([kvm]='env' [warren]='warren exec --')
	shift 3
	# shellcheck disable=SC2086
	count=$("$WARREN_BUILD/tests/bench/bench" boot "$marker" -- ${by[$hv]} "${PEER_QEMU[@]}" -accel kvm -nodefaults \
		-no-user-config -display none -serial stdio -M q35 -cpu host "$@" < <(turns_off) | tee /dev/stderr |
		sed -n 's/^row boot-to-init \([0-9]*\).*/\1/p')
	[ "${count:-0}" -gt 0 ] || fail "'$marker' on the serial port"
	echo "# boot $hv $count $name" >>"$peers_dir/boots"
}

disk=(-m 512 -device "virtio-blk-pci,drive=disk,bootindex=0"
	-drive "if=none,id=disk,format=raw,snapshot=on,file=${WARREN_PEER_DEBIAN:-}")

plan 6
for hv in kvm warren; do
	peer "$hv can be loaded" "load_$hv"
	peer "$hv: Linux to its init" counts "$hv" "Linux to its init" 'guest: ready' "${LEAN[@]}"
	peer "$hv: a disk to multi-user" counts "$hv" "SeaBIOS, GRUB, Debian to multi-user" 'peer: multi-user' "${disk[@]}"
done
cat "$peers_dir/boots"
finish
