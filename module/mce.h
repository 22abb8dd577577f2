/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Machine checks: the guest's banks, and errors that userspace reports to it.
 */
#ifndef WARREN_MCE_H
#define WARREN_MCE_H

#include <linux/types.h>

struct kvm_x86_mce;
struct wr_vcpu;

#define WR_MAX_MCE_BANKS	32

/* struct wr_mce - [V] the machine check registers of a vCPU */
struct wr_mce {
	u64 cap;	/* IA32_MCG_CAP: its low byte counts the banks that the guest has */
	u64 ctl, status;
	u64 *banks;	/* CTL, STATUS, ADDR and MISC of WR_MAX_MCE_BANKS */
};

u64 wr_mce_supported(void);
int wr_mce_init(struct wr_vcpu *vcpu);
void wr_mce_free(struct wr_vcpu *vcpu);
int wr_mce_setup(struct wr_vcpu *vcpu, u64 cap);
int wr_mce_inject(struct wr_vcpu *vcpu, const struct kvm_x86_mce *mce);
int wr_mce_msr_get(struct wr_vcpu *vcpu, u32 index, u64 *data);
int wr_mce_msr_set(struct wr_vcpu *vcpu, u32 index, u64 data, bool host);

#endif
