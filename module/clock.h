/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Time: the guest's TSC, kvm-clock, and the ioctls that read and set them.
 */
#ifndef WARREN_CLOCK_H
#define WARREN_CLOCK_H

#include <linux/kvm.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct wr_vm;
struct wr_vcpu;

/* struct wr_clock - kvm-clock of a VM: guest ns = host boot-time ns + offset */
struct wr_clock {
	raw_spinlock_t lock;
	s64 offset;		/* lock: ns */
	u64 base_tsc, base_ns;	/* lock: a pair of host readings that all vCPUs use, so that the clock is stable */
	/* The last KVM write of a TSC, to see that vCPUs are being synchronised. lock */
	u64 last_tsc_write, last_tsc_ns, last_tsc_offset;
	u64 wall_clock;		/* MSR: gpa where the boot time was asked for */
};

/* struct wr_vclock - [V] time of one vCPU */
struct wr_vclock {
	u64 tsc_offset;		/* guest TSC = host TSC (scaled) + offset */
	u32 tsc_khz;		/* of the guest's TSC */
	u64 system_time_msr;	/* MSR_KVM_SYSTEM_TIME_NEW */
	u64 steal_msr;
	u64 tsc_adjust;		/* IA32_TSC_ADJUST */
	bool paused;		/* KVM_KVMCLOCK_CTRL: tell the guest that it was stopped */
	u64 steal_last;		/* run_delay already told */
};

int wr_clock_init(struct wr_vm *vm);
int wr_clock_get(struct wr_vm *vm, struct kvm_clock_data *data);
int wr_clock_set(struct wr_vm *vm, const struct kvm_clock_data *data);
int wr_clock_ctrl(struct wr_vcpu *vcpu);
void wr_clock_vcpu_init(struct wr_vcpu *vcpu);
void wr_clock_update(struct wr_vcpu *vcpu);		/* serves WR_REQ_CLOCK; may sleep */
void wr_clock_update_steal(struct wr_vcpu *vcpu);	/* serves WR_REQ_STEAL; may sleep */
int wr_clock_msr_set(struct wr_vcpu *vcpu, u32 index, u64 data, bool host);
int wr_clock_msr_get(struct wr_vcpu *vcpu, u32 index, u64 *data);
u64 wr_tsc_read(const struct wr_vcpu *vcpu);		/* the guest's TSC now; any context */
void wr_tsc_write(struct wr_vcpu *vcpu, u64 tsc, bool host);
int wr_tsc_set_khz(struct wr_vcpu *vcpu, u32 khz);
u64 wr_tsc_to_ns(const struct wr_vcpu *vcpu, u64 guest_cycles);

#endif
