// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steal time: how long a vCPU waited for a CPU, and that it waits now. pv.h tells what others make of the latter.
 */
#include <linux/errno.h>
#include <linux/kvm_para.h>
#include <linux/sched.h>

#include "backend.h"
#include "pv.h"
#include "warren.h"

static u64 run_delay(void)
{
#ifdef CONFIG_SCHED_INFO
	return current->sched_info.run_delay;
#else
	return 0;
#endif
}

static bool enabled(const struct wr_vcpu *vcpu)
{
	return vcpu->pv.steal_msr & KVM_MSR_ENABLED;
}

static u64 field_gpa(const struct wr_vcpu *vcpu, size_t offset)
{
	return (vcpu->pv.steal_msr & KVM_STEAL_VALID_BITS) + offset;
}

/**
 * wr_steal_load - a stay begins: has the vCPU waited?
 * @vcpu: the vCPU
 *
 * May make a request. Context: preemption off.
 */
void wr_steal_load(struct wr_vcpu *vcpu)
{
	if (enabled(vcpu) && run_delay() != vcpu->pv.steal_last)
		wr_vcpu_request(vcpu, WR_REQ_STEAL);
}

/*
 * Take the mark away. From here on others interrupt this vCPU again; what they wrote down for it until here is owed now. Where
 * the page cannot be read nobody knows what they wrote.
 */
static void unmark(struct wr_vcpu *vcpu)
{
	u8 old = KVM_VCPU_PREEMPTED, none = 0;
	u64 gpa = field_gpa(vcpu, offsetof(struct kvm_steal_time, preempted));
	int r, tries = 0;

	/* Others write each flag once; whoever writes on and on is not waited for. */
	do {
		r = wr_gpa_cmpxchg(vcpu->vm, gpa, &old, &none, sizeof(old));
	} while (r == 1 && ++tries < WR_PV_MAX_TRIES);
	vcpu->pv.marked = false;
	if (r || (old & KVM_VCPU_FLUSH_TLB))
		wr_guest_flushed(vcpu);
}

/* The steal field goes on, between an odd version and an even one. */
static void add_steal(struct wr_vcpu *vcpu, u64 waited)
{
	u64 at = field_gpa(vcpu, 0);
	struct wr_vm *vm = vcpu->vm;
	struct kvm_steal_time st;

	if (wr_gpa_read(vm, at, &st, sizeof(st)))
		return;
	st.version = (st.version + 1) | 1;
	if (wr_gpa_write(vm, at + offsetof(struct kvm_steal_time, version), &st.version, sizeof(st.version)))
		return;
	/* Odd before the field changes, */
	smp_wmb();
	st.steal += waited;
	if (wr_gpa_write(vm, at + offsetof(struct kvm_steal_time, steal), &st.steal, sizeof(st.steal)))
		return;
	/* and even after it has. */
	smp_wmb();
	st.version++;
	wr_gpa_write(vm, at + offsetof(struct kvm_steal_time, version), &st.version, sizeof(st.version));
}

/**
 * wr_steal_update - serve WR_REQ_STEAL: tell the guest how long it waited for a CPU, and that it runs
 * @vcpu: the vCPU; its thread calls
 *
 * Context: outside a stay, may sleep.
 */
void wr_steal_update(struct wr_vcpu *vcpu)
{
	u64 delay = run_delay(), told = vcpu->pv.steal_last;

	if (!enabled(vcpu))
		return;
	/* Told or not: where there is no memory wr_steal_load() must not ask for ever. */
	vcpu->pv.steal_last = delay;
	/* Another thread than before has waited for less: nothing is known then. */
	add_steal(vcpu, delay > told ? delay - told : 0);
	unmark(vcpu);
}

/**
 * wr_steal_mark - the vCPU's thread is about to give up its CPU
 * @vcpu: the vCPU; its thread calls
 *
 * Tells the guest's other vCPUs not to wait for this one, nor to interrupt it for a flush. wr_steal_update() takes it back, before
 * the next entry.
 * Context: outside a stay, may sleep.
 */
void wr_steal_mark(struct wr_vcpu *vcpu)
{
	u8 preempted = KVM_VCPU_PREEMPTED;

	/* A second mark would wipe out what others wrote into the first. */
	if (!enabled(vcpu) || vcpu->pv.marked)
		return;
	/* Before the mark: no entry may come between it and the look at what others wrote. */
	wr_vcpu_request(vcpu, WR_REQ_STEAL);
	vcpu->pv.marked = true;
	wr_gpa_write(vcpu->vm, field_gpa(vcpu, offsetof(struct kvm_steal_time, preempted)), &preempted, sizeof(preempted));
}

/**
 * wr_steal_set - MSR_KVM_STEAL_TIME is written
 * @vcpu: the vCPU; its thread calls
 * @data: gpa and KVM_MSR_ENABLED
 *
 * Return: 0, or -EINVAL for reserved bits. Context: in or outside a stay. A vCPU in one is not marked.
 */
int wr_steal_set(struct wr_vcpu *vcpu, u64 data)
{
	if (data & KVM_STEAL_RESERVED_MASK)
		return -EINVAL;
	/* The old page must not say for ever that this vCPU does not run. */
	if (vcpu->pv.marked)
		unmark(vcpu);
	vcpu->pv.steal_msr = data;
	if (!enabled(vcpu))
		return 0;
	/* What was waited for before is nobody's loss. */
	vcpu->pv.steal_last = run_delay();
	wr_vcpu_request(vcpu, WR_REQ_STEAL);
	return 0;
}
