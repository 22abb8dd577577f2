/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What userspace chose for a VM by KVM_ENABLE_CAP, and KVM_X86_SET_MSR_FILTER.
 */
#ifndef WARREN_POLICY_H
#define WARREN_POLICY_H

#include <linux/types.h>

struct wr_msr_filter;
struct wr_vcpu;
struct wr_vm;

/* struct wr_policy - all zero: as after KVM_CREATE_VM. [L] to write, others read with READ_ONCE() */
struct wr_policy {
	struct wr_msr_filter __rcu *msr_filter;	/* NULL: all accesses are allowed */
	u64 disabled_quirks;	/* KVM_X86_QUIRK_* */
	u64 disabled_exits;	/* KVM_X86_DISABLE_EXITS_*: the guest does these without an exit; constant after the first vCPU */
	u32 max_vcpu_id;	/* ids are below it; 0: WR_MAX_VCPU_IDS */
	bool exit_on_failure;	/* KVM_CAP_EXIT_ON_EMULATION_FAILURE */
	bool hides_platform_info;	/* MSR_PLATFORM_INFO, from the guest */
	bool exception_payload, triple_fault_event;	/* what KVM_GET_VCPU_EVENTS tells */
	u32 user_msrs;		/* KVM_MSR_EXIT_REASON_*: failed accesses that userspace completes */
};

void wr_policy_exit(struct wr_vm *vm);
void wr_policy_vcpu_init(struct wr_vcpu *vcpu);
void wr_policy_apply(struct wr_vcpu *vcpu);

/* KVM_ENABLE_CAP: rows of caps.c */
long wr_policy_can_disable_exits(struct wr_vm *vm);
int wr_policy_user_msrs(struct wr_vm *vm, const u64 *args);
int wr_policy_disable_exits(struct wr_vm *vm, const u64 *args);
int wr_policy_disable_quirks(struct wr_vm *vm, const u64 *args);
int wr_policy_exception_payload(struct wr_vm *vm, const u64 *args);
int wr_policy_triple_fault_event(struct wr_vm *vm, const u64 *args);
int wr_policy_emulation_failure(struct wr_vm *vm, const u64 *args);
int wr_policy_platform_info(struct wr_vm *vm, const u64 *args);
int wr_policy_max_vcpu_id(struct wr_vm *vm, const u64 *args);

/* Those of KVM that userspace may do without */
#define WR_POLICY_QUIRKS	(KVM_X86_QUIRK_LINT0_REENABLED | KVM_X86_QUIRK_CD_NW_CLEARED | \
				 KVM_X86_QUIRK_LAPIC_MMIO_HOLE | KVM_X86_QUIRK_OUT_7E_INC_RIP | \
				 KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT | KVM_X86_QUIRK_FIX_HYPERCALL_INSN | \
				 KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS)

#endif
