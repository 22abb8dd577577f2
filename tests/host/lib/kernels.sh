# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Kernels that Warren is tested on: fetching, building, caching.
#
# $WARREN_CACHE/kernel/NAME/ is complete or absent:
#   release   what uname -r says             vmlinuz   the image that an emulator boots
#   stamp     changes with the contents      vmlinux   the ELF image inside it
#   root      where its compiler lives: / or a chroot
#   kdir      its build directory below root
#   modules/lib/modules/RELEASE

# shellcheck source=tests/host/lib/debug_kernel.sh
. "$HOST_DIR/lib/debug_kernel.sh"

KERNELS=(6.1 6.12 7.2 debug)

kernel_suite() {
	case $1 in
	6.1 | debug) echo bookworm ;;
	6.12) echo trixie ;;
	7.2) echo sid ;;
	*) die "unknown kernel '$1' (there are: ${KERNELS[*]})" ;;
	esac
}

kernel_dir() {
	if [ "$1" = debug ]; then
		echo "$WARREN_CACHE/kernel/debug-$(debug_kernel_key)"
	else
		echo "$WARREN_CACHE/kernel/$1"
	fi
}

# Cached, and what modules are built with is still there.
kernel_ready() {
	local dir root
	dir=$(kernel_dir "$1")
	[ -e "$dir/stamp" ] || return 1
	root=$(cat "$dir/root")
	[ "$root" = / ] || build_root_complete "$root" || return 1
	[ -e "${root%/}$(cat "$dir/kdir")/Makefile" ]
}

# kernel_prepare NAME: make sure that the cache holds it.
kernel_prepare() {
	kernel_suite "$1" >/dev/null
	kernel_ready "$1" || with_lock "kernel-$1" kernel_make "$1"
}

kernel_make() {
	! kernel_ready "$1" || return 0
	if [ "$1" = debug ]; then
		debug_kernel_make
	else
		stock_kernel_make "$1" || {
			# The archive moved on since its lists were read: once more, from new ones.
			build_root_renew "$(kernel_suite "$1")"
			stock_kernel_make "$1"
		}
	fi
}

# Build roots: this machine for its own suite, a chroot with the suite's own compiler for others.

build_root() {
	# shellcheck source=/dev/null
	if [ "$1" = "$(. /etc/os-release && echo "${VERSION_CODENAME:-}")" ]; then
		echo /
	else
		echo "$WARREN_CACHE/chroot/$1"
	fi
}

debian_mirror() {
	local mirror
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
		grep -E '/debian/?$' | head -n 1) || true
	# Cloud images name a file that lists mirrors (mirror+file:).
	[ -n "$mirror" ] || mirror=$(grep -h -o -E '^https?://[^ ]*/debian/?$' /etc/apt/mirrors/debian.list 2>/dev/null | head -n 1) || true
	[ -n "$mirror" ] || die "the system's apt sources name no Debian archive"
	echo "$mirror"
}

build_root_prepare() {
	local suite=$1 root
	root=$(build_root "$suite")
	if [ "$root" = / ]; then
		need_packages "build kernel modules" linux-headers-amd64 gcc make
	elif ! build_root_complete "$root"; then
		with_lock "chroot-$suite" build_root_make "$suite" "$root"
	fi
}

# Perl is for kernel-doc, which W=1 calls.
BUILD_ROOT_PACKAGES=gcc,make,perl,linux-headers-amd64

# debootstrap leaves this directory behind until it has finished.
build_root_complete() {
	[ -e "$1/usr/bin/gcc" ] && [ ! -d "$1/debootstrap" ] &&
		compgen -G "$1/usr/share/perl/*/Pod/Usage.pm" >/dev/null &&
		compgen -G "$1/usr/src/linux-headers-*-amd64/Makefile" >/dev/null
}

