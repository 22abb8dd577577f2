// SPDX-License-Identifier: GPL-2.0-only
/*
 * Time: the guest's TSC and kvm-clock. clock.h tells how they hang together.
 */
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/kvm_para.h>
#include <linux/math64.h>
#include <linux/smp.h>
#include <linux/timekeeping.h>
#include <asm/msr.h>
#include <asm/pvclock-abi.h>
#include <asm/tsc.h>

#include "backend.h"
#include "clock.h"
#include "compat.h"
#include "pv.h"
#include "warren.h"

#define REFRESH_PERIOD		(HZ / 10)

/* Host resumes so far: a vCPU or VM that knows fewer has to look at its clocks. */
static atomic_t resumes = ATOMIC_INIT(0);

static bool host_tsc_stable(void)
{
	return !check_tsc_unstable();
}

/* Time since boot, with suspended time, at the rate of the hardware clock. */
static u64 boot_ns(u64 raw)
{
	return raw + ktime_to_ns(ktime_mono_to_any(0, TK_OFFS_BOOT));
}

/* The guest's TSC, less its offset, when the host's is @tsc; in all vCPUs with this ratio. */
static u64 scale(u64 ratio, u64 tsc)
{
	return likely(!ratio) ? tsc : wr_tsc_scale(tsc, ratio, wr_backend->caps->tsc_ratio_bits);
}

static u64 guest_tsc(const struct wr_vclock *vc, u64 host)
{
	return scale(READ_ONCE(vc->tsc_ratio), host) + READ_ONCE(vc->tsc_offset);
}

/* How fast the guest's TSC is; what userspace said may differ a little where nothing scales. */
static u32 guest_khz(const struct wr_vclock *vc)
{
	return vc->tsc_ratio ? vc->tsc_khz : tsc_khz;
}

/*
 * Read the host's TSC and raw monotonic time at one moment, interrupts off. A clock other than the
 * TSC may take microseconds to read: take the middle.
 */
static u64 read_tsc_and_time(u64 *raw)
{
	u64 before = rdtsc_ordered();

	*raw = ktime_get_raw_ns();
	return before + (rdtsc_ordered() - before) / 2;
}

/* Take the pair that all vCPUs share. */
static void take_base(struct wr_clock *c)
{
	lockdep_assert_held(&c->lock);
	c->base_tsc = read_tsc_and_time(&c->base_raw);
	c->base_ns = boot_ns(c->base_raw);
}

/*
 * The host was suspended: its TSC may have started again at 0 or been kept. A guest's TSC never
 * goes back, so what was lost is given back by the offsets; time spent asleep shows in kvm-clock
 * alone.
 */
static void after_resume(struct wr_clock *c)
{
	u64 raw, now = read_tsc_and_time(&raw);
	u64 expected = c->base_tsc + wr_ns_to_cycles(raw - c->base_raw, tsc_khz);
	s64 lost = expected - now;

	lockdep_assert_held(&c->lock);
	if (lost > 0 && (u64)lost > (u64)tsc_khz * MSEC_PER_SEC) {
		c->tsc_lost += lost;
		c->last_tsc_offset += scale(c->last_ratio, lost);
	}
	c->resumes = atomic_read(&resumes);
	take_base(c);
}

/* The clock that guests see, now. */
static u64 guest_clock(struct wr_clock *c, u64 tsc)
{
	u32 mul;
	s8 shift;

	lockdep_assert_held(&c->lock);
	if (!host_tsc_stable())
		return boot_ns(ktime_get_raw_ns()) + c->offset;
	wr_clock_scale((u64)tsc_khz * 1000, &mul, &shift);
	return c->base_ns + c->offset + wr_clock_cycles_to_ns(tsc - c->base_tsc, mul, shift);
}

/**
 * wr_clock_init - the clock of a new VM begins at 0
 * @vm: new
 *
 * Return: 0, or -ENODEV on a host whose TSC frequency is not known.
 */
int wr_clock_init(struct wr_vm *vm)
{
	struct wr_clock *c = &vm->clock;
	unsigned long flags;

	if (!tsc_khz)
		return -ENODEV;
	raw_spin_lock_init(&c->lock);
	raw_spin_lock_irqsave(&c->lock, flags);
	c->resumes = atomic_read(&resumes);
	c->matched = true;
	take_base(c);
	c->offset = -(s64)c->base_ns;
	raw_spin_unlock_irqrestore(&c->lock, flags);
	vm->tsc_khz = tsc_khz;
	return 0;
}

