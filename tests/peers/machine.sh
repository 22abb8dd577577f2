# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Cases with the small guest that more than one subject has. Sourced after lib.sh, whose variables they set.
# shellcheck disable=SC2034

: "${peers_dir:=}" "${peers_here:=}"

# boots IRQCHIP CPUS OPTION...
boots() {
	PEER_IRQCHIP=$1
	vm_start a "${LEAN[@]}" -smp "$2" "${@:3}"
	vm_wait a "guest: ready \\($2 CPUs"
	vm_say a 'poweroff -f'
	vm_ends a
}

# works VM: it writes files and reads them back while it is moved about; their sums, and how many there were.
# shellcheck disable=SC2016
works() {
	vm_run "$1" 'cd /tmp; dd if=/dev/urandom of=seed bs=64k count=4 2>/dev/null; sum=$(cat seed seed seed seed | sha256sum)'
	vm_run "$1" 'once() { cat seed seed seed seed >copy; [ "$(sha256sum <copy)" = "$sum" ] || echo bad >>bad; }'
	vm_run "$1" 'work() { n=0; while :; do once; n=$((n + 1)); echo $n >count; done; }'
	vm_run "$1" 'work & sleep 1'
	vm_run "$1" '[ -s count ]' || fail "the guest to work"
}

is_running() {
	hmp "$1" info status | grep -q 'VM status: running'
}

# arrived VM: what is typed before is lost, the serial port's state being one of those that come.
arrived() {
	until_true "$PEER_PATIENCE" is_running "$1" || fail "$1 to run"
}

# still_works VM: after a move.
# shellcheck disable=SC2016
still_works() {
	vm_run "$1" 'n=$(cat count); sleep 3; [ "$(cat count)" -gt "$n" ]' || fail "the guest to work on"
	vm_run "$1" '[ ! -e bad ]' || fail "the guest's sums to hold"
}

saves() {
	qemu-img create -q -f qcow2 "$peers_dir/disk" 64M
	vm_start a "${LEAN[@]}" -smp 2 -M q35 -cpu host -drive "if=virtio,format=qcow2,file=$peers_dir/disk"
	vm_wait a 'guest: ready'
	works a
	vm_run a 'echo before >state'
	hmp a savevm one
	vm_run a 'echo after >state'
	hmp a loadvm one
	vm_run a 'grep before state' || fail "the state from before"
	still_works a
	vm_quit a
}

migrated() {
	hmp "$1" info migrate | grep -q 'status: \(completed\|failed\)'
}

# migrate_to VM WHERE: away from there, completely.
migrate_to() {
	hmp "$1" migrate_set_parameter downtime-limit 5000
	hmp "$1" "migrate -d \"$2\""
	until_true "$PEER_PATIENCE" migrated "$1" || fail "the migration to end"
	hmp "$1" info migrate
	hmp "$1" info migrate | grep -q 'status: completed' || fail "the migration to succeed"
}

# moves_by_file OPTION...: out of one QEMU, and into another one.
moves_by_file() {
	vm_start a "${LEAN[@]}" "$@"
	vm_wait a 'guest: ready'
	works a
	migrate_to a "exec:cat >$peers_dir/state"
	vm_quit a
	vm_start b "${LEAN[@]}" "$@" -incoming "exec:cat $peers_dir/state"
	arrived b
	still_works b
	vm_quit b
}

moves_alive() {
	vm_start a "${LEAN[@]}" "$@"
	vm_wait a 'guest: ready'
	works a
	vm_start b "${LEAN[@]}" "$@" -incoming "unix:$peers_dir/moving"
	until_true "$PEER_PATIENCE" test -S "$peers_dir/moving" || fail "b to listen"
	migrate_to a "unix:$peers_dir/moving"
	hmp a info migrate | grep -q '^dirty sync count: [2-9]' || fail "more than one pass over memory"
	vm_quit a
	arrived b
	still_works b
	vm_quit b
}

# A firmware of few words, at f000:e000: xor ax,ax; mov ds,ax; inc ax; inc ax; mov [0x7e00],ax; 1: inc ax; jmp 1b; and at
# f000:e00c, where a debugger can take it: mov ax,[0x7e00]; jmp 1b
firmware() {
	{
		head -c $((0xe000)) /dev/zero
		printf '\x31\xc0\x8e\xd8\x40\x40\xa3\x00\x7e\x40\xeb\xfd\xa1\x00\x7e\xeb\xf8'
		head -c $((0x1ff0 - 17)) /dev/zero
		printf '\xea\x00\xe0\x00\xf0'
		head -c 11 /dev/zero
	} >"$1"
}

# answered LINE: by the gdbstub.
answered() {
	grep -q -F -x -e "$1" "$peers_dir/answers" || fail "the answer '$1', not: $(cat "$peers_dir/answers")"
}

debugger() {
	perl "$peers_here/rsp.pl" "$peers_dir/gdb" "$@" >"$peers_dir/answers" && return
	cat "$peers_dir/answers"
	hmp a info registers | grep -e IP= -e DR
	fail "an answer to each of: $*"
}

# stopped_firmware: before its first instruction.
stopped_firmware() {
	firmware "$peers_dir/firmware"
	vm_start a -m 32 -M pc -cpu host -S -bios "$peers_dir/firmware" \
		-chardev "socket,id=gdb,path=$peers_dir/gdb,server=on,wait=off" -gdb chardev:gdb
	until_true "$PEER_PATIENCE" test -S "$peers_dir/gdb" || fail "a gdbstub"
}

