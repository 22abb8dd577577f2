#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Guests seen and managed from outside: ps, stat, top, events, trace, pause, resume, kill; by id and by name, as root and as
# another user.

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/tap.sh
. "$here/../lib/tap.sh"

USER_ID=4242
TYPIST=typist SPINNER=spinner

# What another user can reach, too
work=$(mktemp -d /tmp/manage.XXXXXX)
chmod 755 "$work"
cp "$(command -v warren)" "$WARREN_BUILD/tests/guests/micro/console.elf" \
	"$WARREN_BUILD/tests/guests/micro/spin.elf" "$work/"
json=$WARREN_BUILD/tests/guests/json

guests=()
cleanup() {
	kill -9 "${guests[@]}" 2>/dev/null
	rm -rf "$tap_log" "$work"
}
trap cleanup EXIT

# Before a command: in the background it is to have the number of its process.
as_user=(setpriv --reuid "$USER_ID" --regid "$USER_ID" --clear-groups env XDG_RUNTIME_DIR="$work/user")

# start GUEST NAME [COMMAND...]: a guest in the background, by way of COMMAND; adds its process to guests.
start() {
	local kernel=$1 name=$2
	shift 2
	"$@" "$work/warren" run --device "$WARREN_DEVICE" --kernel "$work/$kernel.elf" --memory 16M --name "$name" \
		--timeout "$(patience 600)" </dev/null >"$work/$name.log" 2>&1 &
	guests+=($!)
	# Its death is no news.
	disown
}

# eventually COMMAND...: it succeeds soon.
eventually() {
	local end=$((SECONDS + $(patience 30)))
	until "$@" >"$work/eventually" 2>&1; do
		((SECONDS < end)) || { cat "$work/eventually"; fail "soon: $*"; }
		sleep 0.2
	done
}

# of VM POINTER: what stat says.
of() {
	warren stat --json "$1" | "$json" "$2"
}

is() {
	local have
	have=$(of "$1" "$2")
	[ "$have" = "$3" ] || fail "$2 of VM $1 to be $3, not $have"
}

# status_is STATUS COMMAND...
status_is() {
	local want=$1 have=0
	shift
	"$@" >"$work/out" 2>&1 || have=$?
	cat "$work/out"
	[ "$have" = "$want" ] || fail "status $want of $*, got $have"
}

ps_shows() {
	warren ps
	warren ps --json >"$work/ps"
	[ "$("$json" '#' <"$work/ps")" = 2 ] || fail "2 VMs"
	[ "$("$json" /0/name /0/pid /0/state /0/memory /0/uid <"$work/ps")" = "$TYPIST ${guests[0]} running 16777216 0" ] ||
		fail "the first one"
	[ "$("$json" /1/name /1/pid /1/vcpus <"$work/ps")" = "$SPINNER ${guests[1]} 1" ] || fail "the second one"
	[ "$(warren ps -H -o name)" = "$TYPIST"$'\n'"$SPINNER" ] || fail "both names"
}

stat_shows() {
	local id sum total
	id=$(of "$TYPIST" /id)
	[ "$(of "$id" /uuid)" = "$(of "$TYPIST" /uuid)" ] || fail "the same one by id and by name"
	warren stat "$TYPIST"
	is "$id" /vcpu/0/index 0
	is "$id" '#/vcpu' 1
	# While nothing changes the reasons add up.
	warren pause "$id"
	warren stat --json "$id" >"$work/stat"
	warren resume "$id"
	total=$("$json" /counters/exits <"$work/stat")
	sum=$("$json" /counters/reasons <"$work/stat" | grep -o ': *[0-9]*' | tr -d ': ' | paste -sd+ | add_up)
	((total > 0 && sum == total)) || fail "$total exits, by reason $sum"
	[ "$("$json" /vcpu/0/counters/exits <"$work/stat")" = "$total" ] || fail "as many of its only vCPU"
}

add_up() {
	local sum
	read -r sum
	echo $((sum))
}

top_shows() {
	local io cpu
	warren top --batch --count 2 --interval 0.5
	warren top --json --count 1 --interval 1 --sort id >"$work/top"
	io=$("$json" /vms/0/reasons_per_second/io <"$work/top")
	cpu=$("$json" /vms/1/cpu_percent <"$work/top")
	cat "$work/top"
	((${io%.*} > 10)) || fail "many exits for ports"
	((${cpu%.*} > 5)) || fail "a busy guest"
}

events_show() {
	local listener
	warren events --json --count 2 --duration "$(patience 60)" "$SPINNER" >"$work/events" &
	listener=$!
	warren events --count 2 --duration "$(patience 60)" >"$work/events.all" &
	# Nothing tells when they listen.
	sleep "$(patience 5)"
	warren pause "$SPINNER"
	warren resume "$SPINNER"
	wait "$listener" || fail "the listener to end well"
	wait # for the other one
	cat "$work/events" "$work/events.all"
	[ "$("$json" /event /name /pid <"$work/events")" = \
		"paused $SPINNER ${guests[1]}"$'\n'"resumed $SPINNER ${guests[1]}" ] || fail "what happened"
	grep -q " resumed .* $SPINNER\$" "$work/events.all" || fail "it in words"
}

