#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --memory 3072 --timeout 3000
# needs: debian
# packages: qemu-system-x86 qemu-utils busybox-static iproute2
#
# Debian 12 from a disk in Debian 12's QEMU: SeaBIOS from the reset vector, the boot sector, GRUB, Linux, systemd.

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/tap.sh
. "$here/../lib/tap.sh"
# shellcheck source=tests/peers/lib.sh
. "$here/lib.sh"

# disk_start CPUS OPTION...
disk_start() {
	vm_start a -smp "$1" -m 512 -device virtio-blk-pci,drive=disk,bootindex=0 \
		-drive "if=none,id=disk,format=raw,snapshot=on,file=$WARREN_PEER_DEBIAN" "${@:2}"
}

# up CPUS: GRUB, then systemd's last target, with all CPUs.
up() {
	vm_wait a 'peer: GRUB'
	vm_wait a 'peer: multi-user'
	vm_run a "[ \$(nproc) = $1 ] && systemctl is-active multi-user.target" || fail "$1 CPUs and multi-user.target"
}

down() {
	vm_say a 'systemctl poweroff'
	vm_ends a
}

# boots IRQCHIP CPUS OPTION...
boots() {
	PEER_IRQCHIP=$1
	disk_start "$2" "${@:3}"
	up "$2"
	down
}

network_user() {
	dd if=/dev/urandom of="$peers_dir/sent" bs=1M count=4 status=none
	disk_start 2 -M q35 -cpu host -device virtio-net-pci,netdev=net \
		-netdev "user,id=net,restrict=on,guestfwd=tcp:10.0.2.100:1234-cmd:cat $peers_dir/sent"
	up 2
	address 10.0.2.15
	receives 10.0.2.100
	down
}

# address ADDRESS: of the guest's only network device.
# shellcheck disable=SC2016
address() {
	vm_run a 'cd /sys/class/net; for net in e*; do ip link set dev $net up; done'
	vm_run a "ip addr add $1/24 dev \$net"
}

# receives ADDRESS: there is the file; its sum in the guest is the sum here.
receives() {
	local sum
	sum=$(sha256sum <"$peers_dir/sent")
	vm_run a "timeout 200 cat </dev/tcp/$1/1234 | sha256sum" >"$peers_dir/received"
	grep -q "${sum%% *}" "$peers_dir/received" || fail "the sum ${sum%% *}, not: $(cat "$peers_dir/received")"
}

network_vhost() {
	modprobe -a vhost_net tun || skip "this kernel has no vhost-net"
	[ -e /dev/vhost-net ] || skip "there is no /dev/vhost-net"
	ip tuntap add dev peers0 mode tap
	ip addr add 192.168.77.1/24 dev peers0
	ip link set peers0 up
	dd if=/dev/urandom of="$peers_dir/sent" bs=1M count=4 status=none
	disk_start 2 -M q35 -cpu host -device virtio-net-pci,netdev=net \
		-netdev tap,id=net,ifname=peers0,script=no,downscript=no,vhost=on,vhostforce=on
	up 2
	busybox nc -l -p 1234 <"$peers_dir/sent" >/dev/null &
	address 192.168.77.2
	receives 192.168.77.1
	grep -q vhost "/proc/$(vm_pid a)/task"/*/comm || pgrep vhost- >/dev/null || fail "a thread of vhost"
	down
	ip link del peers0
}

# The guest gives memory back, and gets it again.
balloons() {
	disk_start 1 -M q35 -cpu host -device virtio-balloon-pci
	up 1
	hmp a balloon 256
	until_true 120 balloon_is 256 || fail "256 MiB: $(hmp a info balloon)"
	hmp a balloon 512
	until_true 120 balloon_is 512 || fail "512 MiB: $(hmp a info balloon)"
	vm_run a 'head -c 300M /dev/zero | tail -c 1 | wc -c' || fail "memory to be there"
	down
}

balloon_is() {
	hmp a info balloon | grep -q "actual=$1\$"
}

# The machine goes through the reset vector once more, and comes up as before.
resets() {
	disk_start 2 -M pc -cpu host
	up 2
	vm_say a 'echo first; reboot -ff'
	until_true "$PEER_PATIENCE" said 2 'peer: multi-user' || fail "the machine to come up again"
	hmp a system_reset
	until_true "$PEER_PATIENCE" said 3 'peer: GRUB' || fail "GRUB after a reset from outside"
	vm_quit a
}

# said TIMES WHAT
said() {
	[ "$(grep -a -c "$2" "$peers_dir/a/serial")" -ge "$1" ]
}

plan 8
peer "disk to multi-user, irqchip=on, 1 vCPU, q35, -cpu host" boots on 1 -M q35 -cpu host
peer "disk to multi-user, irqchip=on, 4 vCPUs, pc, -cpu max" boots on 4 -M pc -cpu max
peer "disk to multi-user, irqchip=split, 2 vCPUs, q35, -cpu host" boots split 2 -M q35 -cpu host
peer "disk to multi-user, irqchip=off, 1 vCPU, pc, -cpu host" boots off 1 -M pc -cpu host,-kvm-asyncpf-int
peer "virtio-balloon" balloons
peer "virtio-net in QEMU" network_user
peer "virtio-net in the kernel (vhost-net)" network_vhost
peer "resets, from inside and from outside" resets
finish
