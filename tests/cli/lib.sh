# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What tests of the launcher share. Sourced after tap.sh; here and root are set. What is set here is for those tests:
# shellcheck disable=SC2034
: "${tap_log:=}" "${here:=}" "${root:=}"

work=$(mktemp -d "${TMPDIR:-/tmp}/warren-cli.XXXXXX")
trap 'rm -rf "$tap_log" "$work"' EXIT

# Built already (the emulated host is slow at that), or built now.
build() {
	if [ -x "${WARREN_BUILD:-}/tests/cli/unit" ]; then
		bin=$WARREN_BUILD/tests/cli
		warren=$WARREN_BUILD/userspace-cli/warren
		return
	fi
	bin=$work
	warren=$work/launcher/warren
	make -s -j"$(nproc)" -C "$root/userspace-cli" O="$work/launcher" >"$work/log" 2>&1 &&
		make -s -j"$(nproc)" -C "$here" O="$work" >>"$work/log" 2>&1
}

# status_of COMMAND...: sets status; what it printed is in $work/out and $work/err.
status_of() {
	status=0
	"$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
}

expect_status() {
	[ "$status" = "$1" ] || { cat "$work/out" "$work/err"; fail "status $1, got $status"; }
}

expect_err() {
	grep -q -F -e "$1" "$work/err" || { cat "$work/err"; fail "'$1' on standard error"; }
}

expect_out() {
	tr -d '\r' <"$work/out" | grep -q -E -e "$1" || { tail -n 30 "$work/out"; fail "'$1'"; }
}

# UPDATE_GOLDEN=1 takes today's output as right: look at the difference before committing it.
golden() {
	[ -z "${UPDATE_GOLDEN:-}" ] || cp "$work/out" "$here/golden/$1"
	diff -u "$here/golden/$1" "$work/out" || fail "the output in golden/$1"
}

# What `warren run` needs to boot the test guest.
guest_args() {
	args=(run --device "$WARREN_DEVICE" --kernel "$WARREN_GUEST_VMLINUX" --timeout 120
		--initrd "$WARREN_GUEST_INITRD" --memory 256M)
	cmdline="console=ttyS0 quiet panic=-1 cryptomgr.notests=1"
}

on_device() {
	[ -n "${WARREN_DEVICE:-}" ] || skip "no hypervisor device (tests/host/run gives one)"
	"$@"
}

build_or_bail() {
	build && return
	cat "$work/log"
	echo "Bail out! the launcher does not build"
	exit 1
}
