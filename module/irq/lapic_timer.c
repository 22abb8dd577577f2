// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's timer: one-shot, periodic, TSC deadline.
 *
 * One hrtimer that expires in hard interrupt context. The callback reads LVTT and the period,
 * injects, and in periodic mode moves the expiry on; it changes nothing else, so that the vCPU's
 * thread needs no lock against it. The thread cancels before it arms again, because
 * hrtimer_forward() must not see a timer that was queued meanwhile. One case needs no cancel: a
 * new deadline over an old one, since a callback never forwards in that mode.
 *
 * While the guest runs the hardware may keep a deadline instead (vcpu->exit_tsc): the guest exits when it
 * is reached, and nothing has to be programmed to arm it. A vCPU that halts goes back to the hrtimer. Between
 * stays, or in userspace, nobody watches: the next entry does.
 *
 * What a guest can make the host do is bounded: a period is at least MIN_PERIOD long, and in the
 * other modes each expiry costs the guest one exit to arm it.
 */
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <asm/msr.h>

#include "backend.h"
#include "compat.h"
#include "lapic.h"

/* ns. Guests that ask for more ticks than 5000 a second get fewer. */
#define MIN_PERIOD	(200 * NSEC_PER_USEC)

static u32 timer_mode(const struct wr_lapic *lapic)
{
	return wr_lapic_reg(lapic, APIC_LVTT) & WR_LVTT_MODE;
}

static bool deadline_mode(const struct wr_lapic *lapic)
{
	return timer_mode(lapic) == APIC_LVT_TIMER_TSCDEADLINE;
}

static bool periodic_mode(const struct wr_lapic *lapic)
{
	return timer_mode(lapic) == APIC_LVT_TIMER_PERIODIC;
}

/* Bits 0, 1 and 3 of TDCR make a number n: divide by 2^(n+1), but by 1 for n = 7. */
static u32 divisor(u32 tdcr)
{
	u32 n = (tdcr & 3) | (tdcr & 8) >> 1;

	return 1u << ((n + 1) & 7);
}

static u64 count_to_ns(const struct wr_lapic *lapic, u32 count)
{
	return (u64)count * divisor(wr_lapic_reg(lapic, APIC_TDCR));
}

static enum hrtimer_restart timer_expired(struct hrtimer *hrtimer)
{
	struct wr_lapic *lapic = container_of(hrtimer, struct wr_lapic, timer.hrtimer);
	u64 period = READ_ONCE(lapic->timer.period);

	wr_lapic_local(lapic, APIC_LVTT);
	if (!periodic_mode(lapic) || !period)
		return HRTIMER_NORESTART;
	/*
	 * From the last expiry, not from now: late callbacks must not make the guest's clock
	 * drift.
	 */
	hrtimer_forward_now(hrtimer, ns_to_ktime(max_t(u64, period, MIN_PERIOD)));
	return HRTIMER_RESTART;
}

/* The timer is not queued. @first: ns until it expires. */
static void timer_arm(struct wr_lapic *lapic, u64 first)
{
	if (periodic_mode(lapic))
		first = max_t(u64, first, MIN_PERIOD);
	hrtimer_start(&lapic->timer.hrtimer, ktime_add_ns(ktime_get(), first),
		      HRTIMER_MODE_ABS_HARD);
}

/**
 * wr_lapic_timer_init - make the timer of a local APIC
 * @lapic: local APIC whose registers are not yet in use
 */
void wr_lapic_timer_init(struct wr_lapic *lapic)
{
	wr_hrtimer_setup(&lapic->timer.hrtimer, timer_expired, CLOCK_MONOTONIC,
			 HRTIMER_MODE_ABS_HARD);
}

/**
 * wr_lapic_timer_stop - disarm in any mode
 * @lapic: local APIC
 *
 * No callback runs when it returns. Registers stay as they are.
 * Context: vCPU's thread, interrupts may be off (a callback waits for nobody).
 */
void wr_lapic_timer_stop(struct wr_lapic *lapic)
{
	hrtimer_cancel(&lapic->timer.hrtimer);
	lapic->vcpu->exit_tsc = 0;
	WRITE_ONCE(lapic->timer.period, 0);
	lapic->state.tsc_deadline = 0;
}

