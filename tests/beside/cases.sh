#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Guests of Warren beside guests of KVM, inside an emulated host in which neither is loaded. In the environment:
#
#   BESIDE_SECONDS  of each case (default: 8)
#   BESIDE_OTHER    kvm: no Warren at all, its part is KVM's too: what passes here is right, and is expected to
#   BESIDE_KVM      parameters for kvm.ko
#   BESIDE_LINUX    also boot Linux on both

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/tap.sh
. "$here/../lib/tap.sh"
# shellcheck source=tests/lib/guest.sh
. "$here/../lib/guest.sh"

beside=$WARREN_BUILD/tests/beside/beside
seconds=${BESIDE_SECONDS:-8}
power=/sys/module/warren_power/parameters
other=/dev/warren
[ "${BESIDE_OTHER:-}" != kvm ] || other=/dev/kvm
work=$(mktemp -d "${TMPDIR:-/tmp}/beside.XXXXXX")
msrs=$work.msrs rounds=$work.rounds
trap 'rm -rf "$tap_log" "$guest_output" "$work" "$msrs" "$rounds"' EXIT

# Modules

kvm_module() {
	if [ "$WARREN_VENDOR" = vmx ]; then echo kvm_intel; else echo kvm_amd; fi
}

# shellcheck disable=SC2086
kvm_on() {
	local module nested=npt
	module=$(kvm_module)
	[ "$WARREN_VENDOR" != vmx ] || nested=ept
	[ ! -d "/sys/module/$module" ] || return 0
	modprobe kvm ${BESIDE_KVM:-} || fail "that kvm.ko can be loaded"
	modprobe "$module" "$nested=$([ "$WARREN_PAGING" != shadow ]; echo $((!$?)))" || fail "that $module can be loaded"
	[ -e /dev/kvm ] || fail "a /dev/kvm"
}

# A machine's end may take a moment.
unload() {
	local _
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		[ -d "/sys/module/$1" ] || return 0
		rmmod "$1" 2>/dev/null && return 0
		sleep 0.2
	done
	rmmod "$1"
}

kvm_off() {
	unload "$(kvm_module)" || fail "that $(kvm_module) can be unloaded"
	unload kvm || fail "that kvm can be unloaded"
}

# shellcheck disable=SC2086
warren_on() {
	if [ "$other" = /dev/kvm ]; then
		kvm_on
	elif [ ! -d /sys/module/warren ]; then
		insmod "$WARREN_MODULE" $WARREN_MODULE_PARAMS || fail "that Warren can be loaded"
	fi
}

warren_off() {
	[ "$other" = /dev/kvm ] && return
	unload warren || fail "that Warren can be unloaded"
}

# Guests: pids has the processes of those that run now, $work what they say.

declare -A pids

begin() {
	local name=$1
	shift
	timeout -k 5 $((seconds * 8 + 200)) "$beside" -b "$msrs" -s "$seconds" "$@" >"$work/$name" 2>&1 &
	pids[$name]=$!
}

# Two processes for each
begin_kvm() {
	begin kvm-1 "$@" /dev/kvm:1
	begin kvm-2 "$@" /dev/kvm:2
}

begin_warren() {
	begin warren-1 "$@" "$other:11"
	begin warren-2 "$@" "$other:12"
}

# One process that has both
begin_both() {
	begin both "$@" /dev/kvm:21 "$other:22"
}

alive() {
	local name
	for name in "${!pids[@]}"; do
		! kill -0 "${pids[$name]}" 2>/dev/null || return 0
	done
	return 1
}

