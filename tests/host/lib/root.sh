# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# The root of an emulated host that cannot see this machine's files: the needed ones, as part of its
# initramfs (below /newroot; the run's own directory as /control).

# Packages whose programs the host has, with the libraries that these load.
ROOT_PACKAGES=(bash coreutils dash diffutils findutils grep hostname kmod login mawk mount ncurses-bin
	perl-base procps sed sysvinit-utils tar util-linux util-linux-extra)

# Modules of its kernel, with those that they need.
ROOT_MODULES=(kvm kvm-intel kvm-amd zram msr cpuid loop)

# Packages that are installed and have programs.
root_programs() {
	dpkg-query -L "${ROOT_PACKAGES[@]}" 2>/dev/null |
		grep -E '^(/usr)?/s?bin/|^/usr/lib/[^/]*/perl-base/' |
		while read -r file; do
			[ -d "$file" ] || merged "$file"
		done
	readlink -f /usr/bin/awk
}

# merged PATH: below /usr, as all of Debian's directories are today.
merged() {
	case $1 in
	/bin/* | /sbin/* | /lib/* | /lib64/*) printf '/usr%s\n' "$1" ;;
	*) printf '%s\n' "$1" ;;
	esac
}

# libraries FILE...: what those load, as paths.
libraries() {
	ldd "$@" 2>/dev/null | sed -n 's/^\t\(.* => \)\{0,1\}\(\/[^ ]*\) (.*/\2/p' | sort -u |
		while read -r file; do
			merged "$file"
		done
}

# root_copy TREE FILE...: to the same paths; links become what they point at.
root_copy() {
	local tree=$1
	shift
	rsync -aRL "$@" "$tree/"
}

# root_begin TREE: the layout of this machine's root, without files.
root_begin() {
	local tree=$1 dir
	mkdir -p "$tree"/{dev,etc,proc,sys,run,tmp,root,usr/bin,usr/sbin,usr/lib,usr/lib64,var/tmp}
	for dir in bin sbin lib lib64; do
		ln -s "usr/$dir" "$tree/$dir"
	done
	cp -P /etc/{passwd,group,nsswitch.conf,ld.so.cache} "$tree/etc/"
	ln -s mawk "$tree/usr/bin/awk"
}

# root_modules KERNEL TREE
root_modules() {
	local release from to=$2/lib/modules module
	release=$(cat "$(kernel_dir "$1")/release")
	from=$(kernel_dir "$1")/modules/lib/modules/$release
	mkdir -p "$to/$release"
	cp "$from"/modules.{order,builtin} "$to/$release/"
	[ ! -e "$from/modules.builtin.modinfo" ] || cp "$from/modules.builtin.modinfo" "$to/$release/"
	for module in $(module_files "$from" "${ROOT_MODULES[@]}"); do
		mkdir -p "$to/$release/$(dirname "$module")"
		unpack_module "$from/$module" >"$to/$release/${module%.ko*}.ko"
	done
	depmod -b "$2" "$release"
}

# root_archive KERNEL: print the path of a cpio archive with all that does not change from run to run.
root_archive() {
	local file tree programs
	file=$WARREN_CACHE/initramfs/root-$1-$(root_key "$1").cpio
	if [ ! -e "$file" ]; then
		mapfile -t programs < <(root_programs)
		tree=$(initramfs_begin)
		install -m 755 "$HOST_DIR/init" "$tree/init"
		root_begin "$tree/newroot"
		mapfile -t programs < <(printf '%s\n' "${programs[@]}" && libraries "${programs[@]}")
		root_copy "$tree/newroot" "${programs[@]}"
		root_modules "$1" "$tree/newroot"
		root_copy "$tree/newroot" "$(kernel_dir 6.1)"/vmlin{uz,ux}
		initramfs_end "$tree" "$file"
	fi
	printf '%s\n' "$file"
}

root_key() {
	{
		cat "$HOST_DIR/init" "$HOST_DIR/lib/root.sh" "$(kernel_dir "$1")/stamp" "$(kernel_dir 6.1)/stamp"
		dpkg-query -W "${ROOT_PACKAGES[@]}" libc6 2>/dev/null
	} | sha256sum | cut -c 1-16
}

# root_run_archive FILE CONTROL N FILE... PATH...: what does change: the run's own directory, N files (links become what they
# point at), and paths of this machine.
root_run_archive() {
	local file=$1 control=$2 nr=$3 tree
	shift 3
	tree=$(mktemp -d "$WARREN_CACHE/initramfs/tree.XXXXXX")
	mkdir -p "$tree/newroot$PWD"
	cp -a "$control" "$tree/control"
	[ "$nr" = 0 ] || root_copy "$tree/newroot" "${@:1:nr}"
	shift "$nr"
	rsync -aR --exclude=.git --exclude='*.o' --exclude='*.d' "$@" "$tree/newroot/"
	initramfs_end "$tree" "$file"
}
