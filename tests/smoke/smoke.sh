#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The least that must work on each kernel: the module loads, a guest runs and ends, it unloads.
# Runs on a host without the module loaded (tests/host/run --no-load).

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/tap.sh
. "$here/../lib/tap.sh"
# shellcheck source=tests/lib/guest.sh
. "$here/../lib/guest.sh"

load() {
	# shellcheck disable=SC2086
	insmod "$WARREN_MODULE" $WARREN_MODULE_PARAMS && [ -c /dev/warren ]
}

tiny_guest() {
	micro exit
	expect_output '^micro: hello$'
	expect_status 42
}

linux_guest() {
	linux 2 256M 'nproc'
	expect_output '^guest: ready \(2 CPUs'
	expect_success
}

unload() {
	rmmod warren && [ ! -e /dev/warren ]
}

plan 5
check "insmod warren.ko makes /dev/warren" load
check "a tiny guest prints and ends" tiny_guest
check "an unmodified Debian kernel boots with 2 vCPUs and powers off" linux_guest
check "rmmod removes the module and /dev/warren" unload
check "it loads and unloads again" eval 'load && tiny_guest && unload'
finish
