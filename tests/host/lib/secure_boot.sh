# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Starting a host as a Debian machine with UEFI Secure Boot starts: firmware with Microsoft's keys, shim, GRUB, the kernel that
# Debian signed. All of them as they come in Debian's packages.
#
# $WARREN_CACHE/secure-boot/KEY/ is complete or absent:
#   code vars           the firmware, and its variables as a machine is sold with them
#   shim mokmanager grub

SECURE_BOOT_PACKAGES=(ovmf shim-signed shim-helpers-amd64-signed grub-efi-amd64-signed)

secure_boot_dir() {
	echo "$WARREN_CACHE/secure-boot/$(hash_of "$HOST_DIR/lib/secure_boot.sh")"
}

secure_boot_prepare() {
	need_packages "make a disk that UEFI boots from" mtools
	[ -e "$(secure_boot_dir)" ] || with_lock secure-boot secure_boot_make
}

secure_boot_make() {
	local dir new what="fetching what boots by Secure Boot"
	dir=$(secure_boot_dir)
	[ ! -e "$dir" ] || return 0
	mkdir -p "${dir%/*}"
	new=$(mktemp -d "${dir%/*}/new.XXXXXX")
	chmod 755 "$new"
	# The second time from new lists: the archive may have moved on.
	step "$what" secure_boot_fetch "$new" ||
		{ step "refreshing the package lists" with_lock packages apt_get update && step "$what" secure_boot_fetch "$new"; } ||
		{ rm -rf "$new" && return 1; }
	mv "$new" "$dir"
}

secure_boot_fetch() {
	local new=$1 tree=$1/tree
	unpack_packages "$tree" "${SECURE_BOOT_PACKAGES[@]}" &&
		cp "$tree/usr/share/OVMF/OVMF_CODE_4M.secboot.fd" "$new/code" &&
		cp "$tree/usr/share/OVMF/OVMF_VARS_4M.ms.fd" "$new/vars" &&
		cp "$tree/usr/lib/shim/shimx64.efi.signed" "$new/shim" &&
		cp "$tree/usr/lib/shim/mmx64.efi.signed" "$new/mokmanager" &&
		cp "$tree/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed" "$new/grub" && rm -r "$tree"
}

# secure_boot_machine VARIABLES DISK: QEMU's options for such a machine, one per line. VARIABLES is made if it is not there. Only
# in system management mode may the flash be written: else the system could change what the firmware trusts.
secure_boot_machine() {
	local dir
	dir=$(secure_boot_dir)
	[ -e "$1" ] || cp "$dir/vars" "$1"
	printf '%s\n' -M q35,smm=on -global driver=cfi.pflash01,property=secure,value=on -global ICH9-LPC.disable_s3=1 \
		-drive "if=pflash,format=raw,readonly=on,file=$dir/code" -drive "if=pflash,format=raw,file=$1" \
		-drive "if=none,id=esp,format=raw,readonly=on,file=$2" -device virtio-blk-pci,drive=esp,bootindex=1
}

# secure_boot_disk FILE [KERNEL INITRD CMDLINE]: with shim, and with what it starts.
secure_boot_disk() {
	local file=$1 dir config=$1.config
	dir=$(secure_boot_dir)
	mformat -C -i "$file" -T 131072 -c 32 :: && mmd -i "$file" ::EFI ::EFI/BOOT ::EFI/debian || return 1
	mcopy -i "$file" "$dir/shim" ::EFI/BOOT/BOOTX64.EFI || return 1
	mcopy -i "$file" "$dir/mokmanager" ::EFI/BOOT/mmx64.efi || return 1
	[ $# -gt 1 ] || return 0
	printf '%s\n' "linux /vmlinuz $4" "initrd /initrd" boot >"$config"
	mcopy -i "$file" "$dir/grub" ::EFI/BOOT/grubx64.efi && mcopy -i "$file" "$config" ::EFI/debian/grub.cfg &&
		mcopy -i "$file" "$2" ::vmlinuz && mcopy -i "$file" "$3" ::initrd
}
