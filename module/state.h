/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registers: validated changes by guest and userspace, and their uapi forms.
 */
#ifndef WARREN_STATE_H
#define WARREN_STATE_H

#include "backend.h"

/* Changes by the guest (or by userspace): 0, or -EINVAL where the guest gets #GP; nothing has changed then. */
int wr_set_cr0(struct wr_vcpu *vcpu, u64 cr0);
int wr_set_cr3(struct wr_vcpu *vcpu, u64 cr3);
int wr_set_cr4(struct wr_vcpu *vcpu, u64 cr4);
int wr_set_cr8(struct wr_vcpu *vcpu, u64 cr8);
int wr_set_efer(struct wr_vcpu *vcpu, u64 efer, bool host);
bool wr_is_canonical(const struct wr_vcpu *vcpu, u64 address);

#define WR_DR7_FIXED	0x400	/* always reads as one */

static inline bool wr_is_long_mode(const struct wr_vcpu *vcpu)
{
	return vcpu->efer & EFER_LMA;
}

static inline bool wr_is_paging(const struct wr_vcpu *vcpu)
{
	return vcpu->cr0 & X86_CR0_PG;
}

static inline bool wr_is_pae(const struct wr_vcpu *vcpu)
{
	return vcpu->cr4 & X86_CR4_PAE;
}

/* Paging with PDPTEs, which CR3 loads into the CPU */
static inline bool wr_is_pae_paging(const struct wr_vcpu *vcpu)
{
	return wr_is_paging(vcpu) && wr_is_pae(vcpu) && !wr_is_long_mode(vcpu);
}

/* Is the code segment a 64-bit one? */
bool wr_is_64bit_mode(struct wr_vcpu *vcpu);

/* ioctls of a vCPU; in vcpu->mutex, outside a stay */
int wr_get_regs(struct wr_vcpu *vcpu, struct kvm_regs *out);
int wr_set_regs(struct wr_vcpu *vcpu, const struct kvm_regs *in);
int wr_get_sregs(struct wr_vcpu *vcpu, struct kvm_sregs *out);
int wr_set_sregs(struct wr_vcpu *vcpu, const struct kvm_sregs *in);
int wr_get_sregs2(struct wr_vcpu *vcpu, struct kvm_sregs2 *out);
int wr_set_sregs2(struct wr_vcpu *vcpu, const struct kvm_sregs2 *in);
int wr_get_debugregs(struct wr_vcpu *vcpu, struct kvm_debugregs *out);
int wr_set_debugregs(struct wr_vcpu *vcpu, const struct kvm_debugregs *in);
int wr_get_xcrs(struct wr_vcpu *vcpu, struct kvm_xcrs *out);
int wr_set_xcrs(struct wr_vcpu *vcpu, const struct kvm_xcrs *in);
int wr_translate(struct wr_vcpu *vcpu, struct kvm_translation *tr);

/* state of a CPU after power-up or INIT, all but what vcpu.c resets through others */
void wr_state_reset(struct wr_vcpu *vcpu, bool init);

#endif
