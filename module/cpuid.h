/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the guest's CPU is: the CPUID leaves that userspace set, and quick answers to "has it X?".
 */
#ifndef WARREN_CPUID_H
#define WARREN_CPUID_H

#include <linux/kvm.h>
#include <linux/kvm_para.h>
#include <linux/types.h>
#include <asm/cpufeature.h>

struct wr_vcpu;

#define WR_CPUID_XSTATE		0xd	/* leaf that tells sizes for the present XCR0 */
#define WR_MAX_CPUID_ENTRIES	256	/* KVM_SET_CPUID2 takes no more: E2BIG */

/* struct wr_cpuid - [V] leaves of one vCPU */
struct wr_cpuid {
	u32 nr;
	struct kvm_cpuid_entry2 *entries;	/* as userspace gave them; accounted memory */
	u8 *order;		/* indices of @entries, sorted by function; accounted memory */
	u32 caps[NCAPINTS];	/* X86_FEATURE_*: set by userspace and supported here */
	u8 maxphyaddr;
	u64 reserved_gpa_bits;	/* address bits past maxphyaddr, up to 51 */
	u64 cr4_reserved;	/* CR4 bits that the guest may not set */
	u64 xcr0_supported;	/* XCR0 bits that the guest may set */
	bool amd;		/* vendor string: AMD or Hygon */
	bool kvm_signature;	/* the KVM hypervisor leaf is there */
	u32 kvm_features;	/* EAX of its feature leaf */
	struct kvm_cpuid_entry2 *last;	/* the last hit, for the next look-up; NULL: none */
};

/* struct wr_xstate_comp - where XSAVE puts one state component */
struct wr_xstate_comp {
	u32 size;
	u32 offset;	/* standard format */
	u32 flags;	/* ECX of its subleaf: 2, aligned to 64 bytes in the compacted format */
};

enum wr_cpuid_register { WR_CPUID_EAX, WR_CPUID_EBX, WR_CPUID_ECX, WR_CPUID_EDX };

/* One register of an entry */
static inline u32 *wr_cpuid_reg(struct kvm_cpuid_entry2 *e, enum wr_cpuid_register reg)
{
	switch (reg) {
	case WR_CPUID_EAX:
		return &e->eax;
	case WR_CPUID_EBX:
		return &e->ebx;
	case WR_CPUID_ECX:
		return &e->ecx;
	default:
		return &e->edx;
	}
}

static inline bool wr_cpuid_answers(const struct kvm_cpuid_entry2 *e, u32 function, u32 index)
{
	return e->function == function &&
	       (e->index == index || !(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX));
}

/**
 * wr_cpuid_again - the entry that answered last, if it answers this too; else NULL
 * @c: indexed table
 * @function: EAX
 * @index: ECX
 */
static inline const struct kvm_cpuid_entry2 *wr_cpuid_again(const struct wr_cpuid *c, u32 function, u32 index)
{
	const struct kvm_cpuid_entry2 *e = c->last;

	return likely(e) && wr_cpuid_answers(e, function, index) ? e : NULL;
}

/**
 * wr_guest_has - does the guest's CPU have a feature?
 * @vcpu: the vCPU
 * @feature: X86_FEATURE_*: one that CPUID enumerates
 */
#define wr_guest_has(vcpu, feature) \
	((vcpu)->cpuid.caps[(feature) / 32] & BIT((feature) % 32))

/* struct wr_cpuid_word - the leaf behind one word of X86_FEATURE_* bits */
struct wr_cpuid_word {
	u8 word;
	u8 reg;		/* enum wr_cpuid_register */
	u32 function, index;
};

#define WR_NR_CPUID_WORDS	11

/* The signature leaf says KVMKVMKVM, padded with zeros: guests look for that name. */
#define WR_KVM_SIGNATURE_EBX	0x4b4d564b
#define WR_KVM_SIGNATURE_ECX	0x564b4d56
#define WR_KVM_SIGNATURE_EDX	0x0000004d

#define WR_KVM_FEATURES	(BIT(KVM_FEATURE_CLOCKSOURCE) | \
				 BIT(KVM_FEATURE_NOP_IO_DELAY) | \
				 BIT(KVM_FEATURE_CLOCKSOURCE2) | \
				 BIT(KVM_FEATURE_STEAL_TIME) | \
				 BIT(KVM_FEATURE_PV_EOI) | \
				 BIT(KVM_FEATURE_PV_UNHALT) | \
				 BIT(KVM_FEATURE_PV_TLB_FLUSH) | \
				 BIT(KVM_FEATURE_PV_SEND_IPI) | \
				 BIT(KVM_FEATURE_POLL_CONTROL) | \
				 BIT(KVM_FEATURE_PV_SCHED_YIELD) | \
				 BIT(KVM_FEATURE_CLOCKSOURCE_STABLE_BIT))

/* cpuid_host.c: constant after wr_cpuid_init() */
extern const struct wr_cpuid_word wr_cpuid_words[WR_NR_CPUID_WORDS];
extern u32 wr_cpuid_usable[NCAPINTS];
extern struct wr_xstate_comp wr_xstate[64];

int wr_cpuid_init(void);
bool wr_cpuid_supports(unsigned int feature);
u64 wr_cpuid_xcr0(void);
int wr_cpuid_supported(struct kvm_cpuid2 __user *user, bool emulated);
u32 wr_xstate_size(const struct wr_xstate_comp *comp, u64 xcr0, bool compacted);

void wr_cpuid_vcpu_init(struct wr_vcpu *vcpu);
int wr_cpuid_set(struct wr_vcpu *vcpu, const struct kvm_cpuid2 *head,
		 const struct kvm_cpuid_entry2 __user *user);
int wr_cpuid_set_old(struct wr_vcpu *vcpu, const struct kvm_cpuid *head,
		     const struct kvm_cpuid_entry __user *user);
int wr_cpuid_get(struct wr_vcpu *vcpu, struct kvm_cpuid2 *head,
		 struct kvm_cpuid_entry2 __user *user);
void wr_cpuid_free(struct wr_vcpu *vcpu);
void wr_cpuid_query(struct wr_vcpu *vcpu);
void wr_cpuid_update(struct wr_vcpu *vcpu);

/* Pure parts, shared with the tests. */
int wr_cpuid_index(struct wr_cpuid *c);
struct kvm_cpuid_entry2 *wr_cpuid_find(struct wr_cpuid *c, u32 function, u32 index);
void wr_cpuid_derive(struct wr_cpuid *c);
void wr_cpuid_lookup(struct wr_cpuid *c, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx);

#endif
