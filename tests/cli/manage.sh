#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The commands that manage VMs, on a kernel made of messages (unit_fake.c), TAP. With a real one: tests/guests/manage.sh.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=tests/lib/tap.sh
. "$root/tests/lib/tap.sh"
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"

COMMANDS=(ps top stat events trace pause resume kill)
export TZ=UTC

# fake COMMAND [ARGUMENT...]: what would hang must fail.
fake() {
	status_of timeout 30 "$bin/unit" --manage "$@"
}

# shows GOLDEN COMMAND [ARGUMENT...]: what differs from run to run is replaced.
shows() {
	local name=$1
	shift
	fake "$@"
	expect_status 0
	sed -i -E -e 's/^[0-9]{2}:[0-9]{2}:[0-9]{2}  /HH:MM:SS  /' -e 's/"time_ns":[0-9]+,"vms"/"time_ns":0,"vms"/' \
		-e 's/ in [0-9.]+ s,/ in N s,/' -e 's/"duration_ms": [0-9]+/"duration_ms": 0/' "$work/out"
	golden "manage-$name"
}

test_ps() {
	shows ps ps
	shows ps-columns ps --no-head --columns id,uuid,tables,vendor,paging
	shows ps-json ps --json
}

test_stat() {
	shows stat stat web
	shows stat-idle stat 2
	shows stat-json stat --json 1
}

test_top() {
	shows top top --once --interval 0.05
	shows top-sorted top --batch --count 2 --interval 0.05 --sort memory
	shows top-json top --json --count 1 --interval 0.05
}

test_events() {
	shows events events --count 11
	shows events-json events --json --count 11
	shows events-one events web
	shows events-time events --duration 0.1 5
}

# It ends between the look at it and the listening, or its last event is lost.
test_events_gone() {
	FAKE_GONE=1 fake events web
	expect_status 0
	[ ! -s "$work/out" ] || fail "no event"
}

test_trace() {
	shows trace trace web
	shows trace-json trace --json --vcpu 0 1
	shows trace-count trace --vcpu 0 --count 2 1
	shows trace-summary trace --summary 1
	shows trace-summary-json trace --summary --json web
	fake trace --vcpu 7 web
	expect_status 7
	expect_err "VM 1 has no vCPU 7"
	fake trace new
	expect_status 7
	expect_err "has no vCPU yet"
	FAKE_REQUEST=16 fake trace web
	expect_status 1
	expect_err "leave that out"
	fake trace --device /dev/none web
	expect_status 8
	expect_err "insmod warren.ko"
}

test_acts() {
	shows pause pause web 2
	shows resume-json resume --json 5 web
	fake pause web 9 2
	expect_status 7
	expect_out '^VM 2 paused$'
	expect_err "cannot look at VM 9: there is no such VM"
}

test_names() {
	local command
	for command in stat events trace pause resume kill; do
		fake "$command" db
		expect_status 7
		expect_err "several VMs have the name 'db': 3 4"
		fake "$command" nobody
		expect_status 7
		expect_err "there is no such VM"
		fake "$command" 'no name'
		expect_status 7
		expect_err "there is no VM 'no name'"
		fake "$command" 99999999999999999999
		expect_status 7
	done
}

# victim: a process to kill; sets victim.
victim() {
	sleep 100 &
	victim=$!
}

lives() {
	[ -d "/proc/$1" ] && ! grep -q '^State:.Z' "/proc/$1/status"
}

test_kill() {
	victim
	FAKE_PID=$victim fake kill web
	expect_status 0
	expect_out '^VM 1 \(web\) killed$'
	wait "$victim"
	[ $? = 137 ] || fail "SIGKILL"
}

# Between the look and the signal the VM becomes another one.
test_kill_race() {
	victim
	FAKE_PID=$victim FAKE_CHANGES=1 fake kill web
	expect_status 7
	expect_err "nothing was killed"
	lives "$victim" || fail "the process to live"
	kill "$victim"
}

test_kill_unseen() {
	fake kill 2
	expect_status 1
	expect_err "the process that made VM 2 is gone, or in a PID namespace"
}

test_no_module() {
	local command
	for command in ps top events 'stat web' 'trace web' 'pause web' 'resume web' 'kill web'; do
		# shellcheck disable=SC2086
		FAKE_OPEN=2 fake $command
		expect_status 8
		expect_err "sudo insmod warren.ko"
	done
	[ -e /dev/warren ] || {
		status_of "$warren" ps
		expect_status 8
		expect_err "the module is not loaded"
	}
}

# refused STATUS MESSAGE ERRNO: what is said when the kernel refuses.
refused() {
	FAKE_REQUEST=$3 FAKE_WORDS='the words of the kernel' fake pause web
	expect_status "$1"
	expect_err "cannot pause VM 1: $2 (the words of the kernel)"
}

test_refused() {
	refused 1 "you are not allowed to" 1
	refused 7 "there is no such VM" 2
	refused 1 "the loaded module cannot do that" 95
	refused 8 "the module was unloaded" 19
	refused 1 "Device or resource busy" 16
	# Without an id it is the family that is not there.
	FAKE_DUMP=2 fake ps
	expect_status 8
	expect_err "cannot list the VMs: the module was unloaded"
	FAKE_REQUEST=1 fake events
	expect_status 1
	expect_err "cannot listen to events"
}