# From -S: attach, step, break, go on, interrupt; the monitor agrees. Breakpoints in software.
debugs() {
	stopped_firmware
	hmp a info status | grep -q paused || fail "a machine that has not started"
	hmp a info registers | grep -q 'EIP=0000fff0' || fail "the reset vector"
	debugger '?' s p10 Z0,fe004,1 c p10 z0,fe004,1 s p10 p0
	answered 'p10 00e0000000000000'
	answered 'p10 04e0000000000000'
	answered 'p10 05e0000000000000'
	answered 'p0 0100000000000000'
	hmp a info registers | grep -q 'EIP=0000e005' || fail "the monitor to see where it stands"
	debugger s s p10 Z0,fe00a,1 c p10 p0 m7e00,2 z0,fe00a,1 'c&' -1 ^C p10 D
	answered 'p10 09e0000000000000'
	answered 'p10 0ae0000000000000'
	answered 'p0 0300000000000000'
	answered 'm7e00,2 0200'
	grep -q -E '^\^C T0[25]' "$peers_dir/answers" || fail "a stop by the interrupt"
	vm_quit a
}

# stops PLACE...: the low byte of IP at each look, in order.
stops() {
	local seen
	seen=$(sed -n 's/^p10 \(..\)e0.*/\1/p' "$peers_dir/answers" | tr '\n' ' ')
	[ "$seen" = "$* " ] || fail "stops at $*, not $seen: $(cat "$peers_dir/answers")"
}

# By the CPU's debug registers: two breakpoints and a step from one, one that is met each time round, watchpoints of writes and of
# any access. A breakpoint stops before its instruction, a watchpoint behind it; what was taken away does not come. P needs a stub
# that was asked for its registers' names.
debugs_by_registers() {
	[ "$WARREN_VENDOR $WARREN_EMULATOR" != "svm qemu" ] || skip "QEMU's AMD-V does not arm the breakpoints of a guest's DR7"
	stopped_firmware
	debugger Z1,fe004,1 Z1,fe00a,1 c p10 z1,fe004,1 s p10 c p10 z1,fe00a,1 Z1,fe009,1 c p10 z1,fe009,1 s p10
	stops 04 05 0a 09 0a
	debugger qXfer:features:read:target.xml:0,4 P10=00e0000000000000 Z2,7e00,2 c p10 \
		P10=0ce0000000000000 Z1,fe009,1 c p10 z1,fe009,1 z2,7e00,2 P10=0ce0000000000000 Z4,7e00,2 c p10 z4,7e00,2 s p10 D
	stops 09 09 0f 09
	answered 'c T05thread:01;watch:0000000000007e00;'
	answered 'c T05thread:01;'
	answered 'c T05thread:01;awatch:0000000000007e00;'
	vm_quit a
}

# As somebody who may open the device and nothing else.
ordinary_user() {
	local me=(--reuid=65534 --regid=65534 --clear-groups)
	chmod 666 "$WARREN_DEVICE"
	chmod 755 "$peers_dir"
	cp "$WARREN_GUEST_VMLINUX" "$peers_dir/vmlinux"
	cp "$WARREN_GUEST_INITRD" "$peers_dir/initrd"
	PEER_EXEC=(setpriv "${me[@]}")
	if [ "$WARREN_HV" != kvm ]; then
		cp "$(command -v warren)" "$peers_dir/warren"
		PEER_EXEC+=("$peers_dir/warren" exec --)
	fi
	PEER_OWNER=65534
	vm_start a -kernel "$peers_dir/vmlinux" -initrd "$peers_dir/initrd" -m 256 -append "$LEAN_APPEND" -M q35 -cpu host
	vm_wait a 'guest: ready'
	grep -q '^Uid:.*65534.*65534' "/proc/$(vm_pid a)/status" || fail "a QEMU of nobody's"
	vm_say a 'poweroff -f'
	vm_ends a
}

# The guest sees a CPU come.
# shellcheck disable=SC2016
plugs_cpu() {
	vm_start a "${LEAN[@]}" -smp 1,sockets=2,cores=1,threads=1,maxcpus=2 -M q35 -cpu host
	vm_wait a 'guest: ready \(1 CPUs'
	hmp a device_add host-x86_64-cpu,id=second,socket-id=1,core-id=0,thread-id=0
	vm_run a 'cpu=/sys/devices/system/cpu/cpu1; until [ -e $cpu/online ]; do sleep 1; done'
	vm_run a 'grep 1 $cpu/online || echo 1 >$cpu/online; [ $(nproc) = 2 ]' || fail "two CPUs in the guest"
	vm_quit a
}

# memory BACKEND-OPTIONS: guest memory that is not anonymous.
memory() {
	vm_start a "${LEAN[@]}" -smp 2 -object "$1,id=memory,size=256M" -M q35,memory-backend=memory -cpu host
	vm_wait a 'guest: ready'
	works a
	still_works a
	vm_quit a
}

hugetlb() {
	echo 140 >/proc/sys/vm/nr_hugepages
	[ "$(cat /proc/sys/vm/nr_hugepages)" -ge 128 ] || skip "no 128 huge pages on this host"
	memory memory-backend-memfd,hugetlb=on,hugetlbsize=2M
	echo 0 >/proc/sys/vm/nr_hugepages
}