/**
 * wr_clock_resume - the host comes back from suspend; host.c calls before any vCPU runs
 *
 * Context: any.
 */
void wr_clock_resume(void)
{
	atomic_inc(&resumes);
}

/**
 * wr_clock_get - KVM_GET_CLOCK
 * @vm: the VM
 * @data: out
 *
 * Return: 0. Context: any.
 */
int wr_clock_get(struct wr_vm *vm, struct kvm_clock_data *data)
{
	struct wr_clock *c = &vm->clock;
	unsigned long flags;
	u64 tsc;

	memset(data, 0, sizeof(*data));
	raw_spin_lock_irqsave(&c->lock, flags);
	if (c->resumes != atomic_read(&resumes))
		after_resume(c);
	tsc = rdtsc_ordered();
	data->realtime = ktime_get_real_ns();
	data->clock = guest_clock(c, tsc);
	data->flags = KVM_CLOCK_REALTIME;
	if (host_tsc_stable()) {
		data->host_tsc = tsc;
		data->flags |= KVM_CLOCK_HOST_TSC;
		if (c->matched)
			data->flags |= KVM_CLOCK_TSC_STABLE;
	}
	raw_spin_unlock_irqrestore(&c->lock, flags);
	return 0;
}

/**
 * wr_clock_set - KVM_SET_CLOCK
 * @vm: the VM
 * @data: with KVM_CLOCK_REALTIME the clock goes on from @data->realtime
 *
 * Return: 0, or -EINVAL for unknown flags or padding that is not zero. Context: vCPUs may run.
 */
int wr_clock_set(struct wr_vm *vm, const struct kvm_clock_data *data)
{
	struct wr_clock *c = &vm->clock;
	u64 clock = data->clock, real;
	unsigned long flags;

	if (data->flags & ~(KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC))
		return -EINVAL;
	if (data->pad0 || memchr_inv(data->pad, 0, sizeof(data->pad)))
		return -EINVAL;

	raw_spin_lock_irqsave(&c->lock, flags);
	if (c->resumes != atomic_read(&resumes))
		after_resume(c);
	else
		take_base(c);
	if (data->flags & KVM_CLOCK_REALTIME) {
		/* Never backwards, as when the machine came from a host whose clock is ahead. */
		real = ktime_get_real_ns();
		if (real > data->realtime)
			clock += real - data->realtime;
	}
	c->offset = clock - c->base_ns;
	raw_spin_unlock_irqrestore(&c->lock, flags);

	wr_vm_request_all(vm, WR_REQ_CLOCK, false);
	return 0;
}

/**
 * wr_clock_ctrl - KVM_KVMCLOCK_CTRL: the guest was stopped, its watchdogs should know
 * @vcpu: the vCPU, locked
 *
 * Return: 0, or -EINVAL when the guest uses no kvm-clock.
 */
int wr_clock_ctrl(struct wr_vcpu *vcpu)
{
	if (!(vcpu->clock.system_time_msr & KVM_MSR_ENABLED))
		return -EINVAL;
	vcpu->clock.paused = true;
	wr_vcpu_request(vcpu, WR_REQ_CLOCK);
	return 0;
}

/* Do all vCPUs have one TSC? Their clocks agree in the guest's eyes only then. */
static bool offsets_match(struct wr_vcpu *vcpu)
{
	struct wr_vcpu *other;
	unsigned long i;

	wr_for_each_vcpu(i, other, vcpu->vm)
		if (READ_ONCE(other->clock.tsc_offset) != vcpu->clock.tsc_offset ||
		    READ_ONCE(other->clock.tsc_ratio) != vcpu->clock.tsc_ratio)
			return false;
	return true;
}

/* The vCPU's offset was changed by a write of its TSC. */
static void offset_changed(struct wr_vcpu *vcpu)
{
	struct wr_clock *c = &vcpu->vm->clock;
	unsigned long flags;
	bool was;

	wr_backend->set_tsc(vcpu);
	wr_lapic_tsc_changed(vcpu);
	wr_vcpu_request(vcpu, WR_REQ_CLOCK);

	raw_spin_lock_irqsave(&c->lock, flags);
	was = c->matched;
	c->matched = offsets_match(vcpu);
	was = was != c->matched;
	raw_spin_unlock_irqrestore(&c->lock, flags);
	if (was)
		wr_vm_request_all(vcpu->vm, WR_REQ_CLOCK, false);
}

