# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Debian 13 with its QEMU (10), to chroot into.

make_qemu10() {
	local root=$WARREN_CACHE/chroot/trixie-qemu
	[ -e "$root/usr/bin/qemu-system-x86_64" ] || with_lock chroot-trixie-qemu qemu10_make "$root" >&2
	[ -e "$root/usr/bin/qemu-system-x86_64" ] || die "no QEMU 10"
	echo "$root"
}

qemu10_make() {
	local root=$1
	[ ! -e "$root" ] || return 0
	need_packages "make a chroot with QEMU 10" debootstrap
	mkdir -p "$(dirname "$root")"
	as_root rm -rf "$root.new"
	step "making a chroot with Debian 13's QEMU" as_root debootstrap --variant=minbase --include=qemu-system-x86 \
		trixie "$root.new" "$(debian_mirror)" || return 1
	as_root rm -rf "$root.new"/var/cache/apt "$root.new"/var/lib/apt/lists
	as_root mv "$root.new" "$root"
}
