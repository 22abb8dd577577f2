# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# The debug kernel: a small 6.1 with KUnit, KASAN, lockdep and kmemleak, built from Debian's source.

DEBUG_KERNEL_SOURCE=linux-source-6.1

# The fragment alone names it: a newer 6.1.x source is no reason to build for ten minutes again.
debug_kernel_key() {
	hash_of "$HOST_DIR/debug-kernel.config"
}

debug_kernel_packages() {
	need_packages "build the debug kernel" "$DEBUG_KERNEL_SOURCE" gcc make flex bison bc \
		libelf-dev libssl-dev dwarves xz-utils kmod rsync
}

# debug_kernel_configure TREE: a minimal configuration plus ours; every line of ours must hold.
debug_kernel_configure() {
	local tree=$1 line lost=0
	make -s -C "$tree" tinyconfig
	(cd "$tree" && scripts/kconfig/merge_config.sh -m .config "$HOST_DIR/debug-kernel.config")
	make -s -C "$tree" olddefconfig
	while read -r line; do
		case $line in
		*=n) ! grep -q "^${line%=n}=" "$tree/.config" ;;
		CONFIG_*) grep -qx "$line" "$tree/.config" ;;
		esac || {
			echo "configuration lost: $line"
			lost=1
		}
	done <"$HOST_DIR/debug-kernel.config"
	return "$lost"
}

debug_kernel_make() {
	local tree status=0
	debug_kernel_packages
	mkdir -p "$WARREN_CACHE/kernel"
	# Of a run that was interrupted
	rm -rf "$WARREN_CACHE"/kernel/debug-tree.*
	tree=$(mktemp -d "$WARREN_CACHE/kernel/debug-tree.XXXXXX")
	step "unpacking $DEBUG_KERNEL_SOURCE" \
		tar -C "$tree" --strip-components=1 -xf "/usr/src/$DEBUG_KERNEL_SOURCE.tar.xz" &&
		step "configuring the debug kernel" debug_kernel_configure "$tree" &&
		step "building the debug kernel (10 to 20 minutes, only once)" \
			make -C "$tree" -j"$(nproc)" bzImage modules &&
		debug_kernel_install "$tree" || status=1
	rm -rf "$tree"
	return "$status"
}

# debug_kernel_install TREE: put a built tree into the cache, with what external modules need.
debug_kernel_install() {
	local tree=$1 dir new release
	dir=$(kernel_dir debug)
	new=$(mktemp -d "$WARREN_CACHE/kernel/new.XXXXXX")
	chmod 755 "$new"
	release=$(make -s -C "$tree" kernelrelease)
	echo "$release" >"$new/release"
	cp "$tree/arch/x86/boot/bzImage" "$new/vmlinuz" && cp "$tree/vmlinux" "$new/vmlinux" &&
		cp "$tree/.config" "$new/config" || return 1
	step "installing the debug kernel's modules" \
		make -s -C "$tree" INSTALL_MOD_PATH="$new/modules" modules_install || return 1
	rm -f "$new/modules/lib/modules/$release"/{build,source}
	debug_kernel_headers "$tree" "$new/headers" || return 1
	hash_of "$new/vmlinuz" >"$new/stamp"
	echo / >"$new/root"
	echo "$dir/headers" >"$new/kdir"
	rm -rf "$dir"
	mv "$new" "$dir"
}

# The headers, scripts and tools that building an external module takes, as a tree of its own.
debug_kernel_headers() {
	local tree=$1 headers=$2
	mkdir -p "$headers"
	rsync -a --prune-empty-dirs \
		--include='*/' --include='/Makefile' --include='/Kbuild' --include='/.config' \
		--include='/Module.symvers' --include='/System.map' --include='/include/***' \
		--include='/scripts/***' --include='/arch/x86/include/***' \
		--include='/arch/x86/Makefile*' --include='/arch/x86/entry/syscalls/***' \
		--include='/arch/x86/kernel/asm-offsets.s' --include='/tools/objtool/objtool' \
		--include='/tools/bpf/resolve_btfids/resolve_btfids' \
		--include='Kconfig*' --include='/kernel/bounds.s' --exclude='*' "$tree/" "$headers/"
}