/* Guest TSC by the host's time, not by its TSC. */
static u64 tsc_by_time(const struct wr_vclock *vc, u64 raw)
{
	return vc->ref_tsc + wr_ns_to_cycles(raw - vc->ref_ns, guest_khz(vc));
}

/**
 * wr_tsc_read - the guest's TSC now
 * @vcpu: any vCPU
 *
 * Context: any.
 */
u64 wr_tsc_read(const struct wr_vcpu *vcpu)
{
	const struct wr_vclock *vc = &vcpu->clock;

	if (unlikely(READ_ONCE(vc->unstable)) && vc->pair_cpu != raw_smp_processor_id())
		return tsc_by_time(vc, ktime_get_raw_ns());
	return guest_tsc(vc, rdtsc());
}
WR_EXPORT_FOR_KUNIT(wr_tsc_read);

/* Set the guest's TSC. Interrupts are off: offset and reference must be of one moment. */
static void set_tsc(struct wr_vcpu *vcpu, u64 tsc)
{
	struct wr_vclock *vc = &vcpu->clock;
	unsigned long flags;

	local_irq_save(flags);
	WRITE_ONCE(vc->tsc_offset, tsc - scale(vc->tsc_ratio, read_tsc_and_time(&vc->ref_ns)));
	vc->tsc_lost = READ_ONCE(vcpu->vm->clock.tsc_lost);
	vc->ref_tsc = tsc;
	vc->last_guest_tsc = 0;
	vc->pair_cpu = smp_processor_id();
	local_irq_restore(flags);
}

/*
 * Userspace writes the TSCs of a VM one after the other, with the same value or with values that
 * went on with time, and means them to be equal. A value within a second of what the last written
 * TSC would read now is such a write, and so is 0.
 */
static bool synchronizing(const struct wr_clock *c, const struct wr_vclock *vc, u64 tsc, u64 raw)
{
	u32 khz = vc->tsc_khz;
	u64 expected = c->last_tsc_write + wr_ns_to_cycles(raw - c->last_tsc_ns, khz);
	s64 distance = tsc - expected;

	if (vc->tsc_khz != c->last_khz || vc->tsc_ratio != c->last_ratio)
		return false;
	return !tsc || abs(distance) < (s64)khz * MSEC_PER_SEC;
}

/* The TSC was set to @tsc at @raw: the next write is compared with this one. */
static void remember_write(struct wr_clock *c, const struct wr_vclock *vc, u64 tsc, u64 raw)
{
	lockdep_assert_held(&c->lock);
	c->last_ref_tsc = vc->ref_tsc;
	c->last_ref_ns = vc->ref_ns;
	c->last_tsc_offset = vc->tsc_offset;
	c->last_khz = vc->tsc_khz;
	c->last_ratio = vc->tsc_ratio;
	c->last_tsc_write = tsc;
	c->last_tsc_ns = raw;
}

static void write_by_userspace(struct wr_vcpu *vcpu, u64 tsc)
{
	struct wr_clock *c = &vcpu->vm->clock;
	struct wr_vclock *vc = &vcpu->clock;
	unsigned long flags;
	u64 raw, host;

	raw_spin_lock_irqsave(&c->lock, flags);
	if (c->resumes != atomic_read(&resumes))
		after_resume(c);
	host = read_tsc_and_time(&raw);
	if (synchronizing(c, vc, tsc, raw)) {
		vc->ref_tsc = c->last_ref_tsc;
		vc->ref_ns = c->last_ref_ns;
		vc->last_guest_tsc = 0;
		vc->pair_cpu = smp_processor_id();
		WRITE_ONCE(vc->tsc_offset, host_tsc_stable() ? c->last_tsc_offset :
			   tsc_by_time(vc, raw) - scale(vc->tsc_ratio, host));
	} else {
		set_tsc(vcpu, tsc);
		remember_write(c, vc, tsc, raw);
	}
	vc->tsc_lost = c->tsc_lost;
	raw_spin_unlock_irqrestore(&c->lock, flags);
}

