// SPDX-License-Identifier: GPL-2.0-only
/*
 * The timer of the local APIC, on vCPUs that never run: its modes, counts and divisors.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <asm/tsc.h>

#include "compat.h"
#include "irq/lapic.h"
#include "lapic_fixture.h"

static void timer_one_shot(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vcpu *vcpu = &fix->vcpu[0];
	u32 first, second;
	ktime_t start;

	wr(vcpu, APIC_TDCR, APIC_TDR_DIV_16);
	wr(vcpu, APIC_LVTT, 0x40);
	wr(vcpu, APIC_TMICT, ~0);
	start = ktime_get();
	first = rd(vcpu, APIC_TMCCT);
	usleep_range(100, 200);
	second = rd(vcpu, APIC_TMCCT);
	KUNIT_EXPECT_GT(test, first, second);
	KUNIT_EXPECT_LE(test, (s64)(first - second - 1) * 16, ktime_to_ns(ktime_get() - start));
	KUNIT_EXPECT_FALSE(test, in_irr(vcpu, 0x40));

	wr(vcpu, APIC_TMICT, 1000000 / 16);
	msleep(50);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_TMCCT), 0u);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x40), BIT(0));
	msleep(20);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x40), 0ul);

	/* Stopped, and masked */
	wr(vcpu, APIC_TMICT, 1000000 / 16);
	wr(vcpu, APIC_TMICT, 0);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_TMCCT), 0u);
	msleep(20);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x40), 0ul);
	wr(vcpu, APIC_LVTT, APIC_LVT_MASKED | 0x40);
	wr(vcpu, APIC_TMICT, 1000000 / 16);
	msleep(20);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_TMCCT), 0u);
	wr(vcpu, APIC_LVTT, 0x40);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x40), 0ul);
}

static void timer_divides(struct kunit *test)
{
	static const u8 shift[] = { [0] = 1, [1] = 2, [2] = 3, [3] = 4,
				    [8] = 5, [9] = 6, [10] = 7, [11] = 0 };
	struct fixture *fix = test->priv;
	struct wr_vcpu *vcpu = &fix->vcpu[0];
	unsigned int tdcr;

	wr(vcpu, APIC_LVTT, APIC_LVT_MASKED);
	for (tdcr = 0; tdcr <= 11; tdcr++) {
		if (tdcr & 4)
			continue;
		wr(vcpu, APIC_TDCR, tdcr);
		KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_TDCR), tdcr);
		wr(vcpu, APIC_TMICT, 1000000);
		KUNIT_EXPECT_EQ(test, vcpu->lapic->timer.period, 1000000ull << shift[tdcr]);
	}

	/* The count goes on from where it was. */
	wr(vcpu, APIC_TDCR, APIC_TDR_DIV_128);
	wr(vcpu, APIC_TMICT, ~0);
	wr(vcpu, APIC_TDCR, APIC_TDR_DIV_64);
	KUNIT_EXPECT_EQ(test, vcpu->lapic->timer.period, (u64)~0u << 6);
	KUNIT_EXPECT_GT(test, rd(vcpu, APIC_TMCCT), 0xf0000000u);
}

static void timer_periodic(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vcpu *vcpu = &fix->vcpu[0];
	unsigned int i, ticks = 0;

	wr(vcpu, APIC_TDCR, APIC_TDR_DIV_1);
	wr(vcpu, APIC_LVTT, APIC_LVT_TIMER_PERIODIC | 0x40);
	wr(vcpu, APIC_TMICT, 5000000);
	for (i = 0; i < 40 && ticks < 3; i++) {
		msleep(20);
		ticks += hweight_long(who_got(fix, 0x40));
	}
	KUNIT_EXPECT_EQ(test, ticks, 3u);
	KUNIT_EXPECT_LE(test, rd(vcpu, APIC_TMCCT), 5000000u);

	/* The shortest period does not take the host's time. */
	wr(vcpu, APIC_TMICT, 1);
	msleep(20);
	KUNIT_EXPECT_LE(test, rd(vcpu, APIC_TMCCT), 1u);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x40), BIT(0));

	/* To one-shot by LVTT: the present period is the last. */
	wr(vcpu, APIC_LVTT, 0x40);
	msleep(20);
	who_got(fix, 0x40);
	msleep(20);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x40), 0ul);
}

static void timer_deadline(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vcpu *vcpu = &fix->vcpu[0];
	u64 later = wr_tsc_read(vcpu) + tsc_khz * 3600000ull;

	/* Without the mode the MSR does not exist for the timer. */
	wr_lapic_set_deadline(vcpu, later);
	KUNIT_EXPECT_EQ(test, wr_lapic_get_deadline(vcpu), 0ull);

	wr(vcpu, APIC_LVTT, APIC_LVT_TIMER_TSCDEADLINE | 0x40);
	wr(vcpu, APIC_TMICT, 1000);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_TMICT), 0u);
	wr_lapic_set_deadline(vcpu, later);
	KUNIT_EXPECT_EQ(test, wr_lapic_get_deadline(vcpu), later);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_TMCCT), 0u);
	wr_lapic_set_deadline(vcpu, 0);
	KUNIT_EXPECT_EQ(test, wr_lapic_get_deadline(vcpu), 0ull);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x40), 0ul);

	/* Past, soon, never */
	wr_lapic_set_deadline(vcpu, wr_tsc_read(vcpu) - 1);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x40), BIT(0));
	wr_lapic_set_deadline(vcpu, wr_tsc_read(vcpu) + tsc_khz);
	msleep(50);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x40), BIT(0));
	KUNIT_EXPECT_EQ(test, wr_lapic_get_deadline(vcpu), 0ull);
	wr_lapic_set_deadline(vcpu, U64_MAX);
	msleep(20);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x40), 0ul);
	KUNIT_EXPECT_EQ(test, wr_lapic_get_deadline(vcpu), U64_MAX);

	/* Leaving the mode disarms. */
	wr(vcpu, APIC_LVTT, 0x40);
	KUNIT_EXPECT_EQ(test, wr_lapic_get_deadline(vcpu), 0ull);
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&vcpu->lapic->timer.hrtimer));
}

static struct kunit_case timer_cases[] = {
	KUNIT_CASE(timer_one_shot),
	KUNIT_CASE(timer_divides),
	KUNIT_CASE(timer_periodic),
	KUNIT_CASE(timer_deadline),
	{}
};

struct kunit_suite wr_lapic_timer_suite = {
	.name = "warren_lapic_timer",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = timer_cases,
};
