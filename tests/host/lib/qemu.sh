# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# QEMU, built from Debian's source package with eight mistakes corrected (docs/testing.md): of three guests on
# AMD-V hang or die now and then, of one with PAE always, of one the host when a guest wants it, KVM's as well as Warren's,
# of one the host when its kernel patches itself, of two QEMU.
#
# $WARREN_CACHE/qemu/KEY/qemu-system-x86_64 is there or the directory is not.

# shellcheck source=tests/host/lib/source.sh
. "$HOST_DIR/lib/source.sh"

QEMU_SUITE=bookworm
QEMU_OPTIONS=(
	--target-list=x86_64-softmmu --without-default-features --enable-system --enable-tcg
	--enable-virtfs --enable-attr --enable-cap-ng --enable-fdt=system --disable-docs --disable-tools
	--disable-werror
)

qemu_dir() {
	echo "$WARREN_CACHE/qemu/$(hash_of <(declare -p QEMU_OPTIONS && declare -f qemu_correct qemu_correct_translation))"
}

# The one to run: Debian's own when none could be built.
qemu_program() {
	local program
	program=$(qemu_dir)/qemu-system-x86_64
	[ -x "$program" ] || program=qemu-system-x86_64
	echo "$program"
}

# Built for those who ask for it by WARREN_CORRECTED_QEMU: many boots meet what one demonstration does not. To the host it
# says which one it got.
qemu_prepare() {
	if [ -n "${WARREN_CORRECTED_QEMU:-}" ] && ! [ -x "$(qemu_dir)/qemu-system-x86_64" ]; then
		with_lock qemu qemu_make || note "Debian's own QEMU must do: a guest in it may hang or die, rarely"
	fi
	if [ "$(qemu_program)" = qemu-system-x86_64 ]; then
		unset WARREN_CORRECTED_QEMU
	else
		export WARREN_CORRECTED_QEMU=1
	fi
}

qemu_make() {
	local dir tree status=1
	dir=$(qemu_dir)
	[ ! -e "$dir" ] || return 0
	need_packages "build QEMU" dpkg-dev gcc make ninja-build meson pkg-config python3 xz-utils \
		libglib2.0-dev libpixman-1-dev libcap-ng-dev libattr1-dev libfdt-dev
	mkdir -p "$WARREN_CACHE/qemu" "$WARREN_CACHE/dl"
	# Of a run that was interrupted
	rm -rf "$WARREN_CACHE"/qemu/tree.*
	tree=$(mktemp -d "$WARREN_CACHE/qemu/tree.XXXXXX")
	if qemu_source "$tree" && qemu_correct "$tree/source/target/i386/tcg/sysemu" &&
		qemu_correct_translation "$tree/source/accel/tcg" && qemu_build "$tree/source"; then
		mkdir "$tree/new"
		strip -o "$tree/new/qemu-system-x86_64" "$tree/source/build/qemu-system-x86_64"
		mv "$tree/new" "$dir"
		status=0
	fi
	rm -rf "$tree"
	return "$status"
}

# qemu_source TREE: fetch the package, which apt checks against the signed index, and unpack it.
qemu_source() {
	local tree=$1 dl=$WARREN_CACHE/dl/qemu-$QEMU_SUITE
	if ! [ -e "$dl" ]; then
		source_apt_config "$QEMU_SUITE" "$tree/apt" || return 1
		step "reading Debian $QEMU_SUITE's list of sources" \
			env APT_CONFIG="$tree/apt/apt.conf" apt-get -q update || return 1
		mkdir "$tree/dl"
		step "downloading QEMU" \
			env -C "$tree/dl" APT_CONFIG="$tree/apt/apt.conf" apt-get -q source --download-only qemu || return 1
		mv "$tree/dl" "$dl"
	fi
	step "unpacking QEMU" dpkg-source --no-check -x "$dl"/qemu_*.dsc "$tree/source"
}

