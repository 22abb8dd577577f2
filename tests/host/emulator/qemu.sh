# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# The emulator interface, as QEMU without acceleration (TCG): hosts with AMD-V.
#
# An emulator file defines
#   emulator_vendors     the vendors that it can emulate
#   emulator_cpus VENDOR the CPU models that it has of that vendor, the default first
#   emulator_packages    the Debian packages that it needs
#   emulator_prepare     builds what no package has
#   emulator_refuse      prints why it cannot be the host described below, if so
#   emulator_root        where the host finds its files: "9p" (/ of this machine read-only as "root",
#                        HOST_RUN_DIR/control writable as "control") or "initramfs" (all of it, there:
#                        HOST_INITRD, followed by HOST_RUN_INITRD)
#   emulator_command     fills EMULATOR with the command line of the host described by
#     HOST_KERNEL HOST_INITRD HOST_CMDLINE HOST_CPUS HOST_MEMORY (MiB) HOST_ICOUNT HOST_GDB
#     HOST_VENDOR HOST_CPU HOST_CPU_FLAGS ("+this,-that") HOST_INTERACTIVE HOST_KERNEL_NAME HOST_SECURE_BOOT (a file with the
#     firmware's variables, if it starts by UEFI Secure Boot) HOST_RUN_DIR (its console log goes to
#     HOST_RUN_DIR/console; what the command prints, on the second serial port, to standard output)
#   emulator_results     puts what the host reported into HOST_RUN_DIR/control, if it is not there

# shellcheck source=tests/host/lib/qemu.sh
. "$HOST_DIR/lib/qemu.sh"
# shellcheck source=tests/host/lib/secure_boot.sh
. "$HOST_DIR/lib/secure_boot.sh"

emulator_vendors() {
	echo svm
}

emulator_cpus() {
	echo epyc
}

emulator_root() {
	echo 9p
}

emulator_packages() {
	echo qemu-system-x86
}

emulator_prepare() {
	qemu_prepare
	[ -z "$HOST_SECURE_BOOT" ] || secure_boot_prepare
}

emulator_refuse() {
	if [ -n "$HOST_SECURE_BOOT" ] && [ "$HOST_KERNEL_NAME" = debug ]; then
		echo "nobody has signed the debug kernel (--secure-boot)"
	fi
}

emulator_results() { :; }

emulator_cpu() {
	# The oldest Zen, less what the emulation lacks and would warn about at each start.
	local missing=(rdseed sha-ni fxsr-opt misalignsse 3dnowprefetch osvw topoext nrip-save xsavec)
	printf 'EPYC,+svm,+npt%s%s' "$(printf ',-%s' "${missing[@]}")" "${HOST_CPU_FLAGS:+,$HOST_CPU_FLAGS}"
}

# emulator_boot: fill BOOT.
emulator_boot() {
	if [ -z "$HOST_SECURE_BOOT" ]; then
		BOOT=(-M q35 -kernel "$HOST_KERNEL" -initrd "$HOST_INITRD" -append "$HOST_CMDLINE")
	else
		secure_boot_disk "$HOST_RUN_DIR/esp" "$HOST_KERNEL" "$HOST_INITRD" "$HOST_CMDLINE" || die "cannot make the boot disk"
		mapfile -t BOOT < <(secure_boot_machine "$HOST_SECURE_BOOT" "$HOST_RUN_DIR/esp")
	fi
}

emulator_command() {
	emulator_boot
	EMULATOR=(
		"$(qemu_program)" -L /usr/share/qemu -L /usr/share/seabios -nodefaults -no-user-config -no-reboot -display none
		"${BOOT[@]}" -cpu "$(emulator_cpu)" -smp "$HOST_CPUS" -m "$HOST_MEMORY"
		-serial "file:$HOST_RUN_DIR/console"
		-chardev "stdio,id=output,signal=off" -serial chardev:output
		-virtfs "local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap"
		-virtfs "local,path=$HOST_RUN_DIR/control,mount_tag=control,security_model=none"
	)
	if [ -n "$HOST_ICOUNT" ]; then
		EMULATOR+=(-icount "shift=0,sleep=off" -accel "tcg,thread=single")
	else
		EMULATOR+=(-accel tcg)
	fi
	if [ -n "$HOST_GDB" ]; then
		EMULATOR+=(-S -gdb "tcp:127.0.0.1:$HOST_GDB")
	fi
}