/**
 * wr_tsc_write - the guest's TSC is set
 * @vcpu: the vCPU; its thread calls
 * @tsc: value
 * @host: by userspace: vCPUs that are written with like values get one offset. The guest's write
 *	shows in TSC_ADJUST.
 *
 * Context: in or outside a stay.
 */
void wr_tsc_write(struct wr_vcpu *vcpu, u64 tsc, bool host)
{
	if (host) {
		write_by_userspace(vcpu, tsc);
	} else {
		vcpu->clock.tsc_adjust += tsc - wr_tsc_read(vcpu);
		set_tsc(vcpu, tsc);
	}
	offset_changed(vcpu);
}

/**
 * wr_tsc_set_offset - KVM_VCPU_TSC_OFFSET is written
 * @vcpu: the vCPU, locked
 * @offset: guest's TSC less the host's, scaled; vCPUs that are given one offset have one TSC
 */
void wr_tsc_set_offset(struct wr_vcpu *vcpu, u64 offset)
{
	struct wr_clock *c = &vcpu->vm->clock;
	struct wr_vclock *vc = &vcpu->clock;
	unsigned long flags;

	raw_spin_lock_irqsave(&c->lock, flags);
	if (c->resumes != atomic_read(&resumes))
		after_resume(c);
	vc->ref_tsc = scale(vc->tsc_ratio, read_tsc_and_time(&vc->ref_ns)) + offset;
	WRITE_ONCE(vc->tsc_offset, offset);
	vc->last_guest_tsc = 0;
	vc->pair_cpu = smp_processor_id();
	vc->tsc_lost = c->tsc_lost;
	remember_write(c, vc, vc->ref_tsc, vc->ref_ns);
	raw_spin_unlock_irqrestore(&c->lock, flags);
	offset_changed(vcpu);
}

/**
 * wr_tsc_adjust_write - IA32_TSC_ADJUST is written
 * @vcpu: the vCPU; its thread calls
 * @adjust: value
 * @host: userspace restores it: the TSC is restored by itself
 *
 * Context: in or outside a stay.
 */
void wr_tsc_adjust_write(struct wr_vcpu *vcpu, u64 adjust, bool host)
{
	struct wr_vclock *vc = &vcpu->clock;
	u64 delta = adjust - vc->tsc_adjust;

	vc->tsc_adjust = adjust;
	if (host || !delta)
		return;
	/* Move by the difference, not to a time read here: vCPUs that do the same stay equal. */
	WRITE_ONCE(vc->tsc_offset, vc->tsc_offset + delta);
	vc->ref_tsc += delta;
	vc->last_guest_tsc = 0;
	offset_changed(vcpu);
}

/* The ratio for a frequency, 0: as the host's; -EINVAL when it is out of reach. */
static int ratio_for(u32 khz, u64 *ratio)
{
	const struct wr_backend_caps *caps = wr_backend->caps;

	*ratio = 0;
	if (khz != tsc_khz)
		*ratio = wr_tsc_ratio(khz, tsc_khz, caps->tsc_ratio_bits, caps->tsc_ratio_max);
	return *ratio || wr_tsc_khz_tolerable(khz, tsc_khz) ? 0 : -EINVAL;
}

/**
 * wr_tsc_set_vm_khz - KVM_SET_TSC_KHZ on a VM: for vCPUs to come
 * @vm: the VM, locked
 * @khz: 0 for the host's
 *
 * Return: as wr_tsc_set_khz().
 */
int wr_tsc_set_vm_khz(struct wr_vm *vm, u32 khz)
{
	u64 ratio;

	if (!khz)
		khz = tsc_khz;
	if (ratio_for(khz, &ratio))
		return -EINVAL;
	vm->tsc_khz = khz;
	return 0;
}

/**
 * wr_tsc_set_khz - KVM_SET_TSC_KHZ on a vCPU
 * @vcpu: the vCPU, locked
 * @khz: 0 for the host's
 *
 * The TSC goes on from where it is. vCPUs that are set to one frequency one after the other have equal TSCs,
 * as if userspace had written them.
 *
 * Return: 0, or -EINVAL for a frequency that is neither the host's nor in reach of the hardware's scaling.
 */
