// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers in struct kvm_run. Userspace may write to that page at any time: what is taken from it is copied first, then checked.
 */
#include <linux/string.h>

#include "state.h"
#include "sync.h"

static int take_regs(struct wr_vcpu *vcpu)
{
	struct kvm_regs regs;

	memcpy(&regs, &vcpu->run->s.regs.regs, sizeof(regs));
	/* No second look at the page */
	barrier();
	return wr_set_regs(vcpu, &regs);
}

static int take_sregs(struct wr_vcpu *vcpu)
{
	struct kvm_sregs sregs;

	memcpy(&sregs, &vcpu->run->s.regs.sregs, sizeof(sregs));
	barrier();
	return wr_set_sregs(vcpu, &sregs);
}

static int take_events(struct wr_vcpu *vcpu)
{
	struct kvm_vcpu_events events;

	memcpy(&events, &vcpu->run->s.regs.events, sizeof(events));
	barrier();
	return wr_event_set(vcpu, &events);
}

static const struct {
	u64 bit;
	int (*take)(struct wr_vcpu *vcpu);
} classes[] = {
	{ KVM_SYNC_X86_REGS, take_regs },
	{ KVM_SYNC_X86_SREGS, take_sregs },
	{ KVM_SYNC_X86_EVENTS, take_events },
};

/**
 * wr_sync_in - take the registers that userspace has changed
 * @vcpu: at the start of KVM_RUN
 *
 * The bit in kvm_dirty_regs of each class that was taken is cleared.
 *
 * Return: 0; -EINVAL for classes that do not exist, and for values that KVM_SET_REGS and its like would refuse.
 */
int wr_sync_in(struct wr_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	u64 dirty = READ_ONCE(run->kvm_dirty_regs);
	size_t i;
	int err;

	if ((dirty | READ_ONCE(run->kvm_valid_regs)) & ~(u64)KVM_SYNC_X86_VALID_FIELDS)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(classes); i++) {
		if (!(dirty & classes[i].bit))
			continue;
		err = classes[i].take(vcpu);
		if (err)
			return err;
		dirty &= ~classes[i].bit;
		WRITE_ONCE(run->kvm_dirty_regs, dirty);
	}
	return 0;
}

/**
 * wr_sync_out - leave the registers that userspace wants to see
 * @vcpu: at the end of KVM_RUN
 */
void wr_sync_out(struct wr_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	u64 valid = READ_ONCE(run->kvm_valid_regs);

	if (valid & KVM_SYNC_X86_REGS)
		wr_get_regs(vcpu, &run->s.regs.regs);
	if (valid & KVM_SYNC_X86_SREGS)
		wr_get_sregs(vcpu, &run->s.regs.sregs);
	if (valid & KVM_SYNC_X86_EVENTS)
		wr_event_get(vcpu, &run->s.regs.events);
}
