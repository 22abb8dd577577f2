# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Source packages of Debian's suites.

# source_apt_config SUITE DIRECTORY: make DIRECTORY/apt.conf, an apt of its own. The system's may have no source packages, and
# has another suite's.
source_apt_config() {
	local suite=$1 dir=$2 mirror
	mirror=$(debian_mirror) || return 1
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$dir/sources.list"
	cat >"$dir/apt.conf" <<-CONFIG
		Dir::Etc::sourcelist "$dir/sources.list";
		Dir::Etc::sourceparts "-";
		Dir::State::lists "$dir/lists";
		Dir::Cache "$dir/cache";
		Acquire::Languages "none";
		APT::Sandbox::User "";
	CONFIG
}
