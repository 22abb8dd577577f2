# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Bochs, built from Debian's source package: the distribution's own binary is slow (it is the debugger)
# and has no display but X and VNC.
#
# $WARREN_CACHE/bochs/KEY/bochs is there or the directory is not.

# shellcheck source=tests/host/lib/source.sh
. "$HOST_DIR/lib/source.sh"

# The newest source first; Debian 12's lacks the newer CPU models (docs/testing.md).
BOCHS_SUITES=(trixie bookworm)

# Its count of instructions per second is logged from a signal handler, which now and then hangs it.
BOCHS_OPTIONS=(
	--disable-show-ips
	--enable-cpu-level=6 --enable-x86-64 --enable-vmx=2 --enable-svm --enable-smp --enable-avx
	--enable-evex --enable-protection-keys --enable-cet --enable-memtype --enable-monitor-mwait
	--enable-perfmon --enable-configurable-msrs --enable-long-phy-address --enable-all-optimizations
	--enable-trace-linking --disable-debugger --disable-debugger-gui --enable-pci --enable-usb=no
	--disable-docbook --disable-large-ramfile --with-nogui --with-term
)

bochs_dir() {
	echo "$WARREN_CACHE/bochs/$(hash_of <(declare -p BOCHS_OPTIONS && declare -f bochs_mend bochs_edit bochs_build))"
}

bochs_prepare() {
	[ -x "$(bochs_dir)/bochs" ] || with_lock bochs bochs_make
}

bochs_make() {
	local dir tree suite
	dir=$(bochs_dir)
	[ ! -x "$dir/bochs" ] || return 0
	need_packages "build Bochs" g++ make libncurses-dev xz-utils ca-certificates
	rm -rf "$WARREN_CACHE"/bochs/tree.*
	mkdir -p "$WARREN_CACHE/bochs" "$WARREN_CACHE/dl"
	for suite in "${BOCHS_SUITES[@]}"; do
		tree=$(mktemp -d "$WARREN_CACHE/bochs/tree.XXXXXX")
		if bochs_source "$suite" "$tree" && bochs_build "$tree"; then
			mkdir "$tree/new"
			strip -o "$tree/new/bochs" "$tree/bochs"
			rm -rf "$dir"
			mv "$tree/new" "$dir"
			rm -rf "$tree"
			return 0
		fi
		rm -rf "$tree"
		note "Bochs of Debian $suite could not be had"
	done
	return 1
}

