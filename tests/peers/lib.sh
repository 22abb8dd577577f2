# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# QEMU in an emulated host, on whichever hypervisor that has loaded; sourced by the subjects, after tap.sh.
#
# A subject is tests/peers/NAME.sh, a TAP program as in tests/guests. To add a case to one:
#
#	boots() {
#		vm_start a "${LEAN[@]}" -M q35 -cpu host	# QEMU's options, less what vm_start adds
#		vm_wait a 'guest: ready'			# a pattern on its serial port; fails when QEMU is gone
#		vm_run a 'nproc' | grep -q '^1$' || fail "one CPU"	# in the guest's shell; the command's status
#		hmp a info status				# the monitor; qmp a JSON is the same in QMP
#	}
#	peer "boots a kernel" boots
#
# What still runs when the case ends is killed, and what a failed one said is shown. A new subject begins with what its host is:
#
#	# host: --memory 3072 --timeout 900		options of tests/host/run, the same on both hypervisors
#	# needs: debian					make_debian of tests/peers/make/debian.sh; its path: WARREN_PEER_DEBIAN
#	# packages: ovmf				what it uses of Debian's
#	# files: /usr/bin/qemu-system-x86_64		what a host in Bochs has to be given of it
#
# and is found by tests/peers/run. Variables of a case: PEER_IRQCHIP (on, off, split), PEER_PATIENCE (seconds until what is waited
# for counts as never coming: generous, since the machine below is slow), PEER_QEMU (the program, as an array),
# PEER_OWNER (whose its files are).

PEER_QEMU=(qemu-system-x86_64)
: "${PEER_IRQCHIP:=on}" "${PEER_PATIENCE:=300}"
PEER_ACCEL=kvm

# By the launcher, for a QEMU that knows /dev/kvm only.
PEER_EXEC=()
[ "${WARREN_HV:-}" = kvm ] || PEER_EXEC=(warren exec --)

# The stock kernel, unpacked (QEMU enters it at its PVH note), with a busybox that gives a shell on the serial port.
LEAN_APPEND="console=ttyS0 quiet panic=-1 cryptomgr.notests=1"
# shellcheck disable=SC2034
LEAN=(-kernel "$WARREN_GUEST_VMLINUX" -initrd "$WARREN_GUEST_INITRD" -m 256 -append "$LEAN_APPEND")

peers_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
peers_dir=$(mktemp -d "${TMPDIR:-/tmp}/peers.XXXXXX")
: "${tap_log:=}"
trap 'peers_clean; rm -rf "$peers_dir" "$tap_log"' EXIT

# peer NAME COMMAND...: a case. With WARREN_PEER_ONLY, a pattern, only if that is in its name.
peer() {
	local name=$1
	shift
	[[ $name =~ ${WARREN_PEER_ONLY:-} ]] || set -- skip "not asked for"
	check "$name" peer_case "$@"
}

peer_case() {
	trap 'peer_over $?' EXIT
	"$@"
}

peer_over() {
	local dir
	if [ "$1" != 0 ] && [ "$1" != 77 ]; then
		for dir in "$peers_dir"/*/; do
			[ -e "$dir/serial" ] || continue
			echo "-- $(basename "$dir"): serial port, then QEMU"
			tail -n 20 "$dir/serial" | tail -c 3000
			echo
			tail -n 20 "$dir/out"
		done
	fi
	peers_clean
}

# Everything that was started, and what it left.
peers_clean() {
	local pid
	for pid in "$peers_dir"/*/pid "$peers_dir"/*/reader; do
		[ ! -e "$pid" ] || kill -9 "$(cat "$pid")" 2>/dev/null
	done
	wait
	rm -rf "${peers_dir:?}"/*/
}