int wr_tsc_set_khz(struct wr_vcpu *vcpu, u32 khz)
{
	struct wr_vclock *vc = &vcpu->clock;
	u64 ratio, tsc = wr_tsc_read(vcpu);

	if (!khz)
		khz = tsc_khz;
	if (ratio_for(khz, &ratio))
		return -EINVAL;
	vc->tsc_khz = khz;
	if (ratio != vc->tsc_ratio) {
		WRITE_ONCE(vc->tsc_ratio, ratio);
		wr_tsc_write(vcpu, tsc, true);
	}
	wr_vcpu_request(vcpu, WR_REQ_CLOCK);
	return 0;
}

/**
 * wr_tsc_scalable - can guests' TSCs have other frequencies than the host's?
 */
bool wr_tsc_scalable(void)
{
	return wr_backend->caps->tsc_ratio_bits;
}

/**
 * wr_tsc_to_ns - how long the guest's TSC takes
 * @vcpu: any vCPU
 * @guest_cycles: cycles
 *
 * Return: ns, at most KTIME_MAX. Context: any.
 */
u64 wr_tsc_to_ns(const struct wr_vcpu *vcpu, u64 guest_cycles)
{
	return wr_cycles_to_ns(guest_cycles, guest_khz(&vcpu->clock));
}

/**
 * wr_tsc_host_at - when the guest's TSC will be at a value, as the host's TSC sees it
 * @vcpu: the vCPU
 * @tsc: the guest's; now, if it has passed
 *
 * Return: the host's TSC, never too early; 2^63 cycles from now at most.
 * Context: any, but only where vcpu->clock.unstable is false.
 */
u64 wr_tsc_host_at(const struct wr_vcpu *vcpu, u64 tsc)
{
	const struct wr_vclock *vc = &vcpu->clock;
	u64 host = rdtsc(), now = guest_tsc(vc, host), ahead;

	if (tsc <= now)
		return host;
	ahead = tsc - now;
	if (vc->tsc_ratio)
		ahead = wr_tsc_unscale(ahead, vc->tsc_ratio, wr_backend->caps->tsc_ratio_bits);
	return host + min(ahead, 1ULL << 63);
}

/**
 * wr_clock_pair - the time of day and the guest's TSC at one moment
 * @vcpu: the vCPU; its thread calls
 * @real_ns: out
 * @tsc: out
 *
 * Return: false where the host's TSC is not stable, and the pair would be worth nothing.
 */
bool wr_clock_pair(const struct wr_vcpu *vcpu, u64 *real_ns, u64 *tsc)
{
	unsigned long flags;
	u64 before;

	if (!host_tsc_stable())
		return false;
	local_irq_save(flags);
	before = rdtsc_ordered();
	*real_ns = ktime_get_real_ns();
	*tsc = guest_tsc(&vcpu->clock, before + (rdtsc_ordered() - before) / 2);
	local_irq_restore(flags);
	return true;
}

/**
 * wr_clock_vcpu_init - a new vCPU has the time of its VM
 * @vcpu: new; may not be in vm->vcpus yet
 */
void wr_clock_vcpu_init(struct wr_vcpu *vcpu)
{
	struct wr_vclock *vc = &vcpu->clock;

	vc->tsc_khz = vcpu->vm->tsc_khz;
	/* Found to be in reach when the VM was told. */
	ratio_for(vc->tsc_khz, &vc->tsc_ratio);
	vc->pair_cpu = -1;
	vc->resumes = atomic_read(&resumes);
	wr_tsc_write(vcpu, 0, true);
}

/**
 * wr_clock_vcpu_reset - power-up or INIT: the guest's pages are forgotten, the TSC goes on
 * @vcpu: the vCPU; its thread calls
 * @init: by INIT, which leaves TSC_ADJUST alone
 */
void wr_clock_vcpu_reset(struct wr_vcpu *vcpu, bool init)
{
	struct wr_vclock *vc = &vcpu->clock;

	vc->system_time_msr = 0;
	vc->paused = false;
	vc->wall_pending = false;
	if (!init)
		vc->tsc_adjust = 0;
}

static void load_slow(struct wr_vcpu *vcpu)
{
	struct wr_vclock *vc = &vcpu->clock;
	struct wr_clock *c = &vcpu->vm->clock;

	if (vc->resumes != atomic_read(&resumes) || !vc->unstable ||
	    vc->pair_cpu != smp_processor_id() ||
	    time_after(jiffies, vc->refreshed + REFRESH_PERIOD))
		wr_vcpu_request(vcpu, WR_REQ_CLOCK);
	/* The first to see that the TSC has become unstable tells the others. */
	if (!host_tsc_stable() && !READ_ONCE(c->unstable) && !xchg(&c->unstable, true))
		wr_vm_request_all(vcpu->vm, WR_REQ_CLOCK, false);
}

