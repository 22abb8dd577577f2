# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# KVM's own selftests, built as they are from the package of the kernel's source.
#
# $WARREN_CACHE/kvm-selftests/KEY/ is complete or absent: the programs, those for one architecture below x86_64/, and the file
# "unbuilt", which names what did not build and says why.

KVM_SELFTESTS_SOURCE=linux-source-6.1

# What they are made of: the tests, and what "make headers_install" takes.
KVM_SELFTESTS_PARTS=(Makefile arch/x86 include scripts tools)

# Two do not build as shipped: one includes a kernel header that takes a macro for granted, one uses an assertion by the name that
# it got in 6.3. Options of the compiler put that right, the sources stay what they are.
declare -A KVM_SELFTESTS_FLAGS=(
	[steal_time]='-include TREE/tools/include/uapi/linux/stddef.h'
	[dirty_log_test]='-DTEST_ASSERT_EQ=ASSERT_EQ'
)

# The package's version names it, and how it is built.
kvm_selftests_dir() {
	local key
	key=$({
		dpkg-query -W "$KVM_SELFTESTS_SOURCE"
		declare -p KVM_SELFTESTS_PARTS KVM_SELFTESTS_FLAGS
		declare -f kvm_selftests_compile kvm_selftests_make
	} | sha256sum | cut -c 1-16)
	echo "$WARREN_CACHE/kvm-selftests/$key"
}

# kvm_selftests: print the directory of the programs, having seen to it that they are there.
kvm_selftests() {
	local dir
	need_packages "build KVM's own selftests" "$KVM_SELFTESTS_SOURCE" gcc make libc6-dev rsync xz-utils >&2
	dir=$(kvm_selftests_dir)
	[ -e "$dir/unbuilt" ] || with_lock kvm-selftests kvm_selftests_make "$dir" >&2
	echo "$dir"
}

# kvm_selftests_compile TREE: each by itself, so that one that fails takes no other with it.
kvm_selftests_compile() {
	local tree=$1 tests=$1/tools/testing/selftests/kvm name flags
	make -s -C "$tree" headers_install || return 1
	mkdir -p "$tree/out"
	: >"$tree/out/unbuilt"
	(cd "$tests" && printf '%s\n' *.c x86_64/*.c) | sed 's/\.c$//' | while read -r name; do
		flags=${KVM_SELFTESTS_FLAGS[$name]:-}
		make -s -C "$tests" -j"$(nproc)" "OUTPUT=$tree/out" "EXTRA_CFLAGS=${flags/TREE/"$tree"}" \
			"$tree/out/$name" 2>"$tree/errors" </dev/null || {
			echo "$name: $(grep -m 1 -E 'error|undefined' "$tree/errors")"
			echo "$name" >>"$tree/out/unbuilt"
		}
	done
}

kvm_selftests_make() {
	local dir=$1 tree
	[ ! -e "$dir/unbuilt" ] || return 0
	rm -rf "$WARREN_CACHE"/kvm-selftests/tree.*
	mkdir -p "$WARREN_CACHE/kvm-selftests"
	tree=$(mktemp -d "$WARREN_CACHE/kvm-selftests/tree.XXXXXX")
	step "unpacking $KVM_SELFTESTS_SOURCE" tar -C "$tree" --strip-components=1 \
		-xf "/usr/src/$KVM_SELFTESTS_SOURCE.tar.xz" "${KVM_SELFTESTS_PARTS[@]/#/$KVM_SELFTESTS_SOURCE/}" || return 1
	step "building KVM's own selftests (a minute, only once)" kvm_selftests_compile "$tree" || return 1
	rm -rf "$tree/out/lib"
	chmod 755 "$tree/out"
	mv "$tree/out" "$dir"
	rm -rf "$tree"
}
