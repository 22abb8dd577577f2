# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# OVMF with two disks for it (directories that QEMU shows as FAT), memtest86+, Xen.
#
#	OVMF.fd OVMF_CODE.fd OVMF_VARS.fd memtest xen
#	shell/		a script for the UEFI shell
#	grub/		GRUB, the stock kernel, an initramfs of busybox

make_firmware() {
	need_packages "make a disk that UEFI boots from" grub-common
	peer_made firmware "$(hash_of "${BASH_SOURCE[0]}" "$HOST_DIR/guest/init" "$(kernel_dir 6.1)/stamp")" firmware_make
}

firmware_make() {
	local dir=$1 tree=$1/tree
	unpack_packages "$tree" ovmf memtest86+ xen-hypervisor-4.17-amd64 grub-efi-amd64-bin || return 1
	cp "$tree"/usr/share/ovmf/OVMF.fd "$tree"/usr/share/OVMF/OVMF_{CODE,VARS}.fd "$dir/" &&
		cp "$tree/boot/memtest86+x64.bin" "$dir/memtest" &&
		gzip -dc "$tree/boot/xen-4.17-amd64.gz" >"$dir/xen" &&
		firmware_shell "$dir/shell" && firmware_grub "$dir/grub" "$tree/usr/lib/grub/x86_64-efi" && rm -rf "$tree"
}

firmware_shell() {
	mkdir "$1"
	printf '%s\r\n' 'echo peer: UEFI shell' memmap 'reset -s' >"$1/startup.nsh"
}

firmware_grub() {
	mkdir -p "$1/EFI/BOOT" "$1/boot/grub"
	cp "$(kernel_dir 6.1)/vmlinuz" "$1/boot/vmlinuz"
	peer_initramfs "$(command -v busybox)" "$1/boot/initrd"
	cat >"$1/boot/grub/grub.cfg" <<-'CONFIG'
		echo "peer: GRUB"
		linux /boot/vmlinuz console=ttyS0 quiet cryptomgr.notests=1 panic=-1
		initrd /boot/initrd
		boot
	CONFIG
	grub-mkimage -O x86_64-efi -d "$2" -p '(hd0,msdos1)/boot/grub' -o "$1/EFI/BOOT/BOOTX64.EFI" \
		part_msdos fat linux normal configfile echo
}
