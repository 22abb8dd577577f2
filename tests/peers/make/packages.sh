# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What the peers need of Debian's packages, in the cache.

# peer_made NAME KEY FUNCTION: print $WARREN_CACHE/peers/NAME-KEY; if it is not there, have FUNCTION DIRECTORY make it.
peer_made() {
	local dir=$WARREN_CACHE/peers/$1-$2
	mkdir -p "$WARREN_CACHE/peers"
	[ -e "$dir" ] || with_lock "peers-$1" peer_make_locked "$dir" "$@" >&2
	[ -e "$dir" ] || die "no $1"
	echo "$dir"
}

peer_make_locked() {
	local dir=$1 name=$2 function=$4 new
	[ ! -e "$dir" ] || return 0
	new=$(mktemp -d "$WARREN_CACHE/peers/new.XXXXXX")
	chmod 755 "$new"
	if step "fetching what the peers need: $name" "$function" "$new"; then
		rm -rf "${WARREN_CACHE:?}/peers/$name"-*
		mv "$new" "$dir"
	else
		rm -rf "$new"
		return 1
	fi
}

# peer_initramfs BUSYBOX FILE: the tests' guest, of that busybox alone.
peer_initramfs() {
	local tree
	mkdir -p "$WARREN_CACHE/initramfs"
	tree=$(initramfs_begin)
	cp "$1" "$tree/bin/busybox"
	install -m 755 "$HOST_DIR/guest/init" "$tree/init"
	initramfs_end "$tree" "$2"
}
