/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registers in struct kvm_run (KVM_CAP_SYNC_REGS): KVM_RUN takes and leaves them, without calls of their own.
 */
#ifndef WARREN_SYNC_H
#define WARREN_SYNC_H

struct wr_vcpu;

int wr_sync_in(struct wr_vcpu *vcpu);
void wr_sync_out(struct wr_vcpu *vcpu);

#endif