/**
 * wr_clock_load - a stay begins
 * @vcpu: the vCPU
 *
 * May make a request, so call it before the requests are looked at for the last time before entry:
 * a guest must not run with another CPU's offset where the TSC is unstable.
 * Context: preemption off.
 */
void wr_clock_load(struct wr_vcpu *vcpu)
{
	struct wr_vclock *vc = &vcpu->clock;

	if (unlikely(vc->resumes != atomic_read(&resumes) || !host_tsc_stable()))
		load_slow(vcpu);
	wr_steal_load(vcpu);
}

/**
 * wr_clock_put - a stay ends
 * @vcpu: the vCPU
 *
 * Context: preemption off, on the CPU of the stay.
 */
void wr_clock_put(struct wr_vcpu *vcpu)
{
	struct wr_vclock *vc = &vcpu->clock;

	if (unlikely(vc->unstable) && vc->pair_cpu == smp_processor_id())
		vc->last_guest_tsc = guest_tsc(vc, rdtsc());
}

/* A host whose TSC is unstable: set the offset by the time, for the present CPU. */
static void realign(struct wr_vclock *vc, u64 tsc, u64 raw)
{
	u64 guest;

	if (vc->was_stable) {
		/* The offset was right until now; the reference may be days old. */
		vc->ref_tsc = guest_tsc(vc, tsc);
		vc->ref_ns = raw;
	}
	guest = tsc_by_time(vc, raw);
	if (vc->last_guest_tsc && (s64)(vc->last_guest_tsc - guest) > 0)
		guest = vc->last_guest_tsc;
	WRITE_ONCE(vc->tsc_offset, guest - scale(vc->tsc_ratio, tsc));
	vc->pair_cpu = smp_processor_id();
}

/* Bring the offset up to date and compute the page. Returns whether the offset changed. */
static bool compute(struct wr_vcpu *vcpu, struct pvclock_vcpu_time_info *info)
{
	struct wr_clock *c = &vcpu->vm->clock;
	struct wr_vclock *vc = &vcpu->clock;
	u64 before = vc->tsc_offset, tsc, raw;
	bool stable = host_tsc_stable();

	lockdep_assert_held(&c->lock);
	if (c->resumes != atomic_read(&resumes))
		after_resume(c);
	WRITE_ONCE(vc->tsc_offset, vc->tsc_offset + scale(vc->tsc_ratio, c->tsc_lost - vc->tsc_lost));
	vc->tsc_lost = c->tsc_lost;
	vc->resumes = c->resumes;
	if (stable) {
		info->tsc_timestamp = c->base_tsc;
		info->system_time = c->base_ns;
		info->flags = c->matched ? PVCLOCK_TSC_STABLE_BIT : 0;
	} else {
		tsc = read_tsc_and_time(&raw);
		realign(vc, tsc, raw);
		info->tsc_timestamp = tsc;
		info->system_time = boot_ns(raw);
	}
	WRITE_ONCE(vc->unstable, !stable);
	vc->was_stable = stable;
	vc->refreshed = jiffies;
	info->tsc_timestamp = guest_tsc(vc, info->tsc_timestamp);
	info->system_time += c->offset;
	wr_clock_scale((u64)guest_khz(vc) * 1000, &info->tsc_to_system_mul, &info->tsc_shift);
	return vc->tsc_offset != before;
}

/* Write the page. The version is odd while its fields do not belong together. */
static void write_time_page(struct wr_vcpu *vcpu, struct pvclock_vcpu_time_info *info)
{
	struct wr_vclock *vc = &vcpu->clock;
	u64 gpa = vc->system_time_msr & ~(u64)KVM_MSR_ENABLED;
	struct pvclock_vcpu_time_info old;
	u32 done;

	if (wr_gpa_read(vcpu->vm, gpa, &old, sizeof(old)))
		return;
	/* The guest takes the mark away when it has seen it. */
	info->flags |= old.flags & PVCLOCK_GUEST_STOPPED;
	if (vc->paused)
		info->flags |= PVCLOCK_GUEST_STOPPED;
	vc->paused = false;

	info->version = (old.version + 1) | 1;
	if (wr_gpa_write(vcpu->vm, gpa, &info->version, sizeof(info->version)))
		return;
	/* Odd before the fields change, */
	smp_wmb();
	if (wr_gpa_write(vcpu->vm, gpa, info, sizeof(*info)))
		return;
	/* and even after they have. */
	smp_wmb();
	done = info->version + 1;
	wr_gpa_write(vcpu->vm, gpa, &done, sizeof(done));
}

