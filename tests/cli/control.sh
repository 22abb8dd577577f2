#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Tests of configuration files, warren exec, console, stop and autostart, TAP. Anywhere: messages and
# files. Where WARREN_DEVICE names a hypervisor device (in tests/host/run): with guests, too.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=tests/lib/tap.sh
. "$root/tests/lib/tap.sh"
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"

export HOME=$work/home
unset XDG_CONFIG_HOME NOTIFY_SOCKET WARREN_RUNTIME_DIR
mkdir -p "$HOME/.config/warren"
configs=$HOME/.config/warren

# golden_err NAME: what came on standard error, less the names of temporary places.
golden_err() {
	sed "s#$work#TMP#g" "$work/err" >"$work/out"
	golden "$1"
}

# --- messages

test_help() {
	local name
	for name in exec console stop autostart; do
		status_of "$warren" "$name" --help
		expect_status 0
		golden "help-$name"
	done
}

test_usage() {
	status_of "$warren" exec
	expect_status 125
	expect_err "which command?"
	status_of "$warren" console
	expect_status 2
	expect_err "which VM?"
	status_of "$warren" stop a b
	expect_status 2
	status_of "$warren" stop --timeout soon a
	expect_status 2
	expect_err "is not a number from 0"
	status_of "$warren" run --kernel /dev/null --name 1st
	expect_status 2
	expect_err "'1st' is no name"
	status_of "$warren" run ../../etc/passwd
	expect_status 2
	expect_err "is no name"
	status_of "$warren" run --kernel /dev/null --log "$work/log"
	expect_status 2
	expect_err "--log goes with --detach"
}

test_exec_errors() {
	status_of "$warren" exec --device "$work/none" true
	expect_status 125
	expect_err "cannot open $work/none: No such file"
	status_of "$warren" exec --device /dev/null -- true
	expect_status 125
	expect_err "does not speak version 12"
}

# --- configuration files

# Each kind of mistake there is.
test_mistakes() {
	{
		cat <<-'FILE'
			; a file in which nothing is right
			kernel = vmlinuz
			initrd =
			initrd = /boot/initrd.img
			cpus = many
			cpus = 4
			memory = 12Q
			autostart = maybe
			kernal = /boot/vmlinuz
			KERNEL = /boot/vmlinuz
			just words
			= value
			[disk root]
			path = /dev/sda
			[network]
			[machine]
			[oops
		FILE
		printf 'cmd\0line = x\n'
	} >"$configs/wrong.conf"
	{
		echo "cpus = 2"
		echo "  4"
		echo "cpus = 300"
		printf 'cmdline = %0300d\n' 0
		echo "memory = 1000"
		echo "autostart = yes # no comment"
	} >"$configs/more.conf"
	status_of "$warren" run wrong
	expect_status 2
	golden_err config-wrong
	status_of "$warren" run more
	expect_status 2
	golden_err config-more
}

test_no_config() {
	status_of "$warren" run nowhere
	expect_status 2
	golden_err config-none
	echo "cpus = 1" >"$configs/half.conf"
	status_of "$warren" run half
	expect_status 2
	expect_err "half.conf: expected a line kernel = FILE"
	mkdir -p "$configs/dir.conf"
	status_of "$warren" run dir
	expect_status 2
	expect_err "expected a file"
	head -c 70000 /dev/zero | tr '\0' ' ' >"$configs/big.conf"
	status_of "$warren" run big
	expect_status 2
	expect_err "at most 64K"
}

# The command line comes before the file: what the file says is refused, what it says instead is not.
test_override() {
	printf 'kernel = /nowhere/vmlinuz\nmemory = 64M\n' >"$configs/over.conf"
	status_of "$warren" run over --device /dev/null
	expect_status 1
	expect_err "/dev/null does not speak"
}

# --- autostart, units

# A systemctl that writes down what it is asked for.
fake_systemctl() {
	mkdir -p "$work/bin"
	cat >"$work/bin/systemctl" <<-SCRIPT
		#!/bin/sh
		echo "\$@" >>"$work/calls"
		case \$* in *broken*) exit 1 ;; esac
	SCRIPT
	chmod +x "$work/bin/systemctl"
	: >"$work/calls"
}

