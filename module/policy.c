// SPDX-License-Identifier: GPL-2.0-only
/*
 * What userspace chose for a VM by KVM_ENABLE_CAP. vCPUs hear of what concerns the hardware by WR_REQ_POLICY.
 */
#include <asm/cpufeature.h>

#include "backend.h"
#include "msr_user.h"
#include "policy.h"

#define USER_MSR_REASONS	(KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_FILTER)

/**
 * wr_policy_exit - the VM ends
 * @vm: nobody else can find it
 */
void wr_policy_exit(struct wr_vm *vm)
{
	wr_msr_free_filter(vm);
}

/**
 * wr_policy_vcpu_init - a new vCPU has to learn what was chosen before
 * @vcpu: not yet visible; vm->lock is held
 */
void wr_policy_vcpu_init(struct wr_vcpu *vcpu)
{
	const struct wr_policy *policy = &vcpu->vm->policy;

	if (rcu_access_pointer(policy->msr_filter) || policy->disabled_exits)
		wr_vcpu_request(vcpu, WR_REQ_POLICY);
}

/**
 * wr_policy_apply - serve WR_REQ_POLICY
 * @vcpu: on its own thread, outside a stay
 */
void wr_policy_apply(struct wr_vcpu *vcpu)
{
	vcpu->msr_filtered = rcu_access_pointer(vcpu->vm->policy.msr_filter);
	wr_backend->set_policy(vcpu);
}

/**
 * wr_policy_user_msrs - KVM_CAP_X86_USER_SPACE_MSR: which failed accesses to MSRs end KVM_RUN
 * @vm: the VM; vm->lock is held
 * @args: KVM_MSR_EXIT_REASON_*
 */
int wr_policy_user_msrs(struct wr_vm *vm, const u64 *args)
{
	if (args[0] & ~(u64)USER_MSR_REASONS)
		return -EINVAL;
	WRITE_ONCE(vm->policy.user_msrs, args[0]);
	return 0;
}

/* MWAIT in a guest stops its host's CPU: only where it wakes up for what the host needs. */
static bool can_mwait(void)
{
	return boot_cpu_has(X86_FEATURE_MWAIT) && !boot_cpu_has_bug(X86_BUG_MONITOR) && boot_cpu_has(X86_FEATURE_ARAT);
}

/**
 * wr_policy_can_disable_exits - what KVM_CHECK_EXTENSION says of KVM_CAP_X86_DISABLE_EXITS
 * @vm: not looked at
 */
long wr_policy_can_disable_exits(struct wr_vm *vm)
{
	return KVM_X86_DISABLE_EXITS_HLT | KVM_X86_DISABLE_EXITS_PAUSE | KVM_X86_DISABLE_EXITS_CSTATE |
		(can_mwait() ? KVM_X86_DISABLE_EXITS_MWAIT : 0);
}

/**
 * wr_policy_disable_exits - KVM_CAP_X86_DISABLE_EXITS: vCPUs have their CPUs for themselves
 * @vm: the VM, without vCPUs; vm->lock is held
 * @args: KVM_X86_DISABLE_EXITS_*
 */
int wr_policy_disable_exits(struct wr_vm *vm, const u64 *args)
{
	if (vm->created_vcpus || args[0] & ~(u64)wr_policy_can_disable_exits(vm))
		return -EINVAL;
	vm->policy.disabled_exits |= args[0];
	return 0;
}

/**
 * wr_policy_disable_quirks - KVM_CAP_DISABLE_QUIRKS, KVM_CAP_DISABLE_QUIRKS2
 * @vm: the VM; vm->lock is held
 * @args: all the quirks that are not wanted, KVM_X86_QUIRK_*
 */
int wr_policy_disable_quirks(struct wr_vm *vm, const u64 *args)
{
	if (args[0] & ~(u64)WR_POLICY_QUIRKS)
		return -EINVAL;
	WRITE_ONCE(vm->policy.disabled_quirks, args[0]);
	return 0;
}

/**
 * wr_policy_exception_payload - KVM_CAP_EXCEPTION_PAYLOAD: pending exceptions are told from injected ones
 * @vm: the VM; vm->lock is held
 * @args: 0 or 1
 */
int wr_policy_exception_payload(struct wr_vm *vm, const u64 *args)
{
	WRITE_ONCE(vm->policy.exception_payload, args[0]);
	return 0;
}

/**
 * wr_policy_triple_fault_event - KVM_CAP_X86_TRIPLE_FAULT_EVENT: a triple fault that is to come is an event
 * @vm: the VM; vm->lock is held
 * @args: 0 or 1
 */
int wr_policy_triple_fault_event(struct wr_vm *vm, const u64 *args)
{
	WRITE_ONCE(vm->policy.triple_fault_event, args[0]);
	return 0;
}

/**
 * wr_policy_emulation_failure - KVM_CAP_EXIT_ON_EMULATION_FAILURE: also what programs of the guest run ends KVM_RUN
 * @vm: the VM; vm->lock is held
 * @args: 0 or 1; such exits of kernels (CPL 0) come in any case
 */
int wr_policy_emulation_failure(struct wr_vm *vm, const u64 *args)
{
	if (args[0] & ~1ULL)
		return -EINVAL;
	WRITE_ONCE(vm->policy.exit_on_failure, args[0]);
	return 0;
}

/**
 * wr_policy_platform_info - KVM_CAP_MSR_PLATFORM_INFO: may the guest read it?
 * @vm: the VM; vm->lock is held
 * @args: 0 or 1
 */
int wr_policy_platform_info(struct wr_vm *vm, const u64 *args)
{
	WRITE_ONCE(vm->policy.hides_platform_info, !args[0]);
	return 0;
}

/**
 * wr_policy_max_vcpu_id - KVM_CAP_MAX_VCPU_ID: vCPUs have lower ids
 * @vm: the VM; vm->lock is held
 * @args: bound, set once and before there are vCPUs
 */
int wr_policy_max_vcpu_id(struct wr_vm *vm, const u64 *args)
{
	struct wr_policy *policy = &vm->policy;

	if (args[0] > WR_MAX_VCPU_IDS)
		return -EINVAL;
	if (policy->max_vcpu_id == args[0])
		return 0;
	if (policy->max_vcpu_id || vm->created_vcpus)
		return -EINVAL;
	policy->max_vcpu_id = args[0];
	return 0;
}
