// SPDX-License-Identifier: GPL-2.0-only
/*
 * Paravirtual features: which a guest may use, their MSRs, and who gets its CPU time. See pv.h.
 */
#include <linux/errno.h>
#include <linux/kvm_para.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/stat.h>
#include <linux/sched/task.h>

#include "backend.h"
#include "pv.h"
#include "warren.h"

/* MSR_KVM_POLL_CONTROL: the host polls */
#define POLL_ENABLED	BIT_ULL(0)

/**
 * wr_pv_has - may the guest use a feature?
 * @vcpu: the vCPU
 * @feature: KVM_FEATURE_*
 *
 * Return: true also for what the guest's CPUID hides, unless userspace wants that enforced.
 */
bool wr_pv_has(const struct wr_vcpu *vcpu, unsigned int feature)
{
	return !vcpu->pv.enforce || (vcpu->cpuid.kvm_features & BIT(feature));
}

/**
 * wr_pv_reset - power-up or INIT: the guest's pages are forgotten
 * @vcpu: the vCPU; its thread calls
 * @init: by INIT, which does not change who polls
 *
 * Context: outside a stay, may sleep.
 */
void wr_pv_reset(struct wr_vcpu *vcpu, bool init)
{
	wr_steal_set(vcpu, 0);
	vcpu->pv.eoi_msr = 0;
	vcpu->pv.eoi_armed = false;
	vcpu->pv.yield_to = 0;
	WRITE_ONCE(vcpu->pv.unhalted, false);
	if (!init)
		vcpu->pv.no_poll = false;
}

/**
 * wr_pv_unhalt - KVM_HC_KICK_CPU: end a vCPU's HLT, or its next one
 * @vcpu: any
 *
 * Context: any.
 */
void wr_pv_unhalt(struct wr_vcpu *vcpu)
{
	WRITE_ONCE(vcpu->pv.unhalted, true);
	/* The barrier in there pairs with that of the sleeper, who looks at it. */
	wr_vcpu_kick(vcpu);
}

/* The thread that ran a vCPU last, with a reference; NULL: none. */
static struct task_struct *thread_of(struct wr_vcpu *vcpu)
{
	spinlock_t *lock = &vcpu->vm->identity.lock;
	struct task_struct *task;

	spin_lock(lock);
	task = get_pid_task(vcpu->thread, PIDTYPE_PID);
	spin_unlock(lock);
	return task;
}

/**
 * wr_pv_yield - give the rest of this vCPU's time to the one that it named
 * @vcpu: the vCPU; its thread calls
 *
 * Context: outside a stay.
 */
void wr_pv_yield(struct wr_vcpu *vcpu)
{
	struct wr_vcpu *target = wr_vcpu_by_id(vcpu->vm, vcpu->pv.yield_to - 1);
	struct task_struct *task;

	vcpu->pv.yield_to = 0;
	if (!target || target == vcpu)
		return;
	task = thread_of(target);
	if (!task)
		return;
	if (task != current)
		yield_to(task, true);
	put_task_struct(task);
}

static int set_eoi(struct wr_vcpu *vcpu, u64 data)
{
	if (data & ~(u64)KVM_MSR_ENABLED & 3)
		return -EINVAL;
	if ((data & KVM_MSR_ENABLED) && !wr_gpa_is_ram(vcpu->vm, data & ~(u64)KVM_MSR_ENABLED, true))
		return -EINVAL;
	wr_pv_eoi_end(vcpu);
	vcpu->pv.eoi_msr = data;
	return 0;
}

static int set_poll_control(struct wr_vcpu *vcpu, u64 data)
{
	if (data & ~POLL_ENABLED)
		return -EINVAL;
	vcpu->pv.no_poll = !data;
	return 0;
}

static bool allowed(const struct wr_vcpu *vcpu, u32 index)
{
	switch (index) {
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_SYSTEM_TIME:
		return wr_pv_has(vcpu, KVM_FEATURE_CLOCKSOURCE);
	case MSR_KVM_WALL_CLOCK_NEW:
	case MSR_KVM_SYSTEM_TIME_NEW:
		return wr_pv_has(vcpu, KVM_FEATURE_CLOCKSOURCE2);
	case MSR_KVM_STEAL_TIME:
		return wr_pv_has(vcpu, KVM_FEATURE_STEAL_TIME);
	case MSR_KVM_PV_EOI_EN:
		return wr_pv_has(vcpu, KVM_FEATURE_PV_EOI);
	case MSR_KVM_POLL_CONTROL:
		return wr_pv_has(vcpu, KVM_FEATURE_POLL_CONTROL);
	default:
		return false;
	}
}

/**
 * wr_pv_msr_set - write an MSR of a paravirtual feature
 * @vcpu: the vCPU; its thread calls
 * @index: MSR_KVM_*
 * @data: value: a gpa and flags
 * @host: by userspace
 *
 * Return: 0, or -EINVAL for another MSR, a bad value, or a feature that the guest may not use. Context: in or outside a stay;
 * pages are written by request.
 */
int wr_pv_msr_set(struct wr_vcpu *vcpu, u32 index, u64 data, bool host)
{
	if (!allowed(vcpu, index))
		return -EINVAL;
	switch (index) {
	case MSR_KVM_STEAL_TIME:
		return wr_steal_set(vcpu, data);
	case MSR_KVM_PV_EOI_EN:
		return set_eoi(vcpu, data);
	case MSR_KVM_POLL_CONTROL:
		return set_poll_control(vcpu, data);
	default:
		return wr_clock_msr_set(vcpu, index, data, host);
	}
}

/**
 * wr_pv_msr_get - read one
 * @vcpu: the vCPU; its thread calls
 * @index: MSR_KVM_*
 * @data: out
 *
 * Return: 0, or -EINVAL for another MSR, or a feature that the guest may not use.
 */
int wr_pv_msr_get(struct wr_vcpu *vcpu, u32 index, u64 *data)
{
	if (!allowed(vcpu, index))
		return -EINVAL;
	switch (index) {
	case MSR_KVM_STEAL_TIME:
		*data = vcpu->pv.steal_msr;
		return 0;
	case MSR_KVM_PV_EOI_EN:
		*data = vcpu->pv.eoi_msr;
		return 0;
	case MSR_KVM_POLL_CONTROL:
		*data = vcpu->pv.no_poll ? 0 : POLL_ENABLED;
		return 0;
	default:
		return wr_clock_msr_get(vcpu, index, data);
	}
}
