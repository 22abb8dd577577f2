# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Bochs: hosts with VT-x, and a second opinion on AMD-V. The interface is described in qemu.sh.
#
# It counts instructions whether asked to or not. There is no disk: the kernel and all files of the
# host are put into its memory.

# shellcheck source=tests/host/lib/bochs.sh
. "$HOST_DIR/lib/bochs.sh"
# shellcheck source=tests/host/lib/handover.sh
. "$HOST_DIR/lib/handover.sh"

BOCHS_INITRD=0x8000000

# Instructions per emulated second, and so the frequency of the TSC.
BOCHS_IPS=50000000

declare -gA BOCHS_MODELS=(
	[sandybridge]=corei7_sandy_bridge_2600k [haswell]=corei7_haswell_4770
	[skylake]=corei7_skylake_x [sapphire]=sapphire_rapids [ryzen]=ryzen
	[penryn]=core2_penryn_t9600 [nehalem]=corei5_lynnfield_750 [westmere]=corei5_arrandale_m520
)

emulator_vendors() {
	echo vmx svm
}

# The first is the vendor's default.
emulator_cpus() {
	case $1 in
	vmx) echo haswell sandybridge skylake sapphire penryn nehalem westmere ;;
	svm) echo ryzen ;;
	esac
}

emulator_root() {
	echo initramfs
}

emulator_packages() {
	echo bochsbios vgabios binutils
}

emulator_prepare() {
	bochs_prepare
}

emulator_refuse() {
	if [ -n "$HOST_GDB" ]; then
		echo "Bochs has no port for a debugger (--gdb)"
	elif [ -n "$HOST_SECURE_BOOT" ]; then
		echo "Bochs has no UEFI (--secure-boot)"
	elif [ -n "$HOST_CPU_FLAGS" ]; then
		echo "Bochs has CPU models as they are (--cpu-flags)"
	elif [ "$HOST_MEMORY" -gt 2048 ]; then
		echo "Bochs has 2048 MiB of memory at most"
	fi
}

# Microcode that the models claim to have would have the kernel distrust their timer; RDRAND and
# RDSEED would make runs differ. MISC_ENABLE reads 0 unless told otherwise, and kernels hang on it.
bochs_config() {
	local dir=$1 hide=rdrand
	case $HOST_CPU in
	skylake | sapphire | ryzen) hide=rdrand,rdseed ;;
	esac
	echo '0x1a0 0 00000000 00000001 00000000 00000000 00000000 00000000' >"$dir/msrs"
	cat <<-CONFIG
		plugin_ctrl: unmapped=true, biosdev=true, speaker=false, parallel=false
		display_library: nogui
		cpu: model=${BOCHS_MODELS[$HOST_CPU]}, count=$HOST_CPUS, ips=$BOCHS_IPS, quantum=16, reset_on_triple_fault=0, ignore_bad_msrs=1, msrs=$dir/msrs, exclude_features="$hide"
		memory: guest=$HOST_MEMORY, host=$HOST_MEMORY
		romimage: file=/usr/share/bochs/BIOS-bochs-latest, options=fastboot
		vgaromimage: file=/usr/share/vgabios/vgabios.bin
		optromimage1: file=$dir/rom.bin, address=$HANDOVER_ROM
		optramimage1: file=$dir/low.bin, address=$HANDOVER_LOW
		optramimage2: file=$dir/kernel.bin, address=$HANDOVER_KERNEL
		optramimage3: file=$dir/initrd, address=$BOCHS_INITRD
		pci: enabled=1, chipset=i440fx
		vga: extension=vbe, update_freq=1, realtime=0
		clock: sync=none, time0=1700000000, rtc_sync=0
		com1: enabled=1, mode=file, dev=$dir/console
		com2: enabled=1, $(bochs_output)
		com3: enabled=1, mode=file, dev=$dir/report
		ata0: enabled=0
		ata1: enabled=0
		log: $dir/bochs.log
		panic: action=fatal
		error: action=ignore
		info: action=ignore
	CONFIG
}

bochs_output() {
	if [ -n "$HOST_INTERACTIVE" ]; then
		echo "mode=term, dev=$(tty)"
	else
		echo "mode=file, dev=/dev/fd/9"
	fi
}

emulator_command() {
	local dir=$HOST_RUN_DIR
	cat "$HOST_INITRD" "$HOST_RUN_INITRD" >"$dir/initrd"
	ln -s "$(flat_kernel "$HOST_KERNEL_NAME")" "$dir/kernel.bin"
	# The newer models claim their original's frequency.
	handover "$dir" "$HOST_KERNEL_NAME" \
		"nokaslr mitigations=off tsc_early_khz=$((BOCHS_IPS / 1000)) $HOST_CMDLINE" \
		"$BOCHS_INITRD" "$(stat -c %s "$dir/initrd")"
	bochs_config "$dir" >"$dir/bochsrc"
	# shellcheck disable=SC2034
	EMULATOR=(bash -c "$(declare -f bochs_run); bochs_run \"\$@\"" bash "$(bochs_dir)/bochs" "$dir")
}

# bochs_run BOCHS DIRECTORY: its own chatter goes to a file; descriptor 9 is what the host's command
# prints. It does not give a terminal back as it was.
bochs_run() {
	local saved
	exec 9>&1 >"$2/bochs.out" 2>&1
	saved=$(stty -g 2>/dev/null) || exec "$1" -q -f "$2/bochsrc" </dev/null
	"$1" -q -f "$2/bochsrc"
	stty "$saved"
}

# The third port has lines "NAME VALUE". Without a status Bochs may know why.
emulator_results() {
	local name value
	if ! [ -e "$HOST_RUN_DIR/report" ]; then
		sed -n '/exiting with the following message/,/^===/{s/^\[/Bochs: [/p}' "$HOST_RUN_DIR/bochs.out" >&2
		return 0
	fi
	tr -d '\r' <"$HOST_RUN_DIR/report" | while read -r name value; do
		case $name in
		status | setup) printf '%s\n' "$value" >"$HOST_RUN_DIR/control/$name" ;;
		esac
	done
}