# vm_start VM OPTION...
vm_start() {
	local vm=$1 dir=$peers_dir/$1
	shift
	rm -rf "$dir"
	mkdir -p "$dir"
	mkfifo "$dir/port.in" "$dir/port.out"
	: >"$dir/serial"
	cat "$dir/port.out" >>"$dir/serial" 2>/dev/null &
	echo $! >"$dir/reader"
	[ -z "${PEER_OWNER:-}" ] || chown -R "$PEER_OWNER" "$dir"
	"${PEER_EXEC[@]}" "${PEER_QEMU[@]}" -accel "$PEER_ACCEL,kernel-irqchip=$PEER_IRQCHIP" \
		-nodefaults -no-user-config -display none -name "$vm" \
		-chardev "pipe,id=port,path=$dir/port" -serial chardev:port \
		-qmp "unix:$dir/qmp,server=on,wait=off" "$@" >"$dir/out" 2>&1 </dev/null &
	echo $! >"$dir/pid"
}

vm_pid() {
	cat "$peers_dir/$1/pid"
}

vm_alive() {
	local state
	read -r _ _ state _ <"/proc/$(vm_pid "$1")/stat" && [ "$state" != Z ]
} 2>/dev/null

# vm_serial VM: all that it has said.
vm_serial() {
	tr -d '\r' <"$peers_dir/$1/serial"
}

# until_true SECONDS COMMAND...
until_true() {
	local limit=$((SECONDS + $1))
	shift
	until "$@"; do
		((SECONDS < limit)) || return 1
		sleep 0.3
	done
}

vm_said_or_gone() {
	grep -a -q -E -e "$2|Kernel panic" "$peers_dir/$1/serial" || ! vm_alive "$1"
}

# vm_wait VM PATTERN [SECONDS]
vm_wait() {
	local limit=${3:-$PEER_PATIENCE}
	until_true "$limit" vm_said_or_gone "$1" "$2" || fail "'$2' on the serial port of $1 within $limit s"
	grep -a -q -E -e "$2" "$peers_dir/$1/serial" || fail "'$2' on the serial port of $1, and neither a panic nor QEMU's end before"
}

# vm_say VM TEXT: type a line. Opened for both, so that it does not wait for a QEMU that is gone.
vm_say() {
	printf '%s\n' "$2" 1<>"$peers_dir/$1/port.in"
}

# vm_run VM COMMAND [SECONDS]: in the shell on its serial port; prints the output, returns the status.
vm_run() {
	local vm=$1 command=$2 mark=$RANDOM$RANDOM
	vm_say "$vm" "echo peer-'begin' $mark; $command; echo peer-'done' $mark \$?"
	vm_wait "$vm" "peer-done $mark [0-9]" "${3:-}"
	vm_serial "$vm" | sed -n "/peer-begin $mark/,/peer-done $mark/p" | sed -e 1d -e '/peer-done /d'
	return "$(vm_serial "$vm" | sed -n "s/.*peer-done $mark \([0-9]*\).*/\1/p" | tail -n 1)"
}

# vm_ends VM [SECONDS]: QEMU goes by itself, with status 0.
vm_ends() {
	local status=0
	until_true "${2:-$PEER_PATIENCE}" vm_gone "$1" || fail "the QEMU of $1 to end"
	wait "$(vm_pid "$1")" || status=$?
	[ "$status" = 0 ] || fail "status 0 of the QEMU of $1, not $status"
}

vm_gone() {
	! vm_alive "$1"
}

# qmp VM JSON: print the answer; fails when that is an error.
qmp() {
	until_true "$PEER_PATIENCE" test -S "$peers_dir/$1/qmp" || fail "a monitor of $1"
	perl "$peers_here/qmp.pl" "$peers_dir/$1/qmp" "$2"
}

# hmp VM WORD...: the monitor for people.
hmp() {
	local vm=$1
	shift
	until_true "$PEER_PATIENCE" test -S "$peers_dir/$vm/qmp" || fail "a monitor of $vm"
	perl "$peers_here/qmp.pl" "$peers_dir/$vm/qmp" --hmp "$*"
}

vm_quit() {
	hmp "$1" quit
	vm_ends "$1" 60
}