test_autostart() {
	local dir=$work/etc
	fake_systemctl
	mkdir -p "$dir"
	echo "autostart = yes" | tee "$dir/web.conf" "$dir/mail-2.conf" >"$dir/.hidden.conf"
	echo "autostart = no" >"$dir/off.conf"
	echo "autostart = yes" >"$dir/README"
	PATH=$work/bin:$PATH status_of "$warren" autostart --directory "$dir"
	expect_status 0
	diff "$work/calls" - <<-CALLS || fail "these services to be started"
		start --no-block warren@mail-2.service
		start --no-block warren@web.service
	CALLS
	status_of "$warren" autostart --directory "$dir" --list
	expect_status 0
	[ "$(cat "$work/out")" = $'mail-2\nweb' ] || fail "two names"
	# One that is wrong, or cannot be started, does not keep the others from it.
	echo "autostart = perhaps" >"$dir/bad.conf"
	echo "autostart = yes" | tee "$dir/broken.conf" >"$dir/9lives.conf"
	: >"$work/calls"
	PATH=$work/bin:$PATH status_of "$warren" autostart --directory "$dir"
	expect_status 1
	expect_err "bad.conf:1: autostart = perhaps: expected yes or no"
	expect_err "cannot start warren@broken.service"
	expect_err "9lives.conf: expected a name"
	grep -q 'warren@web' "$work/calls" || fail "the others to be started"
	status_of "$warren" autostart --directory "$work/none"
	expect_status 0
}

test_units() {
	local units=$work/units unit
	command -v systemd-analyze >/dev/null || skip "no systemd-analyze"
	mkdir -p "$units"
	for unit in "$root"/userspace-cli/systemd/*.service; do
		# It looks for the program, too.
		sed 's#/usr/bin/warren#/bin/true#' "$unit" >"$units/${unit##*/}"
	done
	ln -s warren@.service "$units/warren@web.service"
	status_of systemd-analyze verify --man=no "$units/warren@web.service" \
		"$units/warren-autostart.service"
	expect_status 0
	[ ! -s "$work/err" ] || { cat "$work/err"; fail "nothing to complain about"; }
}

# --- warren exec, on a device

as_user() {
	setpriv --reuid 1000 --regid 1000 --clear-groups env HOME="$HOME" "$@"
}

# for_user: from now on the programs lie where a user can run them.
for_user() {
	mkdir -p "$work/user"
	cp "$warren" "$bin/kvm" "$bin/pty" "$console" "$work/user/"
	warren=$work/user/warren bin=$work/user console=$work/user/console.elf
	chmod 755 "$work" "$work/user" "$HOME"
}

# Open to a user, as a group would be in earnest.
open_to_user() {
	chmod 666 "$WARREN_DEVICE"
	for_user
}

expect_warren() {
	[ "$(cat "$work/out")" = Warren ] || { cat "$work/out" "$work/err"; fail "Warren"; }
	expect_status 42
}

# gives_warren [RUNNER...]: with or without a /dev/kvm on the host, which does not notice.
gives_warren() {
	local before
	# As a host with systemd has it: mounts spread where nobody says otherwise.
	mount --make-rshared /
	rm -f /dev/kvm
	before=$(find /dev -maxdepth 1 | sort)
	status_of "$@" "$warren" exec -- "$bin/kvm"
	expect_warren
	[ "$(find /dev -maxdepth 1 | sort)" = "$before" ] || fail "the host's /dev as it was"
	touch /dev/kvm
	status_of "$@" "$warren" exec "$bin/kvm"
	expect_warren
	[ -f /dev/kvm ] || fail "the host's /dev/kvm as it was"
	! grep -q /dev/kvm /proc/mounts || fail "no mount on the host"
	rm /dev/kvm
}

test_exec_root() {
	gives_warren env
}

test_exec_user() {
	open_to_user
	gives_warren as_user
	status_of as_user "$warren" exec -- sh -c 'id -u; id -g; grep CapEff /proc/self/status'
	expect_status 0
	[ "$(tr -d '\t' <"$work/out")" = $'1000\n1000\nCapEff:0000000000000000' ] ||
		fail "the user's own ids and no capabilities"
}

# Devices, terminals and shared memory are there in a copied /dev as well.
test_exec_devices() {
	status_of "$warren" exec -- sh -c 'echo x >/dev/null && echo y >/dev/shm/warren-test &&
		[ -c /dev/urandom ] && [ -L /dev/stdin ] && ls /dev/pts/ptmx'
	expect_status 0
	[ -e /dev/shm/warren-test ] || fail "the same /dev/shm"
	rm /dev/shm/warren-test
	status_of "$bin/pty" expect ready -- "$warren" exec -- sh -c 'tty && echo ready </dev/tty'
	expect_status 0
}

