# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# A disk with Debian 12 on it, as a PC boots it: boot sector, GRUB, the stock kernel, systemd.
#
# $WARREN_CACHE/peers/debian-KEY.img is complete or absent. There is a root shell on the first serial port; it says
# "peer: multi-user" when systemd has reached that. The kernel is the cached one with the modules that QEMU's devices need, in
# an initramfs of busybox: Debian's own takes an emulated CPU minutes to make, and many seconds to unpack.

DEBIAN_PACKAGES=systemd-sysv,udev,iproute2,kmod
DEBIAN_MODULES=(virtio_pci virtio_blk ahci sd_mod crc32c_generic ext4 virtio_net virtio_balloon virtio_console virtio_rng)
DEBIAN_MIB=400

make_debian() {
	local file
	file=$WARREN_CACHE/peers/debian-$(hash_of "${BASH_SOURCE[0]}" "$(kernel_dir 6.1)/stamp").img
	[ -e "$file" ] || with_lock peers-debian debian_make "$file" >&2
	[ -e "$file" ] || die "no disk with Debian"
	echo "$file"
}

debian_make() {
	local file=$1 tree
	[ ! -e "$file" ] || return 0
	need_packages "make a disk with Debian" debootstrap e2fsprogs fdisk grub-common grub-pc-bin cpio kmod busybox-static
	mkdir -p "$WARREN_CACHE/peers" "$WARREN_CACHE/initramfs"
	tree=$(mktemp -d "$WARREN_CACHE/peers/tree.XXXXXX")
	step "making a disk with Debian 12" debian_build "$tree" || return 1
	mv "$tree/disk" "$file"
	as_root rm -rf "$tree"
}

debian_build() {
	local tree=$1 root=$1/root
	as_root debootstrap --variant=minbase --include="$DEBIAN_PACKAGES" bookworm "$root" "$(debian_mirror)" &&
		debian_kernel "$tree" && debian_settings "$tree/add" &&
		as_root cp -a --no-preserve=ownership "$tree/add/." "$root/" &&
		as_root rm -rf "$root"/var/cache/apt "$root"/var/lib/apt/lists "$root"/usr/share/{doc,man,locale} &&
		as_root chroot "$root" systemctl -q mask getty.target systemd-timesyncd systemd-update-utmp-runlevel \
			systemd-update-utmp proc-sys-fs-binfmt_misc.automount apt-daily.timer \
			apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
			e2scrub_reap.service fstrim.timer systemd-journal-flush systemd-random-seed &&
		as_root chroot "$root" systemctl -q enable peer.service &&
		as_root chroot "$root" passwd -q -d root && debian_disk "$tree"
}

# debian_kernel TREE: image, modules and initramfs of the cached kernel, in TREE/add.
debian_kernel() {
	local add=$1/add release from to module init
	release=$(cat "$(kernel_dir 6.1)/release")
	from=$(kernel_dir 6.1)/modules/lib/modules/$release
	to=$add/usr/lib/modules/$release
	mkdir -p "$add/boot/grub" "$to"
	cp "$(kernel_dir 6.1)/vmlinuz" "$add/boot/vmlinuz"
	cp "$from"/modules.{order,builtin,builtin.modinfo} "$to/"
	init=$(initramfs_begin)
	for module in $(module_files "$from" "${DEBIAN_MODULES[@]}"); do
		mkdir -p "$to/$(dirname "$module")"
		unpack_module "$from/$module" >"$to/${module%.ko*}.ko"
	done
	depmod -b "$add/usr" "$release"
	for module in $(module_files "$to" "${DEBIAN_MODULES[@]:0:6}"); do
		cp "$to/$module" "$init/modules/"
		basename "$module" >>"$init/modules/order"
	done
	cat >"$init/init" <<-'INIT'
		#!/bin/sh
		export PATH=/bin
		mount -t proc proc /proc
		mount -t sysfs sysfs /sys
		mount -t devtmpfs dev /dev
		while read -r module; do insmod "/modules/$module"; done </modules/order
		root=$(sed 's/.*root=\([^ ]*\).*/\1/' /proc/cmdline)
		until [ -b "$root" ]; do sleep 0.1; done
		mount -t ext4 "$root" /newroot
		mount --move /dev /newroot/dev
		umount /sys /proc
		exec switch_root /newroot /sbin/init
	INIT
	chmod 755 "$init/init"
	initramfs_end "$init" "$add/boot/initrd"
}

debian_settings() {
	local add=$1
	mkdir -p "$add"/etc/systemd/{system,journald.conf.d}
	echo debian-peer >"$add/etc/hostname"
	cat >"$add/boot/grub/grub.cfg" <<-'CONFIG'
		serial --unit=0 --speed=115200
		terminal_input serial
		terminal_output serial
		echo "peer: GRUB"
		linux /boot/vmlinuz root=/dev/vda1 console=ttyS0 quiet systemd.show_status=0 cryptomgr.notests=1 panic=-1
		initrd /boot/initrd
		boot
	CONFIG
	printf '[Journal]\nStorage=volatile\nForwardToConsole=no\n' >"$add/etc/systemd/journald.conf.d/peer.conf"
	cat >"$add/etc/systemd/system/peer.service" <<-'UNIT'
		[Unit]
		Description=A shell on the first serial port
		After=multi-user.target

		[Service]
		ExecStart=/bin/bash -c 'stty -echo; echo "peer: multi-user"; exec bash --norc --noediting'
		Environment=HOME=/root PS1=
		StandardInput=tty
		StandardOutput=tty
		StandardError=tty
		TTYPath=/dev/ttyS0
		SendSIGHUP=yes
		TimeoutStopSec=3

		[Install]
		WantedBy=multi-user.target
	UNIT
}

# debian_disk TREE: GRUB's core lies between the boot sector, which loads it from sector 1, and the partition.
debian_disk() {
	local tree=$1 disk=$1/disk grub=/usr/lib/grub/i386-pc size=$((DEBIAN_MIB - 1))M
	as_root mkfs.ext4 -q -O ^metadata_csum,^64bit -d "$tree/root" "$tree/fs" "$size" &&
		as_root chown "$(id -u):$(id -g)" "$tree/fs" &&
		grub-mkimage -O i386-pc -p '(hd0,msdos1)/boot/grub' -o "$tree/core" \
			biosdisk part_msdos ext2 linux normal configfile serial terminal echo &&
		truncate -s "${DEBIAN_MIB}M" "$disk" &&
		echo '2048,,L,*' | sfdisk -q "$disk" &&
		dd if="$grub/boot.img" of="$disk" bs=440 count=1 conv=notrunc status=none &&
		dd if="$tree/core" of="$disk" bs=512 seek=1 conv=notrunc status=none &&
		dd if="$tree/fs" of="$disk" bs=1M seek=1 conv=notrunc,sparse status=none
}
