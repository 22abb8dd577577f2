/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Model-specific registers: one table; what only the vendor's control block knows goes through the
 * backend.
 */
#ifndef WARREN_MSR_H
#define WARREN_MSR_H

#include <linux/bits.h>
#include <linux/kvm.h>
#include <linux/types.h>

struct wr_vcpu;

/* Of HWCR: the guest may write a status to a machine check bank */
#define WR_HWCR_MC_STATUS_WRITE	BIT(18)

/* struct wr_msrs - [V] MSRs that do nothing here but keep what was written */
struct wr_msrs {
	u64 ucode_rev;
	u64 arch_caps;
	u64 platform_info;
	u64 power_ctl;
	u64 hwcr;
	u64 de_cfg;
};

/*
 * Indices of vcpu->mtrr: the type register, the 11 fixed ranges in ascending order of address, then
 * base and mask of each variable range.
 */
#define WR_MTRR_DEFTYPE		0
#define WR_MTRR_FIXED		1
#define WR_MTRR_VARIABLE	12

int wr_msr_get(struct wr_vcpu *vcpu, u32 index, u64 *data, bool host);
int wr_msr_set(struct wr_vcpu *vcpu, u32 index, u64 data, bool host);

int wr_msr_index_list(struct kvm_msr_list __user *user);
int wr_msr_feature_index_list(struct kvm_msr_list __user *user);
int wr_msr_get_feature(u32 index, u64 *data);
u64 wr_msr_default(u32 index);
void wr_msr_reset(struct wr_vcpu *vcpu, bool init);

/* Pure parts, shared with the tests. */
bool wr_pat_valid(u64 pat);
bool wr_mtrr_valid(u32 index, u64 data, u64 reserved_gpa_bits);
int wr_mtrr_slot(u32 index);
bool wr_msr_table_sorted(void);
bool wr_msr_known(u32 index);

#endif