/**
 * wr_lapic_timer_restore - count TMICT down, from somewhere below
 * @lapic: local APIC
 * @count: counts left of the present period; 0: a one-shot timer that has expired
 *
 * Context: vCPU's thread.
 */
void wr_lapic_timer_restore(struct wr_lapic *lapic, u32 count)
{
	u32 initial = wr_lapic_reg(lapic, APIC_TMICT);

	wr_lapic_timer_stop(lapic);
	if (!initial || deadline_mode(lapic))
		return;
	if (!count && !periodic_mode(lapic))
		return;
	if (!count || count > initial)
		count = initial;
	WRITE_ONCE(lapic->timer.period, count_to_ns(lapic, initial));
	timer_arm(lapic, count_to_ns(lapic, count));
}

/**
 * wr_lapic_timer_start - the guest wrote TMICT
 * @lapic: local APIC
 *
 * Context: vCPU's thread.
 */
void wr_lapic_timer_start(struct wr_lapic *lapic)
{
	wr_lapic_timer_restore(lapic, wr_lapic_reg(lapic, APIC_TMICT));
}

/**
 * wr_lapic_timer_set_mode - the guest is about to write LVTT
 * @lapic: local APIC, LVTT still old
 * @lvtt: what LVTT will be
 *
 * To and from TSC deadline mode the timer is disarmed. Between one-shot and periodic it counts
 * on: the mode decides at the next expiry.
 * Context: vCPU's thread.
 */
void wr_lapic_timer_set_mode(struct wr_lapic *lapic, u32 lvtt)
{
	bool deadline = (lvtt & WR_LVTT_MODE) == APIC_LVT_TIMER_TSCDEADLINE;

	if (deadline == deadline_mode(lapic))
		return;
	wr_lapic_timer_stop(lapic);
	wr_lapic_set_reg(lapic, APIC_TMICT, 0);
}

/**
 * wr_lapic_timer_set_divide - the guest writes TDCR
 * @lapic: local APIC, TDCR still old
 * @tdcr: new value
 *
 * The counts that are left stay, and pass at the new rate.
 * Context: vCPU's thread.
 */
void wr_lapic_timer_set_divide(struct wr_lapic *lapic, u32 tdcr)
{
	u32 count;

	if (divisor(tdcr) == divisor(wr_lapic_reg(lapic, APIC_TDCR)) || !lapic->timer.period) {
		wr_lapic_set_reg(lapic, APIC_TDCR, tdcr);
		return;
	}
	hrtimer_cancel(&lapic->timer.hrtimer);
	count = wr_lapic_timer_count(lapic);
	wr_lapic_set_reg(lapic, APIC_TDCR, tdcr);
	wr_lapic_timer_restore(lapic, count);
}

/**
 * wr_lapic_timer_count - what TMCCT reads as
 * @lapic: local APIC
 *
 * Rounded up, so that 0 means expired and nothing else.
 * Context: vCPU's thread.
 */
u32 wr_lapic_timer_count(const struct wr_lapic *lapic)
{
	u64 period = lapic->timer.period, left;
	ktime_t remaining;

	if (!period)
		return 0;
	remaining = hrtimer_get_remaining(&lapic->timer.hrtimer);
	if (remaining <= 0)
		return 0;
	left = ktime_to_ns(remaining);
	/* A period shorter than the least: show the count of one that came round in between. */
	if (left > period)
		div64_u64_rem(left, period, &left);
	return DIV_ROUND_UP_ULL(left, divisor(wr_lapic_reg(lapic, APIC_TDCR)));
}

/**
 * wr_lapic_get_deadline - IA32_TSC_DEADLINE
 * @vcpu: the vCPU
 *
 * Return: 0 when disarmed, expired, or not in TSC deadline mode.
 * Context: vCPU's thread.
 */
