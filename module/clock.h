/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Time: the guest's TSC, kvm-clock, and the ioctls that read and set them.
 *
 * Guest TSC = host TSC * ratio + offset, on the CPU where the vCPU is; the ratio is 1 unless the hardware
 * scales and userspace asked for another frequency. kvm-clock = host time since boot (not slewed by NTP,
 * with suspended time) + an offset of the VM; a guest computes it from a pair (TSC, time) in its page.
 *
 * While the host's TSC is stable one pair per VM serves all vCPUs and is kept as it is: the clock
 * is then a function of the TSC alone, and all vCPUs agree. It is taken again only by KVM_SET_CLOCK
 * and after the host was suspended.
 *
 * Where the host's TSC is not stable (it may differ between CPUs or stop in sleep states) each vCPU
 * gets a new pair and a new TSC offset when it comes to another CPU, and ten times a second:
 * wr_clock_load() asks, wr_clock_update() does. The guest's TSC follows the host's time then, and
 * does not step back.
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
	u64 base_tsc, base_ns;	/* lock: a pair of host readings that all vCPUs use */
	u64 base_raw;		/* lock: raw monotonic ns at the same time */
	int resumes;		/* lock: host resumes that the pair knows of */
	u64 tsc_lost;		/* lock: cycles by which the host's TSC went back in suspends */
	bool matched;		/* lock: all vCPUs have one TSC offset and ratio */
	bool unstable;		/* lock: the vCPUs were told that the TSC is not stable */
	/* The last write of a TSC by userspace, to see that vCPUs are being synchronised. lock */
	u64 last_tsc_write, last_tsc_ns, last_tsc_offset;
	u64 last_ref_tsc, last_ref_ns, last_ratio;
	u32 last_khz;
	u64 wall_clock;		/* [A] MSR: gpa where the boot time was asked for */
};

/* struct wr_vclock - [V] time of one vCPU */
struct wr_vclock {
	u64 tsc_offset;		/* guest TSC = host TSC * ratio + offset; others read both with READ_ONCE() */
	u64 tsc_ratio;		/* fixed point, see struct wr_backend_caps; 0: not scaled */
	u32 tsc_khz;		/* of the guest's TSC, as userspace said */
	u64 system_time_msr;	/* MSR_KVM_SYSTEM_TIME_NEW */
	u64 tsc_adjust;		/* IA32_TSC_ADJUST */
	bool paused;		/* KVM_KVMCLOCK_CTRL: tell the guest that it was stopped */
	bool wall_pending;	/* the wall clock structure was asked for */

	u64 ref_tsc, ref_ns;	/* guest TSC at a raw monotonic time, for an unstable host TSC */
	u64 tsc_lost;		/* of wr_clock.tsc_lost already in tsc_offset */
	u64 last_guest_tsc;	/* at the end of the last stay, when unstable */
	unsigned long refreshed;/* jiffies of the last update */
	int pair_cpu;		/* where tsc_offset holds, when unstable */
	int resumes;		/* host resumes that this vCPU knows of */
	bool unstable;		/* the offset is for pair_cpu alone */
	bool was_stable;	/* the last update found the host's TSC stable */
};

int wr_clock_init(struct wr_vm *vm);
void wr_clock_resume(void);
int wr_clock_get(struct wr_vm *vm, struct kvm_clock_data *data);
int wr_clock_set(struct wr_vm *vm, const struct kvm_clock_data *data);
int wr_clock_ctrl(struct wr_vcpu *vcpu);
void wr_clock_vcpu_init(struct wr_vcpu *vcpu);
void wr_clock_vcpu_reset(struct wr_vcpu *vcpu, bool init);
void wr_clock_load(struct wr_vcpu *vcpu);
void wr_clock_put(struct wr_vcpu *vcpu);
void wr_clock_update(struct wr_vcpu *vcpu);
bool wr_clock_pair(const struct wr_vcpu *vcpu, u64 *real_ns, u64 *tsc);
int wr_clock_msr_set(struct wr_vcpu *vcpu, u32 index, u64 data, bool host);
int wr_clock_msr_get(struct wr_vcpu *vcpu, u32 index, u64 *data);
u64 wr_tsc_read(const struct wr_vcpu *vcpu);
void wr_tsc_write(struct wr_vcpu *vcpu, u64 tsc, bool host);
void wr_tsc_adjust_write(struct wr_vcpu *vcpu, u64 adjust, bool host);
void wr_tsc_set_offset(struct wr_vcpu *vcpu, u64 offset);
int wr_tsc_set_khz(struct wr_vcpu *vcpu, u32 khz);
int wr_tsc_set_vm_khz(struct wr_vm *vm, u32 khz);
u64 wr_tsc_to_ns(const struct wr_vcpu *vcpu, u64 guest_cycles);
u64 wr_tsc_host_at(const struct wr_vcpu *vcpu, u64 tsc);
bool wr_tsc_scalable(void);

/* rate.c */
void wr_clock_scale(u64 hz, u32 *mul, s8 *shift);
u64 wr_clock_cycles_to_ns(u64 cycles, u32 mul, s8 shift);
u64 wr_cycles_to_ns(u64 cycles, u32 khz);
u64 wr_ns_to_cycles(u64 ns, u32 khz);
bool wr_tsc_khz_tolerable(u32 khz, u32 host_khz);
u64 wr_tsc_ratio(u32 khz, u32 host_khz, u8 bits, u64 max);
u64 wr_tsc_scale(u64 tsc, u64 ratio, u8 bits);
u64 wr_tsc_unscale(u64 cycles, u64 ratio, u8 bits);

#endif
