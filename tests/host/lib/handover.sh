# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What an emulator that can put files into its memory needs to start a kernel: see boot/handover.S.

HANDOVER_ROM=0xd0000 HANDOVER_LOW=0x10000 HANDOVER_KERNEL=0x1000000
export HANDOVER_ROM HANDOVER_LOW HANDOVER_KERNEL

# flat_kernel NAME: print the path of that kernel's contents from HANDOVER_KERNEL on.
flat_kernel() {
	local dir file
	dir=$(kernel_dir "$1")
	file=$WARREN_CACHE/flat/$1-$(hash_of "$dir/stamp").bin
	if [ ! -e "$file" ]; then
		mkdir -p "$WARREN_CACHE/flat"
		objcopy -O binary "$dir/vmlinux" "$file.$$"
		mv "$file.$$" "$file"
	fi
	printf '%s\n' "$file"
}

kernel_entry() {
	LC_ALL=C readelf -h "$1" | sed -n 's/.*Entry point address: *//p'
}

# setup_code BZIMAGE: what it runs in real mode.
setup_code() {
	local sectors
	sectors=$(od -A n -t u1 -j $((0x1f1)) -N 1 "$1")
	head -c $(((sectors + 1) * 512)) "$1"
}

# handover_link DIRECTORY CHECKSUM FLAG...
handover_link() {
	local dir=$1 checksum=$2
	shift 2
	gcc -nostdlib -static -Wl,--build-id=none -Wl,-T,"$HOST_DIR/boot/handover.ld" \
		-DROM_CHECKSUM="$checksum" "$@" -I"$dir" -Wa,-I"$dir" \
		-o "$dir/handover.elf" "$HOST_DIR/boot/handover.S"
	objcopy -O binary -j .rom "$dir/handover.elf" "$dir/rom.bin"
	objcopy -O binary -j .setup -j .stub "$dir/handover.elf" "$dir/low.bin"
}

# handover DIRECTORY KERNEL COMMAND-LINE INITRD-ADDRESS INITRD-SIZE: make rom.bin and low.bin there.
handover() {
	local dir=$1 kernel flags
	kernel=$(kernel_dir "$2")
	setup_code "$kernel/vmlinuz" >"$dir/setup.bin"
	printf '%s' "$3" >"$dir/cmdline"
	flags=(-DKERNEL_ENTRY="$(kernel_entry "$kernel/vmlinux")" -DINITRD="$4" -DINITRD_SIZE="$5")
	handover_link "$dir" 0 "${flags[@]}"
	handover_link "$dir" "$(rom_checksum "$dir/rom.bin")" "${flags[@]}"
}

# rom_checksum FILE: what to add for a sum of 0.
rom_checksum() {
	od -A n -v -t u1 "$1" | awk '{ for (i = 1; i <= NF; i++) sum += $i }
		END { print (256 - sum % 256) % 256 }'
}