/* Write the wall clock time at which kvm-clock was 0. */
static void write_wall_clock(struct wr_vcpu *vcpu, u64 gpa, u64 wall_ns)
{
	struct pvclock_wall_clock wall = {};
	u32 version, rest;

	if (wr_gpa_read(vcpu->vm, gpa, &version, sizeof(version)))
		return;
	wall.version = (version + 1) | 1;
	wall.sec = div_u64_rem(wall_ns, NSEC_PER_SEC, &rest);
	wall.nsec = rest;
	if (wr_gpa_write(vcpu->vm, gpa, &wall, sizeof(wall)))
		return;
	/* The fields before the even version. */
	smp_wmb();
	version = wall.version + 1;
	wr_gpa_write(vcpu->vm, gpa, &version, sizeof(version));
}

/**
 * wr_clock_update - serve WR_REQ_CLOCK: TSC offset, kvm-clock page, wall clock
 * @vcpu: the vCPU; its thread calls
 *
 * Context: outside a stay, may sleep.
 */
void wr_clock_update(struct wr_vcpu *vcpu)
{
	struct wr_clock *c = &vcpu->vm->clock;
	struct wr_vclock *vc = &vcpu->clock;
	struct pvclock_vcpu_time_info info = {};
	unsigned long flags;
	bool changed;
	u64 wall;

	raw_spin_lock_irqsave(&c->lock, flags);
	changed = compute(vcpu, &info);
	wall = ktime_get_real_ns() - guest_clock(c, rdtsc_ordered());
	raw_spin_unlock_irqrestore(&c->lock, flags);

	if (changed) {
		wr_backend->set_tsc(vcpu);
		wr_lapic_tsc_changed(vcpu);
	}
	if (vc->system_time_msr & KVM_MSR_ENABLED)
		write_time_page(vcpu, &info);
	if (vc->wall_pending) {
		vc->wall_pending = false;
		write_wall_clock(vcpu, READ_ONCE(c->wall_clock), wall);
	}
}

/**
 * wr_clock_msr_set - kvm-clock's MSRs
 * @vcpu: the vCPU; its thread calls
 * @index: MSR_KVM_*
 * @data: value: a gpa and flags
 * @host: by userspace
 *
 * Return: 0, or -EINVAL for another MSR or a bad value. Context: in or outside a stay; pages are
 * written by request.
 */
int wr_clock_msr_set(struct wr_vcpu *vcpu, u32 index, u64 data, bool host)
{
	switch (index) {
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_WALL_CLOCK_NEW:
		WRITE_ONCE(vcpu->vm->clock.wall_clock, data);
		/* 0 is nowhere: that is how userspace says that it was never asked for. */
		vcpu->clock.wall_pending = data;
		break;
	case MSR_KVM_SYSTEM_TIME:
	case MSR_KVM_SYSTEM_TIME_NEW:
		vcpu->clock.system_time_msr = data;
		break;
	default:
		return -EINVAL;
	}
	wr_vcpu_request(vcpu, WR_REQ_CLOCK);
	return 0;
}

/**
 * wr_clock_msr_get - read them
 * @vcpu: the vCPU; its thread calls
 * @index: MSR_KVM_*
 * @data: out
 *
 * Return: 0, or -EINVAL for another MSR.
 */
int wr_clock_msr_get(struct wr_vcpu *vcpu, u32 index, u64 *data)
{
	switch (index) {
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_WALL_CLOCK_NEW:
		*data = READ_ONCE(vcpu->vm->clock.wall_clock);
		return 0;
	case MSR_KVM_SYSTEM_TIME:
	case MSR_KVM_SYSTEM_TIME_NEW:
		*data = vcpu->clock.system_time_msr;
		return 0;
	default:
		return -EINVAL;
	}
}
