# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What every script of the test infrastructure shares: messages, the cache, locks, root, packages.
#
# Sourced, never run. The including script has set -euo pipefail.

WARREN_SOURCE=${WARREN_SOURCE:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)}
WARREN_CACHE=${WARREN_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/warren}
export HOST_DIR=$WARREN_SOURCE/tests/host
# Debian leaves these out for all but root; depmod and modinfo are there.
export PATH=$PATH:/usr/sbin:/sbin

# Exit statuses of tests/host/run that are not the command's own.
readonly STATUS_USAGE=2 STATUS_SPLAT=90 STATUS_TIMEOUT=91 STATUS_DIED=92 STATUS_SETUP=93
export STATUS_USAGE STATUS_SPLAT STATUS_TIMEOUT STATUS_DIED STATUS_SETUP

note() {
	printf '%s: %s\n' "${SCRIPT_NAME:-warren}" "$*" >&2
}

die() {
	note "$*"
	exit "${DIE_STATUS:-1}"
}

# with_lock NAME COMMAND...: run a function or command while nobody else holds NAME. Its status is asked for, so "set -e" is off
# inside: each of its steps has to say what follows from its failure.
with_lock() {
	local name=$1 fd status=0
	shift
	mkdir -p "$WARREN_CACHE/lock"
	exec {fd}>"$WARREN_CACHE/lock/$name"
	if ! flock -n "$fd"; then
		note "waiting for another run that prepares $name"
		flock "$fd"
	fi
	("$@") {fd}>&- || status=$?
	exec {fd}>&-
	return "$status"
}

# step TEXT COMMAND...: run something that may be slow with its output in a log, and show that it
# lives. The log goes to the terminal only when the command fails.
step() {
	local text=$1 log pid started=$SECONDS status=0 shown=0 elapsed
	shift
	mkdir -p "$WARREN_CACHE/log"
	log=$(mktemp "$WARREN_CACHE/log/step.XXXXXX")
	("$@") >"$log" 2>&1 </dev/null &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.1
		elapsed=$((SECONDS - started))
		if ((elapsed >= shown + (shown < 15 ? shown + 2 : 15))); then
			note "$text (${elapsed} s) $(tail -n 1 "$log" | cut -c 1-60)"
			shown=$elapsed
		fi
	done
	wait "$pid" || status=$?
	if ((status)); then
		tail -n 40 "$log" >&2
		note "failed (status $status, whole log: $log): $text"
		return "$status"
	fi
	rm -f "$log"
	((!shown)) || note "$text: done in $((SECONDS - started)) s"
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "this needs root, and there is no sudo: $*"
	fi
}

# need_packages WHY PACKAGE...: install what is missing, saying what and why.
need_packages() {
	local why=$1 package missing=()
	shift
	for package in "$@"; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' ||
			missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	note "installing Debian packages to $why: ${missing[*]}"
	[ "$(id -u)" = 0 ] || note "(with sudo, because only root can install packages)"
	# Suites that run side by side may want some at once, and apt wants to be alone.
	with_lock packages install_packages "${missing[@]}" || exit
}

install_packages() {
	if ! apt_get install -y --no-install-recommends "$@"; then
		step "refreshing the package lists" apt_get update
		step "installing $*" apt_get install -y --no-install-recommends "$@"
	fi >/dev/null 2>"$WARREN_CACHE/apt.err" || {
		cat "$WARREN_CACHE/apt.err" >&2
		die "could not install: $*"
	}
}

# unpack_packages DIRECTORY PACKAGE...: download them and unpack them there, where installing them would change how this machine
# boots. APT_CONFIG may name another apt.
unpack_packages() {
	local into=$1 download status=0 deb
	shift
	download=$(mktemp -d "$WARREN_CACHE/download.XXXXXX")
	env -C "$download" apt-get -q download "$@" || status=1
	for deb in "$download"/*.deb; do
		((status)) || dpkg-deb -x "$deb" "$into" || status=1
	done
	rm -rf "$download"
	return "$status"
}

apt_get() {
	# A machine that has just been set up may still be installing its updates.
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600 "$@"
}

# A short stable name for this checkout, so that two of them never share a build directory.
source_id() {
	printf '%s' "$WARREN_SOURCE" | sha256sum | cut -c 1-10
}

# hash_of FILE...: a short hash of contents, for cache keys.
hash_of() {
	cat "$@" | sha256sum | cut -c 1-16
}