stop() {
	local name
	for name in "${!pids[@]}"; do
		kill "${pids[$name]}" 2>/dev/null
	done
	wait
	rm -f "$work"/*
	# What failed leaves nothing to the next case.
	for name in warren "$(kvm_module)" kvm; do
		[ ! -d "/sys/module/$name" ] || unload "$name"
	done
}

# All have ended well, and nobody waited for the others: a twentieth of the most rounds is the least.
end() {
	local name status failed=''
	for name in "${!pids[@]}"; do
		status=0
		wait "${pids[$name]}" || status=$?
		[ "$status" = 0 ] || failed+=" $name ($status)"
		unset "pids[$name]"
	done
	cat "$work"/*
	[ -z "$failed" ] || fail "status 0 of all, not of$failed"
	grep -h ' rounds ' "$work"/* | awk '
		$4 > most { most = $4 }
		NR == 1 || $4 < least { least = $4 }
		END { exit !(NR && least * 20 >= most) }' || fail "progress of all"
	# DEVICE SEED rounds N machines N pause MS ...
	grep -h ' rounds ' "$work"/* | awk -v name="$case" '
		{ text = text (NR > 1 ? ", " : "") $1 " " $2 " " $4 " in " $6 }
		END { print "# " name ": " text }' >>"$rounds"
	rm -f "$work"/*
}

# Machines of one kind for a moment: short KIND
short() {
	if [ "$1" = kvm ]; then
		"$beside" -b "$msrs" -s 1 /dev/kvm:5 /dev/kvm:6
	else
		"$beside" -b "$msrs" -s 1 "$other:15" "$other:16"
	fi
}

# Nothing of the host's is left changed.
same_host() {
	warren_off
	kvm_off
	"$beside" -C "$msrs" || fail "the host's MSRs as they were"
}

# Cases. Each is run in a subshell, by check; nothing is loaded before and after.

case_of() {
	case=$*
	trap stop EXIT
	"$@"
	same_host
}

kvm_first() {
	kvm_on
	warren_on
	begin_kvm "$@"
	sleep 1
	begin_warren "$@"
	begin_both "$@"
	end
}

warren_first() {
	warren_on
	begin_warren "$@"
	sleep 1
	kvm_on
	begin_kvm "$@"
	begin_both "$@"
	end
}

# begin_..., and while those run, again and again: on, a few machines, off.
around() {
	local kind=$1 count=0
	while alive; do
		"${kind}_on"
		short "$kind" || fail "that $kind's machines run"
		"${kind}_off"
		count=$((count + 1))
	done
	echo "$kind was loaded and unloaded $count times"
}

kvm_around() {
	warren_on
	[ "$other" != /dev/kvm ] || skip "there is nothing but KVM"
	begin_warren
	around kvm
	end
}

warren_around() {
	[ "$other" != /dev/kvm ] || skip "there is nothing but KVM"
	kvm_on
	begin_kvm
	around warren
	end
}

# KVM's first machine turns virtualization on, and its last one off, where it does not do that when it is loaded.
kvm_comes_and_goes() {
	kvm_on
	warren_on
	begin_warren
	begin kvm -r 2 /dev/kvm:1
	end
}

warren_comes_and_goes() {
	kvm_on
	warren_on
	begin_kvm
	begin warren -r 2 "$other:11"
	end
}

both_come_and_go() {
	kvm_on
	warren_on
	begin kvm -r 2 /dev/kvm:1
	begin warren -r 3 "$other:11"
	begin both -r 5 /dev/kvm:21 "$other:22"
	end
}

cpu_online() {
	echo "$1" >/sys/devices/system/cpu/cpu1/online
}

hotplug() {
	local count=0
	[ -w /sys/devices/system/cpu/cpu1/online ] || skip "this host has one CPU"
	kvm_on
	warren_on
	begin_kvm
	begin_warren
	while alive; do
		cpu_online 0 || fail "that a CPU goes"
		sleep 0.3
		echo 20 >"$power/suspend" || fail "that the host suspends"
		cpu_online 1 || fail "that a CPU comes"
		sleep 0.3
		count=$((count + 1))
	done
	echo "CPU 1 went and came, and the other one suspended meanwhile, $count times"
	end
}

# linux_on DEVICE: a stock kernel on that one
linux_on() {
	WARREN_DEVICE=$1
	guest_output=$(mktemp "$work.XXXXXX")
	linux 1 128M "forks 3; touch_memory 32 3; fpu 2" >/dev/null
	(expect_success) || {
		tail -n 30 "$guest_output"
		exit 1
	}
}

both_linux() {
	local kvm warren
	[ -n "${BESIDE_LINUX:-}" ] || skip "BESIDE_LINUX is not set"
	kvm_on
	warren_on
	(linux_on /dev/kvm) &
	kvm=$!
	(linux_on "$other") &
	warren=$!
	wait "$kvm" || fail "that KVM's Linux is well"
	wait "$warren" || fail "that Warren's Linux is well"
}

modprobe msr || echo "# no msr.ko"
insmod /run/warren-host/warren-power.ko
"$beside" -S "$msrs"

plan 10
check "KVM first, then Warren" case_of kvm_first
check "Warren first, then KVM is loaded" case_of warren_first
check "all on one CPU" case_of kvm_first -c 0
check "KVM is loaded and unloaded while Warren runs" case_of kvm_around
check "Warren is loaded and unloaded while KVM runs" case_of warren_around
check "KVM's machines come and go while Warren's run" case_of kvm_comes_and_goes
check "Warren's machines come and go while KVM's run" case_of warren_comes_and_goes
check "machines of both come and go" case_of both_come_and_go
check "a CPU goes and comes, and the host suspends and resumes, while both run" case_of hotplug
check "Linux on both" case_of both_linux
echo "# Rounds of each guest, in how many machines"
cat "$rounds"
finish
