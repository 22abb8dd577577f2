/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the guest's CPU is: the CPUID leaves that userspace set, and quick answers to "has it X?".
 */
#ifndef WARREN_CPUID_H
#define WARREN_CPUID_H

#include <linux/kvm.h>
#include <linux/types.h>
#include <asm/cpufeature.h>

struct wr_vcpu;

#define WR_MAX_CPUID_ENTRIES	256	/* KVM_SET_CPUID2 takes no more: E2BIG */

/* struct wr_cpuid - [V] leaves of one vCPU */
struct wr_cpuid {
	u32 nr;
	struct kvm_cpuid_entry2 *entries;	/* as userspace gave them, and in that order; accounted memory */
	u32 caps[NCAPINTS];			/* X86_FEATURE_* bits that are both set by userspace and supported here */
	u8 maxphyaddr;
	u64 reserved_gpa_bits;			/* address bits past maxphyaddr, up to 51 */
	u64 cr4_reserved;			/* CR4 bits that the guest may not set */
	u64 xcr0_supported;			/* XCR0 bits that the guest may set */
	bool amd;				/* vendor string: AMD or Hygon */
	bool kvm_signature;			/* the KVM hypervisor leaf is there */
	u32 kvm_features;			/* EAX of its feature leaf */
	u32 last;				/* index of the last hit, for the next look-up */
};

/**
 * wr_guest_has - does the guest's CPU have a feature?
 * @vcpu: the vCPU
 * @feature: X86_FEATURE_*: one that CPUID enumerates
 */
#define wr_guest_has(vcpu, feature) \
	((vcpu)->cpuid.caps[(feature) / 32] & BIT((feature) % 32))

int wr_cpuid_supported(struct kvm_cpuid2 __user *user, bool emulated);
bool wr_cpuid_supports(unsigned int feature);
int wr_cpuid_set(struct wr_vcpu *vcpu, const struct kvm_cpuid2 *head, const struct kvm_cpuid_entry2 __user *user);
int wr_cpuid_get(struct wr_vcpu *vcpu, struct kvm_cpuid2 *head, struct kvm_cpuid_entry2 __user *user);
void wr_cpuid_free(struct wr_vcpu *vcpu);
void wr_cpuid_query(struct wr_vcpu *vcpu, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx);
void wr_cpuid_update(struct wr_vcpu *vcpu);
int wr_cpuid_init(void);

#endif
