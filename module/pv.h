/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a guest that knows its hypervisor shares with it, besides the clock (clock.h): steal time, ends of interrupts without an
 * exit, and what CPUID's leaf 4000_0001 lets it ask for.
 *
 * Steal time's page also says that a vCPU does not run. Other vCPUs of the guest then leave it a note (KVM_VCPU_FLUSH_TLB) instead
 * of sending it an interrupt: who takes the mark away owes that flush before the next entry. tests/kunit/tlb_kunit.c plays that.
 */
#ifndef WARREN_PV_H
#define WARREN_PV_H

#include <linux/types.h>

struct wr_vcpu;

/* How often a byte of the guest's is exchanged that other vCPUs have no reason to write on and on */
#define WR_PV_MAX_TRIES	8

/* struct wr_pv - of one vCPU */
struct wr_pv {
	bool enforce;		/* [V] KVM_CAP_ENFORCE_PV_FEATURE_CPUID: only what the guest's CPUID says */
	bool no_poll;		/* [V] the guest polls itself before HLT: MSR_KVM_POLL_CONTROL */
	bool unhalted;		/* [A] KVM_HC_KICK_CPU: the present HLT, or the next, ends at once */
	bool marked;		/* [V] steal time's page says that this vCPU does not run */
	bool eoi_armed;		/* [V] the guest may end the interrupt in service by clearing a bit */
	bool in_user;		/* [V] userspace serves a hypercall */
	u32 yield_to;		/* [V] 1 + id of the vCPU that is to have this one's time, 0: none */
	u64 steal_msr;		/* [V] */
	u64 steal_last;		/* [V] run_delay already told */
	u64 eoi_msr;		/* [V] */
	u64 hypercall_rip;	/* [V] of the hypercall that userspace serves */
};

/* pv.c */
bool wr_pv_has(const struct wr_vcpu *vcpu, unsigned int feature);
void wr_pv_reset(struct wr_vcpu *vcpu, bool init);
void wr_pv_unhalt(struct wr_vcpu *vcpu);
void wr_pv_yield(struct wr_vcpu *vcpu);
int wr_pv_msr_set(struct wr_vcpu *vcpu, u32 index, u64 data, bool host);
int wr_pv_msr_get(struct wr_vcpu *vcpu, u32 index, u64 *data);

/* steal.c */
void wr_steal_load(struct wr_vcpu *vcpu);
void wr_steal_update(struct wr_vcpu *vcpu);
void wr_steal_mark(struct wr_vcpu *vcpu);
int wr_steal_set(struct wr_vcpu *vcpu, u64 data);

/* irq/pv_eoi.c */
void wr_pv_eoi_arm(struct wr_vcpu *vcpu);
int wr_pv_eoi_sync(struct wr_vcpu *vcpu);
void wr_pv_eoi_end(struct wr_vcpu *vcpu);

#endif
