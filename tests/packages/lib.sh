# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Chroots of Debian releases to build packages in, and clean ones to install them in. Sourced after kernels.sh.
#
# $WARREN_CACHE/packages/SUITE-KIND/ is complete or absent. KIND is "clean" (what debootstrap makes), or "build" (with what
# builds the packages). Nobody writes there: who uses one gets an overlay on it, which goes away. archives-SUITE/ has what apt
# fetched, and with that a second run needs no network.

PACKAGES_CACHE=$WARREN_CACHE/packages
: "${HOST_DIR:?}"

# Debian's archive of security updates is its archive's neighbour; sid has none.
packages_sources() {
	local mirror
	mirror=$(debian_mirror)
	mirror=${mirror%/}
	echo "deb $mirror $1 main"
	[ "$1" = sid ] || printf 'deb %s %s main\n' "$mirror" "$1-updates" "$mirror-security" "$1-security"
}

# A mirror that stands still, as a snapshot does, has lists of sid that are signed and out of date.
packages_mirror_age() {
	echo 'Acquire::Check-Valid-Until "false";'
}

# packages_root SUITE KIND: make sure that there is one.
packages_root() {
	[ -d "$PACKAGES_CACHE/$1-$2" ] || with_lock "packages-$1-$2" packages_root_make "$1" "$2"
}

packages_root_make() {
	local suite=$1 kind=$2 root=$PACKAGES_CACHE/$1-$2
	[ ! -d "$root" ] || return 0
	need_packages "make a chroot of Debian $suite" debootstrap
	mkdir -p "$PACKAGES_CACHE/archives-$suite"
	as_root rm -rf "$root.new"
	"packages_make_$kind" "$suite" "$root.new" && as_root mv "$root.new" "$root"
}

packages_make_clean() {
	step "making a clean chroot of Debian $1" as_root debootstrap --variant=minbase --include=ca-certificates \
		"$1" "$2" "$(debian_mirror)" &&
		packages_sources "$1" | as_root tee "$2/etc/apt/sources.list" >/dev/null &&
		packages_mirror_age | as_root tee "$2/etc/apt/apt.conf.d/60age" >/dev/null &&
		step "refreshing its package lists" packages_within "$1" "$2" "$2/mnt" apt-get -q update
}

packages_make_build() {
	packages_root "$1" clean && step "copying it" as_root cp -a "$PACKAGES_CACHE/$1-clean" "$2" &&
		step "installing what builds packages for Debian $1" packages_within "$1" "$2" "$WARREN_SOURCE" \
			sh -c 'apt-get -q -y --no-install-recommends install build-essential lintian &&
				apt-get -q -y --no-install-recommends build-dep ./'
}

# packages_within SUITE ROOT DIRECTORY COMMAND...: in ROOT itself, with DIRECTORY as /mnt; in an overlay on $lower, if that is
# set. What is mounted goes away with the command.
packages_within() {
	local suite=$1 root=$2 directory=$3
	shift 3
	# shellcheck disable=SC2016
	as_root unshare --mount --propagation private sh -euc '
		root=$1; directory=$2; archives=$3; lower=$4; shift 4
		[ -z "$lower" ] ||
			mount -t overlay overlay -o "lowerdir=$lower,upperdir=$root/../upper,workdir=$root/../work" "$root"
		mount --bind "$directory" "$root/mnt"
		mount --bind "$archives" "$root/var/cache/apt/archives"
		mount -t proc proc "$root/proc"
		cp -L /etc/resolv.conf "$root/etc/resolv.conf"
		exec chroot "$root" sh -euc "cd /mnt && exec \"\$@\"" sh "$@"
	' sh "$root" "$directory" "$PACKAGES_CACHE/archives-$suite" "${lower:-}" \
		env -i HOME=/root LC_ALL=C.UTF-8 TERM=dumb DEBIAN_FRONTEND=noninteractive \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# packages_in SUITE KIND DIRECTORY COMMAND...: likewise, in an overlay on a root that there is (packages_root), which is
# below DIRECTORY and as short-lived.
packages_in() {
	local lower=$PACKAGES_CACHE/$1-$2 suite=$1 directory=$3 over status=0
	shift 3
	over=$(mktemp -d "$directory/over.XXXXXX")
	mkdir "$over/upper" "$over/work" "$over/root"
	packages_within "$suite" "$over/root" "$directory" "$@" || status=$?
	as_root rm -rf "$over"
	return "$status"
}