build_root_make() {
	local suite=$1 root=$2
	! build_root_complete "$root" || return 0
	if [ -e "$root/usr/bin/apt-get" ] && [ ! -d "$root/debootstrap" ]; then
		# Made by an earlier version that needed less.
		step "completing the build environment for Debian $suite" \
			in_build_root "$root" "$WARREN_CACHE/dl" env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
			--no-install-recommends install ${BUILD_ROOT_PACKAGES//,/ } && return 0
	fi
	need_packages "make a build environment for Debian $suite" debootstrap
	as_root rm -rf "$root" "$root.new"
	mkdir -p "$(dirname "$root")"
	step "making a build environment for Debian $suite" as_root debootstrap --variant=minbase \
		--include="$BUILD_ROOT_PACKAGES" "$suite" "$root.new" "$(debian_mirror)" || return 1
	as_root mv "$root.new" "$root"
}

build_root_renew() {
	local root
	root=$(build_root "$1")
	if [ "$root" = / ]; then
		with_lock packages renew_headers
	else
		as_root rm -rf "$root"
	fi
}

renew_headers() {
	step "refreshing the package lists" apt_get update
	step "installing the newest kernel headers" apt_get install -y --no-install-recommends linux-headers-amd64
}

# in_build_root ROOT DIRECTORY COMMAND...: run COMMAND in ROOT with DIRECTORY as current directory
# (in a chroot: bind-mounted on /mnt, in a mount namespace that goes away with it).
in_build_root() {
	local root=$1 directory=$2
	shift 2
	if [ "$root" = / ]; then
		(cd "$directory" && "$@")
	else
		# shellcheck disable=SC2016
		as_root unshare --mount --propagation private sh -euc '
			root=$1; directory=$2; shift 2
			mount -t proc proc "$root/proc"
			mount --bind "$directory" "$root/mnt"
			exec chroot "$root" sh -euc "cd /mnt && exec \"\$@\"" sh "$@"
		' sh "$root" "$directory" env -u WARREN_CACHE HOME=/root LC_ALL=C "$@"
	fi
}

# Stock kernels.

newest_headers() {
	local version=$1 root=$2 path
	for path in "${root%/}"/usr/src/linux-headers-"$version".*-amd64; do
		case $path in
		*-rt-amd64 | *-cloud-amd64) ;;
		*) [ ! -e "$path/Makefile" ] || printf '%s\n' "${path##*/linux-headers-}" ;;
		esac
	done | sort -V | tail -n 1
}

# The packages that hold a kernel's image and modules: from 7.x on they are split.
stock_packages() {
	local root=$1 release=$2 package
	for package in "linux-image-$release" "linux-binary-$release" "linux-modules-$release"; do
		# Not by a pipe, whose writer would fail when grep has seen enough.
		! grep -q '^Version:' < <(in_build_root "$root" "$WARREN_CACHE/dl" apt-cache show "$package" 2>/dev/null) ||
			printf '%s\n' "$package"
	done
}

# stock_download ROOT RELEASE: what the cache does not hold yet
stock_download() {
	local root=$1 release=$2 package packages missing=()
	mapfile -t packages < <(stock_packages "$root" "$release")
	[ ${#packages[@]} -gt 0 ] || return 1
	for package in "${packages[@]}"; do
		compgen -G "$WARREN_CACHE/dl/${package}_*.deb" >/dev/null || missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	in_build_root "$root" "$WARREN_CACHE/dl" apt-get -q download "${missing[@]}"
}

stock_kernel_make() {
	local name=$1 root dir new release deb
	need_packages "unpack kernels" kmod xz-utils zstd rsync
	build_root_prepare "$(kernel_suite "$name")" || return 1
	root=$(build_root "$(kernel_suite "$name")")
	dir=$(kernel_dir "$name")
	release=$(newest_headers "$name" "$root")
	[ -n "$release" ] || return 1
	mkdir -p "$WARREN_CACHE/dl" "$WARREN_CACHE/kernel"
	step "downloading Linux $release" stock_download "$root" "$release" || return 1
	new=$(mktemp -d "$WARREN_CACHE/kernel/new.XXXXXX")
	mkdir "$new/tree"
	for deb in "$WARREN_CACHE"/dl/linux-*-"${release}"_*.deb; do
		# Half of one is of no use to the next run either.
		dpkg-deb -x "$deb" "$new/tree" || { rm -rf "$deb" "$new" && return 1; }
	done
	stock_kernel_arrange "$new" "$release" "$root" || { rm -rf "$new" && return 1; }
	(cd "$WARREN_CACHE/dl" && printf '%s\n' linux-*-"${release}"_*.deb) >"$new/stamp"
	echo "$root" >"$new/root"
	echo "/usr/src/linux-headers-$release" >"$new/kdir"
	rm -rf "$dir"
	chmod 755 "$new"
	mv "$new" "$dir"
}

# From unpacked packages to the cache's layout. Debian moved the image and /lib over time.
stock_kernel_arrange() {
	local new=$1 release=$2 root=$3 path
	echo "$release" >"$new/release"
	for path in "$new/tree/boot/vmlinuz-$release" \
		"$new/tree/usr/lib/modules/$release/vmlinuz"; do
		[ ! -e "$path" ] || cp "$path" "$new/vmlinuz"
	done
	mkdir -p "$new/modules/lib/modules"
	for path in "$new"/tree/{,usr/}lib/modules/"$release"; do
		[ ! -d "$path" ] || mv "$path" "$new/modules/lib/modules/"
	done
	rm -rf "$new/tree"
	[ -d "$new/modules/lib/modules/$release/kernel" ] || die "the packages of Linux $release have no modules"
	# 7.x: the lists of modules came with the headers.
	for path in "${root%/}/lib/modules/$release"/modules.{order,builtin,builtin.modinfo}; do
		[ ! -e "$path" ] || cp -n "$path" "$new/modules/lib/modules/$release/"
	done
	depmod -b "$new/modules" "$release" && [ -s "$new/modules/lib/modules/$release/modules.dep" ] &&
		"$HOST_DIR/extract-vmlinux" "$new/vmlinuz" >"$new/vmlinux"
}