test_exec_status() {
	status_of "$warren" exec -- sh -c 'exit 7'
	expect_status 7
	status_of "$warren" exec -- sh -c 'kill -TERM $$'
	expect_status 143
	status_of "$warren" exec -- "$work/none"
	expect_status 127
	expect_err "cannot run $work/none: No such file"
	status_of "$warren" exec -- /
	expect_status 126
	status_of "$warren" exec -- echo --help -x
	expect_status 0
	expect_out '^--help -x$'
}

test_exec_refused() {
	local max=/proc/sys/user/max_user_namespaces before
	for_user
	chmod 600 "$WARREN_DEVICE"
	status_of as_user "$warren" exec -- true
	expect_status 125
	expect_err "cannot open /dev/warren: Permission denied"
	chmod 666 "$WARREN_DEVICE"
	before=$(cat "$max")
	echo 0 >"$max"
	status_of as_user "$warren" exec -- true
	echo "$before" >"$max"
	expect_status 125
	expect_err "cannot make a user namespace"
	expect_err "sudo sysctl user.max_user_namespaces=1000"
}

# --- guests: each a small one that answers on its console

# start NAME [ARGUMENT...]: in the background; sets id.
start() {
	local name=$1
	shift
	# A test that failed may have left it behind.
	"$warren" stop --timeout 0 "$name" >/dev/null 2>&1
	id=$("$warren" run --device "$WARREN_DEVICE" --kernel "$console" --memory 16M --name "$name" \
		--timeout 100 --detach "$@") || fail "the guest $name to run"
}

# wait_for TEXT: until a guest in the background, or what stands for one, has printed it.
wait_for() {
	local tries
	for tries in {1..300}; do
		! grep -q "$1" "$work/guest" || return 0
		sleep 0.1
	done
	cat "$work/guest"
	fail "'$1' within $((tries / 10)) s"
}

# The console's user goes when the first line has been seen; then nobody is attached.
attached() {
	status_of env PTY_TIMEOUT=60 "$bin/pty" "$@"
}

nothing_left() {
	local left
	left=$(find /run/warren -name '*.sock' 2>/dev/null)
	[ -z "$left" ] || fail "no socket to be left: $left"
}

test_console() {
	start web
	attached raw expect 'attached to' expect 'micro: ready' send 'x' expect '[x]' \
		send '\x01h' expect 'Ctrl-a d' send '\x01d' -- "$warren" console web
	expect_status 0
	expect_out 'detached from '
	# Again, by its number; what was printed is shown, Ctrl-a goes through, x does not end it.
	attached expect '[x]' send '\x01x\x01\x01' expect $'[\x01]' send '\x01d' -- "$warren" console "$id"
	expect_status 0
	attached expect 'attached' send '\x01p' expect 'has ended, with status 0' -- "$warren" console web
	expect_status 0
	nothing_left
}

test_one_attached() {
	start web
	"$bin/pty" expect 'micro: ready' send 'y' expect '[y]' sleep 3000 send '\x01d' -- \
		"$warren" console web >"$work/guest" 2>&1 &
	wait_for '\[y\]'
	status_of timeout 20 "$warren" console web
	expect_status 1
	expect_err "somebody else is attached to the console"
	wait $! || fail "the first to stay attached"
	status_of "$warren" stop web
	expect_status 0
}

test_console_signals() {
	local signal
	start web
	for signal in 15 1 11; do
		attached raw signal "$signal" -- "$warren" console web
		expect_status $((128 + signal))
	done
	status_of "$warren" stop --timeout 0 web
	expect_status 0
}

# Who attaches and does not read, or is stopped, does not hold back a guest that prints for ever.
test_slow_console() {
	start web
	attached expect 'micro: ready' send 'f' stall 3000 send '\x01d' -- "$warren" console web
	expect_status 0
	"$warren" console web </dev/null >"$work/pipe" 2>/dev/null &
	sleep 0.5
	kill -STOP $!
	sleep 1
	status_of timeout 20 "$warren" stop web
	kill -KILL $!
	expect_status 0
	nothing_left
}

test_stop() {
	"$warren" run --device "$WARREN_DEVICE" --kernel "$console" --memory 16M --name web \
		</dev/null >"$work/guest" 2>&1 &
	wait_for ready
	status_of "$warren" stop web
	expect_status 0
	wait $! || fail "status 0 of warren run"
	nothing_left
}

