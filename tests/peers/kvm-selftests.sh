#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --memory 3072 --timeout 6000
# needs: kvm_selftests
#
# KVM's own selftests, all that tests/kvm-selftests/table has.

export WARREN_KVM_SELFTESTS=${WARREN_PEER_KVM_SELFTESTS:?} WARREN_KVM_SELFTESTS_ALL=1
exec "$(dirname "$0")/../kvm-selftests/inside"
