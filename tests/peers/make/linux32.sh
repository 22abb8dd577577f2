# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Debian 12's 32-bit kernels, with PAE and without, and an initramfs of 32-bit busybox: vmlinuz-686-pae vmlinuz-686 initrd

make_linux32() {
	peer_made linux32 "$(hash_of "${BASH_SOURCE[0]}" "$HOST_DIR/guest/init")" linux32_make
}

linux32_make() {
	local dir=$1 tree=$1/tree images flavour
	export APT_CONFIG=$dir/apt/apt.conf
	linux32_apt "$dir/apt" && apt-get -q update || return 1
	mapfile -t images < <(apt-cache depends linux-image-686-pae linux-image-686 | sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p')
	[ ${#images[@]} = 2 ] && unpack_packages "$tree" "${images[@]}" busybox-static || return 1
	for flavour in 686-pae 686; do
		cp "$tree"/boot/vmlinuz-*[0-9]-"$flavour" "$dir/vmlinuz-$flavour" || return 1
	done
	peer_initramfs "$tree/bin/busybox" "$dir/initrd" && rm -rf "$tree" "$dir/apt"
}

# linux32_apt DIRECTORY: an apt of its own, for the architecture that this machine does not have.
linux32_apt() {
	mkdir -p "$1/lists/partial" "$1/cache/archives/partial"
	echo "deb [arch=i386 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(debian_mirror) bookworm main" >"$1/sources.list"
	cat >"$1/apt.conf" <<-CONFIG
		APT::Architecture "i386";
		APT::Architectures "i386";
		Dir::Etc::sourcelist "$1/sources.list";
		Dir::Etc::sourceparts "-";
		Dir::State::lists "$1/lists";
		Dir::State::status "/dev/null";
		Dir::Cache "$1/cache";
		Acquire::Languages "none";
		APT::Sandbox::User "";
	CONFIG
}