trace_shows() {
	local previous='' seq reason rip
	warren trace --count 5 "$TYPIST"
	warren trace --json --count 200 "$TYPIST" >"$work/trace"
	[ "$(wc -l <"$work/trace")" -ge 200 ] || fail "200 exits"
	"$json" /seq /reason /rip <"$work/trace" | while read -r seq reason rip; do
		[ "$seq" = - ] || [ -z "$previous" ] || ((seq > previous)) || fail "exits in order"
		previous=$seq
		[ "$reason" != unknown ] || fail "reasons with words, and rip ($rip)"
	done || exit 1
	warren trace --summary --duration 1 "$TYPIST"
	warren trace --summary --json --duration 1 --vcpu 0 "$TYPIST" >"$work/summary"
	[ "$("$json" /name /vcpus /reasons/0/reason <"$work/summary")" = "$TYPIST 1 io" ] || fail "ports before all else"
	(($("$json" /reasons/0/count <"$work/summary") > 10 && $("$json" /reasons/0/host_ns/mean <"$work/summary") > 0)) ||
		fail "times"
	status_is 7 warren trace --vcpu 1 "$TYPIST"
}

# A paused guest does nothing, whoever its VMM is; both by id and by name.
pause_pauses() {
	local id exits
	id=$(of "$TYPIST" /id)
	for name in "$id" "$TYPIST"; do
		warren pause "$name" || fail "to pause $name"
		is "$id" /state paused
		is "$id" /vcpu/0/state paused
		exits=$(of "$id" /counters/exits)
		sleep 1
		is "$id" /counters/exits "$exits"
		warren resume "$name" || fail "to resume $name"
		is "$id" /state running
		sleep 0.5
		(($(of "$id" /counters/exits) > exits)) || fail "the guest to run on"
	done
	status_is 0 warren pause "$TYPIST" "$SPINNER" "$SPINNER"
	status_is 0 warren resume "$SPINNER" "$TYPIST"
}

# Users have their own VMs, and do not see others'. Root sees all; a name is its own VM's first.
other_user() {
	local id
	# They would take the host from the third one.
	warren pause "$TYPIST" "$SPINNER"
	chmod 666 "$WARREN_DEVICE"
	mkdir -m 700 "$work/user"
	chown "$USER_ID" "$work/user"
	start console "$TYPIST" "${as_user[@]}"
	trap 'kill -9 ${guests[2]} 2>/dev/null' EXIT
	is_user_guest() {
		[ "$("${as_user[@]}" "$work/warren" ps -H -o name,state | tr -s ' ')" = "$TYPIST running" ]
	}
	eventually is_user_guest
	"${as_user[@]}" "$work/warren" ps --json >"$work/ps"
	[ "$("$json" '#' /0/uid /0/pid <"$work/ps")" = "1 $USER_ID ${guests[2]}" ] || fail "its own only"
	[ "$(warren ps --json | "$json" '#')" = 3 ] || fail "all for root"
	id=$(warren ps -H -o id | head -n 1)
	status_is 7 "${as_user[@]}" "$work/warren" stat "$id"
	status_is 7 "${as_user[@]}" "$work/warren" pause "$SPINNER"
	status_is 7 "${as_user[@]}" "$work/warren" kill "$id"
	status_is 7 "${as_user[@]}" "$work/warren" trace "$id"
	status_is 0 "${as_user[@]}" "$work/warren" pause "$TYPIST"
	status_is 0 "${as_user[@]}" "$work/warren" resume "$TYPIST"
	status_is 0 "${as_user[@]}" "$work/warren" trace --count 5 "$TYPIST"
	is "$TYPIST" /uid 0
	status_is 0 "${as_user[@]}" "$work/warren" kill "$TYPIST"
	gone() {
		[ "$(warren ps --json | "$json" '#')" = 2 ]
	}
	eventually gone
}

kill_kills() {
	local id listener
	id=$(of "$SPINNER" /id)
	warren events --json --duration "$(patience 60)" "$SPINNER" >"$work/events" &
	listener=$!
	sleep "$(patience 5)"
	status_is 0 warren kill "$id"
	wait "$listener" || fail "the listener to end with its VM"
	[ "$("$json" /event <"$work/events" | tail -n 1)" = destroyed ] || fail "the event"
	status_is 0 warren kill --json "$TYPIST"
	none() {
		[ -z "$(warren ps --no-head)" ]
	}
	eventually none
	status_is 7 warren kill "$id"
	status_is 7 warren pause "$TYPIST"
}

both_run() {
	[ "$(warren ps -H -o name,state | tr -s ' ' | sed 's/^ //')" = "$TYPIST running"$'\n'"$SPINNER running" ]
}

begin() {
	start console "$TYPIST"
	local end=$((SECONDS + $(patience 30)))
	# Ids in the order of names
	until warren ps -H -o name | grep -q . || ((SECONDS > end)); do sleep 0.1; done
	start spin "$SPINNER"
	until both_run || ((SECONDS > end)); do sleep 0.1; done
}

plan 8
begin
check "ps" ps_shows
check "stat" stat_shows
slow "top" top_shows
slow "events" events_show
check "trace" trace_shows
check "pause, resume" pause_pauses
slow "another user" other_user
check "kill" kill_kills
finish
