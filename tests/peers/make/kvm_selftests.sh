# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# KVM's own selftests, for tests/peers/run.

# shellcheck source=tests/kvm-selftests/build.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../kvm-selftests/build.sh"

# make_kvm_selftests: print the directory of the programs.
make_kvm_selftests() {
	kvm_selftests
}
