/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls of the guest to the hypervisor, as KVM defines them.
 */
#ifndef WARREN_HYPERCALL_H
#define WARREN_HYPERCALL_H

#include "backend.h"

extern bool wr_force_emulation;

enum wr_run_result wr_hypercall_begin(struct wr_vcpu *vcpu);
bool wr_hypercall_complete(struct wr_vcpu *vcpu);
enum wr_run_result wr_hypercall(struct wr_vcpu *vcpu);

#endif
