#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# In a clean chroot ($SUITE) that is nobody's but ours, in the directory with the packages: installs them, looks at what is
# there, installs another kernel's headers, purges the packages. TAP.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/lib/tap.sh
. "$here/../lib/tap.sh"

install() {
	apt-get -q -y --no-install-recommends install "$@"
}

# releases FLAVOUR: of the archive's kernels, oldest first; of those of one series, which is that of the release's own kernel.
releases() {
	local own
	own=$(apt-cache depends linux-headers-amd64 | sed -n 's/^ *Depends: linux-headers-\(.*\)-amd64$/\1/p')
	apt-cache search --names-only "^linux-headers-$(cut -d . -f 1,2 <<<"$own")\.[^-]*(-[0-9]+)?$1-amd64\$" |
		awk '{ print substr($1, length("linux-headers-") + 1) }' | sort -V
}

# Two kernels, the older first. Where the archive has one, another flavour of it is the second.
choose_kernels() {
	local found
	apt-get -q update >/dev/null || echo "# the package lists are as old as the chroot"
	mapfile -t found < <(releases '')
	[ ${#found[@]} -gt 1 ] || mapfile -t found < <(releases '' && releases -cloud | tail -n 1)
	[ ${#found[@]} -gt 1 ] || { echo "Bail out! the archive has headers of fewer than two kernels" && exit 1; }
	first=${found[-2]} second=${found[-1]}
}

# All that is there, but what apt and dpkg know of it, caches, logs, and what a boot forgets.
files() {
	find / -xdev \( -path /proc -o -path /run -o -path /mnt -o -path /tmp -o -path /var/lib/dpkg -o -path /var/cache \
		-o -path /var/log -o -path /var/lib/apt \) -prune -o -print | sort
}

# What the packages need is here before them, so that what they leave can be told from it.
test_prepare() {
	local needed
	install "linux-headers-$first" systemd udev kmod man-db bash-completion mandoc gcc libc6-dev || fail "headers of $first"
	mapfile -t needed < <(apt-get -s --no-install-recommends install ./warren_*.deb ./warren-dkms_*.deb |
		awk '$1 == "Inst" && $2 !~ /^warren/ { print $2 }')
	[ ${#needed[@]} -eq 0 ] || install "${needed[@]}" || fail "${needed[*]}"
	depmod -a "$first" # its lists stay
	files >/tmp/before
	cp /etc/group /tmp/group
}

test_install() {
	install ./warren_*.deb ./warren-dkms_*.deb || fail "an installation"
	[ -z "$(dpkg --audit)" ] || fail "whole packages"
}

# module_of RELEASE: DKMS has built and installed it, and modprobe would find it.
module_of() {
	local module
	module=$(find "/lib/modules/$1/updates" -name 'warren.ko*')
	[ -n "$module" ] || { dkms status; cat /var/lib/dkms/warren/*/build/make.log 2>/dev/null; fail "a module for $1"; }
	dkms status -m warren -k "$1" | grep -q installed || fail "DKMS to know it"
	[ "$(modinfo -F license "$module")" = "GPL v2" ] || [ "$(modinfo -F license "$module")" = GPL ] || fail "its licence"
	modinfo -F vermagic "$module" | grep -q "^$1 " || fail "a module of $1"
	# Where the kernel itself is not installed, sid's depmod makes no lists.
	[ ! -e "/lib/modules/$1/modules.dep" ] || grep -q '^updates/dkms/warren.ko' "/lib/modules/$1/modules.dep" || fail "depmod to know it"
}

# By the key that DKMS made, which the firmware's owner can enrol.
test_signed() {
	local module
	[ -e /var/lib/dkms/mok.pub ] || skip "this DKMS makes no key without openssl or kmodsign"
	module=$(find "/lib/modules/$first/updates" -name 'warren.ko*')
	[ -n "$(modinfo -F sig_key "$module")" ] || fail "a signature"
}

# The source has what the module needs, and no more.
test_source() {
	local source extra
	source=$(echo /usr/src/warren-*)
	extra=$(find "$source" -mindepth 1 -maxdepth 1 ! -name Kbuild ! -name module ! -name uapi ! -name dkms.conf)
	[ -z "$extra" ] || fail "nothing but the module's source: $extra"
	[ -f "$source/uapi/linux/warren.h" ] || fail "the headers"
}

test_group() {
	getent group warren | grep -q '^warren:x:[0-9]*:$' || fail "an empty group"
}

test_udev() {
	local rule
	rule=$(dpkg -L warren-dkms | grep 'udev/rules.d/.*warren')
	grep -q 'GROUP="warren", MODE="0660"' "$rule" || fail "a rule"
	! udevadm verify --help >/dev/null 2>&1 || udevadm verify "$rule" || fail "a rule without mistakes"
}

test_units() {
	local unit
	for unit in warren@.service warren-autostart.service; do
		unit=$(dpkg -L warren | grep "/$unit\$") || fail "a unit"
		systemd-analyze verify --man=no "${unit/@/@web}" 2>&1 | grep -v -i -e 'dbus' -e 'failed to connect' | grep -F warren &&
			fail "no complaint"
	done
	systemctl is-enabled warren-autostart.service || fail "machines of this host to start with it"
	dpkg -L warren-dkms | grep -q modules-load.d/warren || fail "the module to load with it"
}

test_manual() {
	local page count=0
	for page in $(dpkg -L warren | grep '/man/man[15]/.*gz$'); do
		zcat "$page" | mandoc -T lint -W error || fail "no mistake in $page"
		count=$((count + 1))
	done
	[ "$count" -ge 16 ] || fail "16 pages, found $count"
}

test_launcher() {
	warren --version | grep -q -x "warren $(dpkg-query -W -f '${Version}' warren)" || fail "the package's version"
	warren doctor --json >/tmp/doctor
	[ $? = 1 ] || fail "a doctor that finds no /dev/warren"
	grep -q '"check": "kernel headers"' /tmp/doctor || fail "a doctor that looks"
	# shellcheck disable=SC2016
	bash -c '. /usr/share/bash-completion/completions/warren && COMP_WORDS=(warren doc) COMP_CWORD=1 && _warren &&
		[ "${COMPREPLY[*]}" = doctor ]' || fail "completion"
}

test_header() {
	printf '#include <linux/warren.h>\n#include <linux/warren_genl.h>\nint main(void) { return 0; }\n' >/tmp/use.c
	cc -Wall -Werror -o /tmp/use /tmp/use.c || fail "headers that compile"
}

# The hook of the headers' package builds; some releases leave it to the next boot.
test_upgrade() {
	install "linux-headers-$second" || fail "headers of $second"
	[ -n "$(find "/lib/modules/$second" -name 'warren.ko*')" ] || dkms autoinstall -k "$second" || fail "a build"
	module_of "$second"
	module_of "$first"
}

test_again() {
	install --reinstall ./warren_*.deb ./warren-dkms_*.deb || fail "an upgrade"
	module_of "$first"
	cp "$(find "/lib/modules/$first/updates" -name 'warren.ko*')" /tmp
}

# source_make TARGET: in the source, of which the packages were built; the module is DKMS's.
source_make() {
	make -s -C warren -o all "KVER=$first" "KDIR=/lib/modules/$first/build" SIGN_KEY=/var/lib/dkms/mok.key \
		SIGN_CERT=/var/lib/dkms/mok.pub "$1"
}

# Without the packages; signed by DKMS's key, as docs/install.md tells.
test_make_install() {
	[ -e /tmp/warren.ko ] || xz -d /tmp/warren.ko.xz || fail "a module"
	strip --strip-debug -o warren/warren.ko /tmp/warren.ko || fail "a module without a signature"
	[ -e /var/lib/dkms/mok.pub ] || skip "this DKMS makes no key without openssl or kmodsign"
	depmod -a "$first" # as in test_prepare: sid's DKMS takes the lists away
	files >/tmp/before
	source_make install || fail "an installation"
	[ "$(modinfo -k "$first" -F filename warren)" = "/lib/modules/$first/updates/warren.ko" ] || fail "modprobe to find it"
	[ -n "$(modinfo -k "$first" -F sig_key warren)" ] || fail "a signature"
	getent group warren || fail "a group"
	/usr/local/bin/warren --version || fail "a launcher"
	source_make uninstall || fail "its end"
	! getent group warren || fail "no group"
	files | diff /tmp/before - || fail "nothing left"
}

test_purge() {
	apt-get -q -y purge warren warren-dkms || fail "to be rid of them"
	! getent group warren || fail "no group"
	[ -z "$(find /lib/modules /var/lib/dkms /usr/src -name 'warren*')" ] || fail "no module"
	! grep -l warren /lib/modules/*/modules.dep || fail "depmod not to know it"
	files >/tmp/after
	diff /tmp/before /tmp/after | grep '^>' | grep -v -e "$second" -e '/linux-\(kbuild\|headers\|compiler\)-' -e /var/lib/dkms/mok >/tmp/left
	diff /tmp/before /tmp/after | grep '^>.*[Ww]arren' >>/tmp/left
	[ ! -s /tmp/left ] || { cat /tmp/left; fail "nothing left"; }
}

# dkms_source VERSION: what DKMS finds in /usr/src for it.
dkms_source() {
	local source=/usr/src/warren-$1
	mkdir "$source" || fail "a directory"
	cp -r warren/{Kbuild,module,uapi,dkms.conf} "$source" || fail "a source"
	sed -i "s/^PACKAGE_VERSION=.*/PACKAGE_VERSION=\"$1\"/" "$source/dkms.conf"
	sed -i "s/^MODULE_VERSION(.*/MODULE_VERSION(\"$1\");/" "$source/module/main.c"
}

# Without the packages, as docs/install.md tells; a later version takes the place of the one before.
test_dkms_alone() {
	local version
	for version in 0.0.1 0.0.2; do
		dkms_source "$version"
		dkms install "warren/$version" -k "$first" || fail "an installation"
		[ "$(modinfo -F version "$(find "/lib/modules/$first/updates" -name 'warren.ko*')")" = "$version" ] || fail "$version in its place"
	done
	for version in 0.0.1 0.0.2; do
		dkms remove "warren/$version" --all || fail "the end of $version"
		rm -r "/usr/src/warren-$version"
	done
	[ -z "$(find /lib/modules /var/lib/dkms -name 'warren*')" ] || fail "nothing left"
}

plan 16
first='' second=''
choose_kernels
check "$SUITE: what the packages need, and headers of $first" test_prepare
check "$SUITE: apt installs them" test_install
check "$SUITE: DKMS built the module for $first" module_of "$first"
check "$SUITE: it is signed by DKMS's key" test_signed
check "$SUITE: its source is there alone" test_source
check "$SUITE: a group for /dev/warren" test_group
check "$SUITE: a udev rule" test_udev
check "$SUITE: units" test_units
check "$SUITE: manual pages" test_manual
check "$SUITE: the launcher, and its completion" test_launcher
check "$SUITE: headers of the interface" test_header
check "$SUITE: a kernel's upgrade, to $second" test_upgrade
check "$SUITE: they are installed again" test_again
check "$SUITE: purged, they leave nothing" test_purge
check "$SUITE: DKMS alone, and a later version" test_dkms_alone
check "$SUITE: make install and make uninstall leave nothing" test_make_install
finish