# A dump during which VMs come and go is done again, but not for ever.
test_disturbed() {
	FAKE_DISTURBED=7 fake ps --no-head
	expect_status 0
	[ "$(wc -l <"$work/out")" = 5 ] || fail "each VM once"
	FAKE_DISTURBED=8 fake ps
	expect_status 1
	expect_err "VMs came and went"
}

# wrong MESSAGE COMMAND [ARGUMENT...]
wrong() {
	local message=$1
	shift
	status_of "$warren" "$@"
	expect_status 2
	expect_err "$message"
}

test_usage() {
	local command
	for command in "${COMMANDS[@]}"; do
		wrong "warren $command" "$command" --wings
	done
	for command in stat trace pause resume kill; do
		wrong "name a VM" "$command"
	done
	wrong "Too many arguments" ps web
	wrong "Too many arguments" top web
	wrong "there is no column 'tail'" ps -o id,tail
	wrong "there is no column ''" ps -o ''
	wrong "too many columns" ps -o "$(printf 'id,%.0s' {1..16})id"
	wrong "not also 'b'" stat a b
	wrong "not also 'b'" trace a b
	wrong "not also 'b'" events a b
	wrong "--interval 0 is not a number of seconds" top -d 0
	wrong "--interval nan is not" top -d nan
	wrong "--duration 1e99 is not" events -t 1e99
	wrong "--duration -1 is not" trace -t -1 a
	wrong "--count 0 is not a number from 1" events -n 0
	wrong "--sort size is not one of" top -s size
	wrong "--vcpu x is not a number" trace -c x a
	wrong "--entries 32 is not a number from 64" trace -e 32 a
	wrong "--entries 100 is not a power of two" trace -e 100 a
}

test_help() {
	local name
	for name in "${COMMANDS[@]}"; do
		status_of "$warren" "$name" --help
		expect_status 0
		golden "help-$name"
	done
}

# Colour is for terminals, and for those who want it.
test_colour() {
	fake ps
	! grep -q $'\033' "$work/out" || fail "no colour in a file"
	status_of "$bin/pty" -- "$bin/unit" --manage ps
	grep -q $'\033\[32mrunning' "$work/out" || fail "colour on a terminal"
	NO_COLOR=1 status_of "$bin/pty" -- "$bin/unit" --manage ps
	grep -q running "$work/out" || fail "output"
	! grep -q $'\033' "$work/out" || fail "no colour with NO_COLOR"
}

# The screen is left as it was, and keys are heard at once.
test_screen() {
	status_of timeout 30 "$bin/pty" expect 'CPU%' send 'm' expect 'CPU%' send q -- \
		"$bin/unit" --manage top --interval 20
	expect_status 0
	grep -q $'\033\[?1049h' "$work/out" || fail "a screen of its own"
	# The keys and signals that end other programs do not leave the terminal as it is.
	status_of timeout 30 "$bin/pty" expect 'CPU%' send '\x1c' sleep 300 send q -- "$bin/unit" --manage top --interval 20
	expect_status 0
	status_of timeout 30 "$bin/pty" expect 'CPU%' signal 3 ends 3000 -- "$bin/unit" --manage top --interval 20
	expect_status 0
	tail -c 20 "$work/out" | grep -q $'\033\[?1049l' || fail "the old screen at the end"
}

test_doctor() {
	mkdir -p "$work/machine/proc"
	printf 'model name\t: Some CPU\nflags\t\t: lm\n' >"$work/machine/proc/cpuinfo"
	status_of "$warren" doctor --json --root "$work/machine" --release 6.1.0-test
	expect_status 1
	sed -i "s|$work|DIR|g" "$work/out"
	golden doctor-json
}

# The launcher, whose `ps` shows the made-up VMs.
test_completion() {
	mkdir "$work/bin"
	printf '#!/bin/bash\n[ "$1" != ps ] || exec %q --manage "$@"\nexec %q "$@"\n' "$bin/unit" "$warren" >"$work/bin/warren"
	chmod +x "$work/bin/warren"
	PATH=$work/bin:$PATH "$here/completion.sh" "$root/userspace-cli/completion/warren.bash"
}

# Each command has its page, each page is right and tells each option of its command.
test_pages() {
	local command page option
	for command in "${COMMANDS[@]}" doctor; do
		page=$root/userspace-cli/man/warren-$command.1
		[ -e "$page" ] || fail "$page"
		for option in $("$warren" "$command" --help | grep -o -E -e '--[a-z-]+' | sort -u); do
			[[ $option = --help || $option = --usage ]] ||
				grep -q -F -e "${option//-/\\-}" "$page" || fail "$option in $page"
		done
	done
	command -v man >/dev/null || skip "man is not installed (package man-db)"
	for page in "$root"/userspace-cli/man/*.1; do
		LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -l "$page" 2>&1 >/dev/null | sed "s|^|$page: |" >"$work/err"
		[ ! -s "$work/err" ] || { cat "$work/err"; fail "no warning"; }
	done
}

build_or_bail
plan 21
check "ps" test_ps
check "stat" test_stat
check "top" test_top
check "events" test_events
check "events: the VM is gone" test_events_gone
check "trace" test_trace
check "pause, resume" test_acts
check "names" test_names
check "kill" test_kill
check "kill: the VM becomes another one" test_kill_race
check "kill: a process that is not seen" test_kill_unseen
check "no module" test_no_module
check "the kernel refuses" test_refused
check "VMs come and go" test_disturbed
check "wrong usage" test_usage
check "help" test_help
check "colour" test_colour
check "top's screen" test_screen
check "doctor as JSON" test_doctor
check "completion" test_completion
check "manual pages" test_pages
finish