# bochs_source SUITE TREE: fetch the upstream tarball, whose checksum the signed index has, and unpack it.
bochs_source() {
	local suite=$1 tree=$2 uri file hash
	file=$(compgen -G "$WARREN_CACHE/dl/bochs-$suite.tar.*" | head -n 1) || true
	if [ -z "$file" ]; then
		source_apt_config "$suite" "$tree/apt" || return 1
		step "reading Debian $suite's list of sources" \
			env APT_CONFIG="$tree/apt/apt.conf" apt-get -q update || return 1
		read -r uri _ _ hash < <(APT_CONFIG=$tree/apt/apt.conf \
			apt-get -q source --print-uris bochs 2>/dev/null | grep '\.orig\.tar') || return 1
		uri=${uri//\'/}
		file=$WARREN_CACHE/dl/bochs-$suite.tar.${uri##*.}
		step "downloading Bochs" \
			/usr/lib/apt/apt-helper download-file "$uri" "$file.new" "$hash" || return 1
		mv "$file.new" "$file"
	fi
	tar -C "$tree" --strip-components=1 -xf "$file"
}

# What the sources do wrong, and these hosts trip on. Each expression must find its place.
bochs_mend() {
	local events='BX_EVENT_PENDING_INTR | BX_EVENT_PENDING_LAPIC_INTR' cpu='BX_CPU(processor)' dr6='BX_CPU_THIS_PTR dr6.val32'
	# Memory is allocated block by block as it is touched, but an image that is put into it is read as if it were
	# contiguous: allocate all of it at once.
	bochs_edit "$1/memory/memory_stub.cc" 's/^  if (0) {$/  if (guest == host) {/' &&
		# Which interrupts are masked was decided before the guest was entered, as if it were the host. With
		# the guest's IF clear the host's then waited for the guest, with IF set virtual ones might never come.
		bochs_edit "$1/cpu/vmx.cc" 's/^  BX_CPU_THIS_PTR in_vmx_guest = true;$/&\n  handleInterruptMaskChange();/' &&
		bochs_edit "$1/cpu/svm.cc" 's/^  BX_CPU_THIS_PTR in_svm_guest = true;$/&\n  handleInterruptMaskChange();/' &&
		# An interrupt of the host's made a virtual one be delivered that the guest's IF held back.
		bochs_edit "$1/cpu/event.cc" \
			's/if (is_pending(BX_EVENT_PENDING_VMX_VIRTUAL_INTR))/if (is_unmasked_event_pending(BX_EVENT_PENDING_VMX_VIRTUAL_INTR))/' &&
		# A notification that found nothing posted made an interrupt 255 of the -1 that it looked for it with.
		bochs_edit "$1/cpu/vapic.cc" \
			's/^  vector = BX_CPU_THIS_PTR lapic->highest_priority_int(virr);$/&\n  if (lapic->highest_priority_int(virr) < 0) vector = 0;/' &&
		# An exit in the middle of the delivery of a virtual interrupt told of whatever was delivered before it.
		bochs_edit "$1/cpu/vapic.cc" \
			's/^ *interrupt(vector, BX_EXTERNAL_INTERRUPT, 0, 0);$/vm->idt_vector_info = vector | BX_EXTERNAL_INTERRUPT << 8;\nvm->idt_vector_error_code = 0;\n&/' &&
		bochs_edit "$1/cpu/flag_ctrl_pro.cc" \
			"s/^     if (! SVM_HOST_IF)\$/     if (SVM_HOST_IF)\\n       unmask_event($events);\\n     else/" &&
		# VMRUN left the host's CR2 to the guest.
		bochs_edit "$1/cpu/svm.cc" 's/^  guest.cr2 = vmcb_read64(SVM_GUEST_CR2);$/&\n  BX_CPU_THIS_PTR cr2 = guest.cr2;/' &&
		# A single step that the guest's exit came before hit the host.
		bochs_edit "$1/cpu/svm.cc" 's/^  BX_CPU_THIS_PTR in_svm_guest = false;$/&\n  BX_CPU_THIS_PTR debug_trap = 0;/' &&
		# The exit of a #DB left its causes out of DR6 (AMD64 manual, volume 2, 15.12.2: DR6 is what a handler would see).
		bochs_edit "$1/cpu/exception.cc" \
			"s/^  SvmInterceptException(BX_HARDWARE_EXCEPTION, vector,.*\$/  if (BX_CPU_THIS_PTR in_svm_guest \&\& vector == BX_DB_EXCEPTION)\n    $dr6 = ($dr6 \& 0xffff6ff0) | (BX_CPU_THIS_PTR debug_trap \& 0xe00f);\n&/" &&
		# With several CPUs, an exit right after an exception was delivered took RIP from before it; and what
		# setjmp() returns to must find the number of the CPU, not the 0 that the compiler makes of it.
		bochs_edit "$1/main.cc" 's/^  *Bit32u executed = 0, processor = 0;$/volatile &/' &&
		bochs_edit "$1/main.cc" 's/^  *bool run = true;$/volatile &/' &&
		bochs_edit "$1/main.cc" \
			"s/^  *$cpu->icount++;\$/&\\n$cpu->prev_rip = $cpu->get_instruction_pointer(), $cpu->speculative_rsp = false;/"
}

# bochs_edit FILE EXPRESSION
bochs_edit() {
	cp "$1" "$1.orig"
	sed -i "$2" "$1"
	! cmp -s "$1" "$1.orig"
}

bochs_build() {
	local tree=$1
	bochs_mend "$tree" || return 1
	step "configuring Bochs" eval "cd '$tree' && ./configure ${BOCHS_OPTIONS[*]}" || return 1
	step "building Bochs (two minutes, only once)" make -C "$tree" -j"$(nproc)"
}