u64 wr_lapic_get_deadline(const struct wr_vcpu *vcpu)
{
	struct wr_lapic *lapic = vcpu->lapic;

	if (!lapic || !deadline_mode(lapic))
		return 0;
	if (vcpu->exit_tsc || hrtimer_is_queued(&lapic->timer.hrtimer))
		return lapic->state.tsc_deadline;
	/* A callback that runs right now has fired: who reads 0 finds the interrupt. */
	hrtimer_cancel(&lapic->timer.hrtimer);
	return 0;
}
WR_EXPORT_FOR_KUNIT(wr_lapic_get_deadline);

/* Outside a stay nobody knows when the next one begins; an unstable TSC is another one on each CPU. */
static bool hardware_keeps(const struct wr_vcpu *vcpu)
{
	return vcpu->in_stay && wr_backend->caps->exit_timer && !vcpu->clock.unstable;
}

static void arm_hardware(struct wr_vcpu *vcpu, u64 tsc)
{
	struct hrtimer *hrtimer = &vcpu->lapic->timer.hrtimer;

	/* A callback that runs right now is of a deadline that has passed. */
	if (hrtimer_is_queued(hrtimer))
		hrtimer_cancel(hrtimer);
	vcpu->exit_tsc = wr_tsc_host_at(vcpu, tsc);
}

/* @cycles: of the guest's TSC, until it fires */
static void arm_hrtimer(struct wr_vcpu *vcpu, u64 cycles)
{
	/* Never early: the guest would find its deadline ahead and have to arm again. */
	u64 ns = min_t(u64, wr_tsc_to_ns(vcpu, cycles), KTIME_MAX - 1) + 1;

	vcpu->exit_tsc = 0;
	hrtimer_start(&vcpu->lapic->timer.hrtimer, ktime_add_safe(ktime_get(), ns_to_ktime(ns)),
		      HRTIMER_MODE_ABS_HARD);
}

/**
 * wr_lapic_set_deadline - write IA32_TSC_DEADLINE
 * @vcpu: the vCPU
 * @tsc: the guest's TSC at which the timer fires; 0 disarms, one in the past fires at once
 *
 * Ignored outside TSC deadline mode.
 * Context: vCPU's thread, interrupts may be off.
 */
void wr_lapic_set_deadline(struct wr_vcpu *vcpu, u64 tsc)
{
	struct wr_lapic *lapic = vcpu->lapic;
	u64 now;

	if (!lapic || !deadline_mode(lapic))
		return;
	now = wr_tsc_read(vcpu);
	if (tsc <= now) {
		wr_lapic_timer_stop(lapic);
		if (tsc)
			wr_lapic_local(lapic, APIC_LVTT);
		return;
	}
	lapic->state.tsc_deadline = tsc;
	if (hardware_keeps(vcpu))
		arm_hardware(vcpu, tsc);
	else
		arm_hrtimer(vcpu, tsc - now);
}
WR_EXPORT_FOR_KUNIT(wr_lapic_set_deadline);

/**
 * wr_lapic_tsc_changed - the guest's TSC jumped, or has another frequency: the deadline moves with it
 * @vcpu: the vCPU
 *
 * Context: vCPU's thread.
 */
void wr_lapic_tsc_changed(struct wr_vcpu *vcpu)
{
	u64 deadline = wr_lapic_get_deadline(vcpu);

	if (deadline)
		wr_lapic_set_deadline(vcpu, deadline);
}

/**
 * wr_lapic_timer_halt - the vCPU stops, its timer does not
 * @vcpu: the vCPU, about to sleep or poll with vcpu->exit_tsc set
 *
 * Context: vCPU's thread, outside a stay.
 */
void wr_lapic_timer_halt(struct wr_vcpu *vcpu)
{
	wr_lapic_set_deadline(vcpu, vcpu->lapic->state.tsc_deadline);
}

/**
 * wr_lapic_timer_exit - the hardware made the guest exit: is the deadline reached?
 * @vcpu: the vCPU
 *
 * Hardware that cannot count as far as the deadline exits earlier, and the next entry goes on counting.
 * Context: vCPU's thread.
 */
void wr_lapic_timer_exit(struct wr_vcpu *vcpu)
{
	if (!vcpu->exit_tsc || rdtsc() < vcpu->exit_tsc)
		return;
	vcpu->exit_tsc = 0;
	wr_lapic_local(vcpu->lapic, APIC_LVTT);
}
