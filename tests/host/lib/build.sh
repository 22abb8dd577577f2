# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Building Warren for a kernel, out of a copy: one checkout serves all kernels at the same time.

BUILD_DIR=$WARREN_CACHE/build/$(source_id)

# A file that changed while a build ran must look newer than its object: hence contents are compared, and times not kept.
# Results of builds are kept in the copies, and nothing else may differ from the source.
BUILD_EXCLUDES=(
	--exclude='*.o' --exclude='*.ko' --exclude='*.cmd' --exclude='*.mod' --exclude='*.mod.c'
	--exclude='*.d' --exclude='.tmp_*' --exclude=/Module.symvers --exclude=/modules.order
	--exclude=/.module-*
)

# build_module NAME [MAKE-ARGUMENT...]: build warren.ko for kernel NAME.
build_module() {
	local dir=$BUILD_DIR/$1
	mkdir -p "$dir"
	with_lock "build-$(source_id)-$1" build_module_locked "$dir" "$@"
}

build_module_locked() {
	local dir=$1 name=$2 kernel root
	shift 2
	kernel=$(kernel_dir "$name")
	root=$(cat "$kernel/root") || return 1
	rsync -a --no-times --checksum --delete "${BUILD_EXCLUDES[@]}" --include=/Kbuild --include=/module/ \
		--include=/uapi/ --include=/tests/ --include=/tests/kunit/ --include=/tests/power/ --exclude='/tests/*' \
		--exclude='/*' "$WARREN_SOURCE/" "$dir/" || return 1
	if [ "$(cat "$dir/.module-stamp" 2>/dev/null)" != "$(cat "$kernel/stamp")" ]; then
		find "$dir" \( -name '*.o' -o -name '*.ko' -o -name '.*.cmd' \) -delete || return 1
	fi
	cp "$kernel/stamp" "$dir/.module-stamp" || return 1
	step "building warren.ko for Linux $(cat "$kernel/release")" \
		make_module "$root" "$dir" "$(cat "$kernel/kdir")" "$@"
}

# Warnings are kept: a build that has nothing to do would not repeat them. That sid's compiler is a day newer than its kernel is none.
make_module() {
	local root=$1 dir=$2 kdir=$3 inside=$2
	local status=0
	shift 3
	[ "$root" = / ] || inside=/mnt
	in_build_root "$root" "$dir" make -s -j"$(nproc)" -C "$kdir" "M=$inside" W=1 \
		DEBIAN_KERNEL_NO_CC_VERSION_CHECK=1 WARREN_TESTS=1 "$@" modules 2>&1 |
		tee "$dir/.module-log" || status=${PIPESTATUS[0]}
	grep -E '(warning|error):|^WARNING: ' "$dir/.module-log" >>"$dir/.module-warnings" || true
	return "$status"
}

# module_warnings NAME: print what the compiler had to say about the current source.
module_warnings() {
	local dir=$BUILD_DIR/$1
	# It may have been said about an earlier source.
	[ ! -s "$dir/.module-warnings" ] || with_lock "build-$(source_id)-$1" build_module_anew "$dir" "$1" >&2 || return 1
	cat "$dir/.module-warnings"
}

# Nobody else's build may miss its objects meanwhile, nor its copy the module.
build_module_anew() {
	find "$1" \( -name '*.o' -o -name '*.ko' -o -name '.*.cmd' \) -delete
	rm "$1/.module-warnings"
	build_module_locked "$@"
}

# launcher_packages: what has the libraries that the launcher is linked with.
launcher_packages() {
	sed -n 's/^LIBRARY_PACKAGES := //p' "$WARREN_SOURCE/userspace-cli/libraries.mk"
}

# build_user DIRECTORY...: run make in those directories of a copy of all user space; what they
# make goes to $BUILD_DIR/out/DIRECTORY.
build_user() {
	with_lock "build-$(source_id)-user" build_user_locked "$@"
}

build_user_locked() {
	local dir=$BUILD_DIR/user part out
	mkdir -p "$dir"
	rsync -a --no-times --checksum --delete "${BUILD_EXCLUDES[@]}" \
		--include=/uapi/ --include=/userspace-cli/ --include=/tests/ \
		--exclude=/userspace-cli/warren --exclude=/tests/host --exclude=/tests/kunit \
		--exclude='/*' "$WARREN_SOURCE/" "$dir/" || return 1
	for part; do
		[ -e "$dir/$part/Makefile" ] || continue
		out=$BUILD_DIR/out/$part
		mkdir -p "$out"
		step "building $part" make -s -j"$(nproc)" -C "$dir/$part" "O=$out" "OUT=$out" || return 1
	done
}