# qemu_correct DIRECTORY: an interrupt that VMRUN has injected is delivered, not still to be; what VMRUN adds to the
# interrupts that are pending must not overwrite what other threads add; #VMEXIT gives the host its CR0 back whatever
# the guest left in EFER and CR4 (paging comes on with the guest's LME still set: without PAE CR0 was not loaded at all);
# no CPU's FXRSTOR or XRSTOR writes the flags of CPU 0 only to clear IGNNE# there, which no OS of today sets: what VMRUN or
# #VMEXIT changes in them at that moment (nested paging, GIF) was undone; a breakpoint of the guest's is looked for by the linear
# address that it was found by; a guest's write to CR8 takes the lock that its making a virtual interrupt pending asserts;
# PAE's page directory pointers have no accessed bit, it is reserved there.
qemu_correct() {
	local svm=$1/svm_helper.c fpu=$1/fpu_helper.c bpt=$1/bpt_helper.c misc=$1/misc_helper.c excp=$1/excp_helper.c
	local pdpt='^ *restart_3_nolma:$/,/^ *goto restart_3_nolma;$' at='env->segs[R_CS].base + env->eip, BP_CPU'
	local ignne='if (env->hflags2 \& HF2_IGNNE_MASK)'
	local lock='qemu_mutex_lock_iothread();' unlock='qemu_mutex_unlock_iothread();' efer='env->efer \&= ~MSR_EFER_LME;'
	sed -i -e 's/^#include "qemu\/log.h"$/&\n#include "qemu\/main-loop.h"/' \
		-e 's/^ *do_interrupt_x86_hardirq(env, vector, 1);$/&\ncs->exception_index = -1;/' \
		-e "s/^ *\(cs->interrupt_request |= CPU_INTERRUPT_VIRQ;\)\$/$lock\n\1\n$unlock/" \
		-e "s/^ *\/\* Reload the host state from vm_hsave \*\/\$/&\n$efer/" "$svm"
	sed -i "s/cpu_breakpoint_test(cs, env->eip, BP_CPU)/cpu_breakpoint_test(cs, $at)/" "$bpt"
	sed -i "/^ *if (ctl_has_irq(env)) {\$/,/^ *break;\$/ { s/^ *if .*/$lock\n&/; s/^ *break;/$unlock\n&/ }" "$misc"
	sed -i "/$pdpt/ s/PG_ACCESSED_MASK/0/" "$excp"
	sed -i "s/^ *env->hflags2 &= ~HF2_IGNNE_MASK;\$/$ignne\n&/" "$fpu"
	[ "$(grep -c -e '^#include "qemu/main-loop.h"$' -e '^cs->exception_index = -1;$' -e "^$lock$" -e "^$unlock$" \
		-e "^$efer$" "$svm")" = 5 ] && [ "$(grep -c "^${ignne/\\/}$" "$fpu")" = 1 ] &&
		grep -q -F "$at" "$bpt" && [ "$(grep -c -e "^$lock$" -e "^$unlock$" "$misc")" = 2 ] &&
		[ "$(grep -c 'ptw_setl(&pte_trans, pte, 0)' "$excp")" = 1 ]
}

# qemu_correct_translation DIRECTORY: code that another CPU wrote while it was translated kept its old translation. Compare
# it with what was translated once a write would be noticed, and notice again a write that was noticed before it was done.
qemu_correct_translation() {
	local translate=$1/translate-all.c store=$1/cputlb.c
	local code='uint8_t code[TARGET_PAGE_SIZE]; size_t code_len = -(pc | TARGET_PAGE_MASK);'
	local keep='if (phys_pc != -1) { memcpy(code, host_pc, code_len); }'
	local again='if (memcmp(code, host_pc, MIN(tb->size, code_len))) { tb_phys_invalidate(tb, -1); goto buffer_overflow; }'
	local notice='if (tlb_addr \& TLB_NOTDIRTY) { smp_mb(); notdirty_write(env_cpu(env), addr, size, full, 0); }'
	sed -i -e '/^TranslationBlock \*tb_gen_code(/,/^}$/ {' -e "s/^    void \*host_pc;\$/&\n$code/" \
		-e "s/^    tb = tcg_tb_alloc(tcg_ctx);\$/&\n$keep/" -e "s/^    return tb;\$/$again\n&/" -e '}' "$translate"
	sed -i "/Keep these two store_memop separate/,/^ *return;\$/ s/^ *return;\$/$notice\n&/" "$store"
	[ "$(grep -c -F -x -e "$code" -e "$keep" -e "$again" "$translate")" = 3 ] &&
		[ "$(grep -c -F -x "${notice/\\/}" "$store")" = 1 ]
}

qemu_build() {
	step "configuring QEMU" env -C "$1" ./configure "${QEMU_OPTIONS[@]}" || return 1
	step "building QEMU (four minutes, only once)" ninja -C "$1/build" qemu-system-x86_64
}