test_stop_force() {
	local run started ended
	"$warren" run --device "$WARREN_DEVICE" --kernel "$console" --memory 16M --name web \
		</dev/null >"$work/guest" 2>&1 &
	run=$!
	wait_for ready
	attached send 'i' expect '[i]' send '\x01d' -- "$warren" console web
	started=$SECONDS
	status_of "$warren" stop --timeout 2 web
	ended=$SECONDS
	expect_status 6
	expect_err "has not powered off within 2 s: its power is cut"
	((ended - started >= 2)) || fail "2 seconds to pass"
	status=0
	wait "$run" || status=$?
	expect_status 5
	nothing_left
}

test_killed() {
	local pid
	start web
	pid=$(pgrep -f -- "--name web --timeout 100 --detach")
	kill -KILL "$pid"
	while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
	# Its socket is there still, and in nobody's way.
	status_of "$warren" stop web
	expect_status 7
	expect_err "VM 'web'"
	nothing_left
	start web
	status_of "$warren" stop web
	expect_status 0
}

test_name_taken() {
	start web
	status_of "$warren" run --device "$WARREN_DEVICE" --kernel "$console" --memory 16M --name web --timeout 20
	expect_status 1
	expect_err "web"
	status_of "$warren" run --device "$WARREN_DEVICE" --kernel "$console" --memory 16M --name web --detach
	expect_status 1
	status_of "$warren" stop web
	expect_status 0
	# As soon as it is stopped its name is free.
	start web
	status_of "$warren" stop web
	expect_status 0
}

test_config_run() {
	printf 'kernel = %s\nmemory = 16M\n' "$console" >"$configs/conf.conf"
	status_of "$warren" run conf --detach --memory 32M
	expect_status 0
	status_of "$warren" ps
	expect_out ' conf .* 32M '
	status_of "$warren" run conf --timeout 20
	expect_status 1
	status_of "$warren" stop conf
	expect_status 0
}

# Clients of the socket that are no clients.
test_hostile() {
	start web
	attached send 'f' expect 'again' send '\x01d' -- "$warren" console web
	perl -e '
		use Socket;
		my ($path) = glob("/run/warren/vm-*.sock");
		my @all;
		for my $n (1 .. 60) {
			socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die;
			connect($s, sockaddr_un($path)) or die "$path: $!";
			send($s, join("", map { chr(rand(256)) } 1 .. rand(1000)), MSG_DONTWAIT | MSG_NOSIGNAL);
			push @all, $s if $n % 3;
		}
		# Hello, attach, and never a word of the answers taken; half a request after it.
		socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die;
		connect($s, sockaddr_un($path)) or die;
		send($s, pack("SS LLL a64 SS S", 1, 76, 1, 0, 0, "", 6, 0, 8), 0);
		for (my $there = ""; length($there) < 84;) {
			recv($s, $there, 200, MSG_PEEK);
		}
		$| = 1;
		print "there\n";
		sleep 100;
	' >"$work/guest" 2>&1 &
	wait_for there
	status_of timeout 30 "$warren" console web
	expect_status 1
	expect_err "somebody else is attached"
	status_of timeout 30 "$warren" stop web
	expect_status 0
	kill $!
	nothing_left
}

