# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Initial ramdisks: one that turns a stock kernel into an emulated host, one for guests in it.

# Modules that the host's init needs before it has a root, by what pulls them in.
HOST_MODULES=(virtio_pci 9p 9pnet_virtio overlay)

# module_files MODULES_DIR NAME...: paths below MODULES_DIR in loading order, built-in ones left out.
module_files() {
	local dir=$1 name line file dep
	local -a deps
	shift
	for name in "$@"; do
		line=$(grep -E "/${name//_/[-_]}\.ko(\.xz|\.zst|\.gz)?:" "$dir/modules.dep" | head -n 1) ||
			true
		[ -n "$line" ] || continue
		file=${line%%:*}
		read -r -a deps <<<"${line#*:}"
		# modules.dep lists the nearest dependency first: load from the far end.
		for ((dep = ${#deps[@]} - 1; dep >= 0; dep--)); do
			printf '%s\n' "${deps[dep]}"
		done
		printf '%s\n' "$file"
	done | awk '!seen[$0]++'
}

unpack_module() {
	case $1 in
	*.xz) xz -dc "$1" ;;
	*.zst) zstd -dcq "$1" ;;
	*.gz) gzip -dc "$1" ;;
	*) cat "$1" ;;
	esac
}

# Start a tree with busybox and the usual directories; print its path.
initramfs_begin() {
	local tree applet
	tree=$(mktemp -d "$WARREN_CACHE/initramfs/tree.XXXXXX")
	chmod 755 "$tree"
	mkdir -p "$tree"/{bin,dev,etc,proc,sys,tmp,run,root,newroot,modules}
	cp "$(command -v busybox)" "$tree/bin/busybox"
	for applet in $(busybox --list); do
		[ "$applet" = busybox ] || ln -sf busybox "$tree/bin/$applet"
	done
	ln -s bin "$tree/sbin"
	printf '%s\n' "$tree"
}

# initramfs_end TREE FILE: pack TREE into FILE atomically, remove TREE. Not compressed: the
# emulated CPU would spend more time on it than the emulator does on reading it.
initramfs_end() {
	local status=0
	# "set -e" does not reach into $(...), from which this is called.
	(cd "$1" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) >"$2.$$" && mv "$2.$$" "$2" || status=1
	rm -rf "$1"
	[ "$status" = 0 ] || rm -f "$2.$$"
	return "$status"
}

# host_initramfs KERNEL: print the path of the initramfs for that kernel's emulated host with a root over 9p.
host_initramfs() {
	local dir file release tree module
	dir=$(kernel_dir "$1")
	release=$(cat "$dir/release")
	file=$WARREN_CACHE/initramfs/host-$1-$release-$(hash_of "$HOST_DIR/init" "$dir/stamp").cpio
	if [ ! -e "$file" ]; then
		mkdir -p "$WARREN_CACHE/initramfs"
		tree=$(initramfs_begin)
		install -m 755 "$HOST_DIR/init" "$tree/init"
		dir=$dir/modules/lib/modules/$release
		for module in $(module_files "$dir" "${HOST_MODULES[@]}"); do
			unpack_module "$dir/$module" >"$tree/modules/$(basename "${module%.ko*}").ko"
			basename "${module%.ko*}.ko" >>"$tree/modules/order"
		done
		initramfs_end "$tree" "$file"
	fi
	printf '%s\n' "$file"
}

# guest_initramfs: print the path of the guests' initramfs, with what tests/guests has built.
guest_initramfs() {
	local file tree programs
	programs=("$BUILD_DIR"/out/tests/guests/programs/*)
	mkdir -p "$WARREN_CACHE/initramfs"
	file=$WARREN_CACHE/initramfs/guest-$(hash_of "$HOST_DIR/guest/init" "${programs[@]}").cpio
	if [ ! -e "$file" ]; then
		tree=$(initramfs_begin)
		install -m 755 "$HOST_DIR/guest/init" "$tree/init"
		install -m 755 -s "${programs[@]}" "$tree/bin/"
		initramfs_end "$tree" "$file"
	fi
	printf '%s\n' "$file"
}
