#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# In a host that was started by Secure Boot, as docs/install.md tells: tests/hosts/signed.sh before|after KEYS. KEYS has
# owner.key, owner.pub and other.key, other.pub; of these owner.pub gets enrolled between "before" and "after".
# shellcheck source=tests/lib/tap.sh
. "$WARREN_SOURCE/tests/lib/tap.sh"

keys=$2 release=$(uname -r) src=/tmp/src

# doctor_says CHECK TEXT [REMEDY]
doctor_says() {
	warren doctor --json | tr -d '\n' | sed 's/}, *{/}\n{/g' >/tmp/doctor
	grep -F "\"check\": \"$1\"" /tmp/doctor | grep -F "$2" | grep -q -F "${3:-}" || {
		cat /tmp/doctor
		fail "the doctor to say of $1: $2: ${3:-}"
	}
}

# A module of 20 MB, most of it for debuggers, is hashed slowly here; thousands of others depmod would read one by one.
prepare() {
	mkdir $src && cp -r "$WARREN_SOURCE"/{Makefile,userspace-cli,uapi} $src
	strip --strip-debug -o $src/warren.ko "$WARREN_MODULE" && cp "$(command -v warren)" $src/userspace-cli/
	mount -t tmpfs none "/lib/modules/$release"
	touch "/lib/modules/$release"/modules.{order,builtin,builtin.modinfo}
	ln -s "$(cat "${WARREN_GUEST_KERNEL%/*}/kdir")" "/lib/modules/$release/build"
}

# install_module [OWNER]: signed by that key.
install_module() {
	local sign=()
	[ $# = 0 ] || sign=("SIGN_KEY=$keys/$1.key" "SIGN_CERT=$keys/$1.pub")
	make -s -C $src -o all "KVER=$release" "${sign[@]}" install || fail "make install ${sign[*]}"
}

# refused REASON: by modprobe, and the kernel's log says why.
refused() {
	dmesg -C
	! modprobe warren 2>/tmp/said || fail "no module to load"
	grep 'Key was rejected by service' /tmp/said || { cat /tmp/said; fail "the key to be rejected"; }
	dmesg | grep -F "Loading of $1 is rejected" || { dmesg; fail "the log to say why: $1"; }
}

locked() {
	grep -F '[integrity]' /sys/kernel/security/lockdown || fail "lockdown"
	dmesg | grep 'Kernel is locked down from EFI Secure Boot' || fail "Secure Boot's"
	doctor_says "secure boot" "on:"
	doctor_says lockdown "only signed modules load"
	doctor_says "module signatures" enforced
}

before() {
	locked
	doctor_says "module's signature" "no module is installed" "enrol its key"
	install_module
	refused "unsigned module"
	doctor_says "module's signature" "updates/warren.ko has none" "sign it with a key that is enrolled"
	install_module owner
	refused "module with unavailable key"
	doctor_says "module's signature" "by Machine owner, whose key is not enrolled" "sudo mokutil --import"
	printf '%s\n' password password | mokutil --import "$keys/owner.pub" || fail "mokutil"
	doctor_says "module's signature" "by Machine owner, whose key waits to be enrolled" "reboot, and choose Enroll MOK"
	refused "module with unavailable key"
}

after() {
	locked
	mokutil --list-enrolled | grep -F 'CN=Machine owner' || fail "the firmware to know the key"
	install_module other
	refused "module with unavailable key"
	doctor_says "module's signature" "by Somebody else, whose key is not enrolled" "sudo mokutil --import"
	install_module owner
	[ "$(modinfo -F signer warren)" = "Machine owner" ] || fail "the signer's name"
	doctor_says "module's signature" "by Machine owner, whose key is enrolled" null
	modprobe warren || { dmesg | tail; fail "the module to load"; }
	warren doctor || fail "the doctor to be content"
	warren run --kernel "$WARREN_BUILD/tests/guests/micro/exit.elf" --memory 16M --debug-exit
	[ $? = 42 ] || fail "a guest"
}

prepare
"$1"