# A user's VM is out of other users' reach, but not out of root's.
test_users() {
	open_to_user
	as_user "$warren" run --device "$WARREN_DEVICE" --kernel "$console" --memory 16M --name mine \
		</dev/null >"$work/guest" 2>&1 &
	wait_for ready
	[ "$(stat -c '%u %a' /tmp/warren-1000)" = '1000 700' ] || fail "a directory of the user's own"
	status_of setpriv --reuid 1001 --regid 1001 --clear-groups "$warren" stop mine
	expect_status 7
	# Not even where the socket itself is open to all.
	chmod 755 /tmp/warren-1000
	chmod 666 /tmp/warren-1000/*.sock
	status_of setpriv --reuid 1001 --regid 1001 --clear-groups perl -e '
		use Socket;
		my ($path) = glob("/tmp/warren-1000/*.sock");
		socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die;
		connect($s, sockaddr_un($path)) or die "$path: $!";
		send($s, pack("SS LLL a64 SS", 1, 76, 1, 0, 0, "", 9, 0), MSG_NOSIGNAL);
		print "answered" if sysread($s, my $answer, 1)'
	expect_status 0
	[ ! -s "$work/out" ] || fail "no answer to another user"
	attached expect 'attached to' send '\x01d' -- \
		setpriv --reuid 1000 --regid 1000 --clear-groups "$warren" console mine
	expect_status 0
	status_of "$warren" stop mine
	expect_status 0
	wait $!
	start roots
	status_of as_user "$warren" stop roots
	expect_status 7
	status_of "$warren" stop roots
	expect_status 0
}

# The guest goes on when the reader of a console does not.
test_gone_reader() {
	start web
	attached send 'f' expect 'again' send '\x01d' -- "$warren" console web
	timeout 20 "$warren" console web </dev/null 2>/dev/null | head -n 5 >"$work/lines"
	[ "$(wc -l <"$work/lines")" = 5 ] || fail "five lines"
	status_of timeout 20 "$warren" stop web
	expect_status 0
}

# Not one of warren run: another monitor's.
test_other_monitor() {
	"$warren" exec -- perl -e '
		open(my $kvm, "+<", "/dev/kvm") or die;
		my $vm = ioctl($kvm, 0xae01, 0) or die;
		$| = 1;
		print "there\n";
		sleep 100' >"$work/guest" 2>&1 &
	wait_for there
	id=$("$warren" ps | awk 'NR == 2 { print $1 }')
	status_of "$warren" stop "$id"
	expect_status 1
	expect_err "VM $id has no control socket: it is not one of"
	kill $!
}

# systemd is told when the guest runs.
test_notify() {
	local listener
	perl -e '
		use Socket;
		socket(my $s, PF_UNIX, SOCK_DGRAM, 0) or die;
		bind($s, sockaddr_un($ARGV[0])) or die;
		alarm 30;
		recv($s, my $text, 1000, 0);
		print $text' "$work/notify" >"$work/told" &
	listener=$!
	until [ -S "$work/notify" ]; do sleep 0.1; done
	NOTIFY_SOCKET=$work/notify "$warren" run --device "$WARREN_DEVICE" --kernel "$console" --memory 16M \
		--name web </dev/null >"$work/guest" 2>&1 &
	wait "$listener"
	wait_for ready
	grep -q '^READY=1' "$work/told" || fail "READY=1"
	status_of "$warren" stop web
	expect_status 0
}

# ends KEY STATUS EVENT: what a guest does is told to those who listen, the kernel knowing nothing of it.
ends() {
	"$warren" events --duration 60 web >"$work/events" &
	sleep 3
	attached send "$1" expect "has ended, with status $2" -- "$warren" console web
	expect_status 0
	wait $!
	grep -q "$3" "$work/events" || { cat "$work/events"; fail "the event '$3'"; }
}

test_events() {
	start web
	ends q 0 'shut'
	start web
	ends r 3 'reset'
	start web
	ends p 4 'panic'
}

# Detached: what the guest prints, and why it could not be started.
test_detach() {
	start web --log "$work/log"
	attached send 'z' expect '[z]' send '\x01d' -- "$warren" console web
	status_of "$warren" stop web
	expect_status 0
	grep -q -F '[z]' "$work/log" || { cat "$work/log"; fail "the guest's output in the log"; }
	status_of "$warren" run --detach --device "$WARREN_DEVICE" --kernel "$work/none"
	expect_status 1
	expect_err "$work/none"
	nothing_left
}

# Ids, names and who may see what are Warren's own.
on_warren() {
	[ "${WARREN_DEVICE:-/dev/warren}" = /dev/warren ] || skip "only on /dev/warren"
	on_device "$@"
}

build_or_bail
console=${WARREN_BUILD:-}/tests/guests/micro/console.elf
plan 29
check "help" test_help
check "wrong usage" test_usage
check "exec: errors" test_exec_errors
check "configuration: every kind of mistake" test_mistakes
check "configuration: none" test_no_config
check "configuration: the command line comes first" test_override
check "autostart" test_autostart
check "systemd units" test_units
check "exec: root" on_warren test_exec_root
check "exec: a user" on_warren test_exec_user
check "exec: devices" on_warren test_exec_devices
check "exec: status" on_warren test_exec_status
check "exec: refused" on_warren test_exec_refused
check "console: attach, detach, attach" on_device test_console
check "console: one at a time" on_device test_one_attached
check "console: terminal restored after signals" on_device test_console_signals
check "console: a slow one" on_device test_slow_console
check "console: its reader goes" on_device test_gone_reader
check "stop: power button" on_device test_stop
check "stop: a guest that ignores it" on_device test_stop_force
check "the launcher is killed" on_warren test_killed
check "a name that is taken" on_warren test_name_taken
check "a configured guest" on_warren test_config_run
check "hostile clients" on_warren test_hostile
check "users" on_warren test_users
check "another monitor's guest" on_warren test_other_monitor
check "service manager" on_device test_notify
check "the end is told" on_warren test_events
check "detached" on_device test_detach
finish
