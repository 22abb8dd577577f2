// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC model, on vCPUs that never run: registers, modes, priorities, messages. lapic_timer_kunit.c has
 * the timer.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/slab.h>

#include "compat.h"
#include "irq/lapic.h"
#include "lapic_fixture.h"

#define XAPIC		(BASE | WR_APIC_BASE_ENABLE)
#define X2APIC		(BASE | WR_APIC_BASE_MODE)
#define DISABLED	((u64)BASE)

static u64 rdmsr_of(struct kunit *test, struct wr_vcpu *vcpu, u32 offset)
{
	u64 value = 0;

	KUNIT_EXPECT_EQ(test, wr_lapic_msr_read(vcpu, APIC_BASE_MSR + (offset >> 4), &value), 0);
	return value;
}

static int wrmsr_to(struct wr_vcpu *vcpu, u32 offset, u64 value)
{
	return wr_lapic_msr_write(vcpu, APIC_BASE_MSR + (offset >> 4), value);
}

static void set_mode(struct kunit *test, struct wr_vcpu *vcpu, u64 base)
{
	KUNIT_ASSERT_EQ(test, wr_lapic_set_base(vcpu, base, true), 0);
}

/* What the CPU does with an interrupt: its vector, or -1. */
static int take_interrupt(struct wr_vcpu *vcpu)
{
	int vector = wr_lapic_pending(vcpu);

	if (vector >= 0)
		wr_lapic_accept(vcpu, vector);
	return vector;
}

static void send_ipi(struct wr_vcpu *vcpu, u32 dest, u32 icr)
{
	wr(vcpu, APIC_ICR2, dest << 24);
	wr(vcpu, APIC_ICR, icr);
}

static void reset_state(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vcpu *bsp = &fix->vcpu[0], *ap = &fix->vcpu[1];
	u32 lvt;

	wr_lapic_reset(bsp, false);
	wr_lapic_reset(ap, false);
	KUNIT_EXPECT_EQ(test, bsp->apic_base, XAPIC | WR_APIC_BASE_BSP);
	KUNIT_EXPECT_EQ(test, ap->apic_base, XAPIC);
	KUNIT_EXPECT_EQ(test, rd(ap, APIC_ID), 1u << 24);
	KUNIT_EXPECT_EQ(test, rd(ap, APIC_LVR), 0x50014u);
	KUNIT_EXPECT_EQ(test, rd(ap, APIC_SPIV), 0xffu);
	KUNIT_EXPECT_EQ(test, rd(ap, APIC_DFR), ~0u);
	KUNIT_EXPECT_EQ(test, rd(ap, APIC_LDR), 0u);
	for (lvt = APIC_LVTT; lvt <= APIC_LVTERR; lvt += 0x10)
		KUNIT_EXPECT_EQ(test, rd(ap, lvt), (u32)APIC_LVT_MASKED);
	KUNIT_EXPECT_EQ(test, rd(bsp, APIC_LVT0), (u32)APIC_DM_EXTINT);
	KUNIT_EXPECT_TRUE(test, wr_lapic_accepts_extint(bsp));
	KUNIT_EXPECT_FALSE(test, wr_lapic_accepts_extint(ap));
}

static void init_keeps_mode(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vcpu *vcpu = &fix->vcpu[2];

	set_mode(test, vcpu, X2APIC);
	KUNIT_EXPECT_EQ(test, wrmsr_to(vcpu, APIC_TASKPRI, 0x30), 0);
	set_bit(WR_LAPIC_SIPI, &vcpu->lapic->state.events);
	wr_lapic_reset(vcpu, true);
	KUNIT_EXPECT_EQ(test, vcpu->apic_base, X2APIC);
	KUNIT_EXPECT_EQ(test, rdmsr_of(test, vcpu, APIC_ID), 2ull);
	KUNIT_EXPECT_EQ(test, rdmsr_of(test, vcpu, APIC_LDR), 4ull);
	KUNIT_EXPECT_EQ(test, rdmsr_of(test, vcpu, APIC_TASKPRI), 0ull);
	KUNIT_EXPECT_NE(test, vcpu->lapic->state.events, 0ul);
	wr_lapic_reset(vcpu, false);
	KUNIT_EXPECT_EQ(test, vcpu->apic_base, XAPIC);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_ID), 2u << 24);
	KUNIT_EXPECT_EQ(test, vcpu->lapic->state.events, 0ul);
}

static void mmio_access(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vcpu *vcpu = &fix->vcpu[1];
	u64 wide = ~0ull;
	u8 byte = 0;
	u16 half = 0x1234;

	KUNIT_EXPECT_TRUE(test, wr_lapic_mmio(vcpu, BASE + 0xffc));
	KUNIT_EXPECT_FALSE(test, wr_lapic_mmio(vcpu, BASE + 0x1000));
	KUNIT_EXPECT_FALSE(test, wr_lapic_mmio(vcpu, BASE - 1));

	/* Read-only registers, and masks of the others */
	wr(vcpu, APIC_ID, 0x55000000);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_ID), 1u << 24);
	wr(vcpu, APIC_LVR, 0);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_LVR), 0x50014u);
	wr(vcpu, APIC_LDR, ~0);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_LDR), 0xff000000u);
	wr(vcpu, APIC_DFR, 0);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_DFR), 0x0fffffffu);
	wr(vcpu, APIC_ICR2, ~0);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_ICR2), 0xff000000u);
	wr(vcpu, APIC_LVTERR, ~0);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_LVTERR), 0x100ffu);
	wr(vcpu, APIC_IRR, ~0);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_IRR), 0u);

	/* Parts are read, but not written; nothing crosses a register. */
	wr_lapic_mmio_read(vcpu, BASE + APIC_ID + 3, 1, &byte);
	KUNIT_EXPECT_EQ(test, byte, 1);
	wr_lapic_mmio_read(vcpu, BASE + APIC_ID, 8, &wide);
	KUNIT_EXPECT_EQ(test, wide, 0ull);
	wr_lapic_mmio_write(vcpu, BASE + APIC_TASKPRI, 2, &half);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_TASKPRI), 0u);
	KUNIT_EXPECT_EQ(test, vcpu->lapic->state.errors, 0ul);
}

static void mmio_illegal_register(struct kunit *test)
{
	static const u16 holes[] = { 0x0, 0x10, 0x40, 0x2f0, 0x390 + 0x10, 0x3f0, 0x400, 0xff0 };
	struct fixture *fix = test->priv;
	struct wr_vcpu *vcpu = &fix->vcpu[1];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(holes); i++) {
		KUNIT_EXPECT_EQ(test, rd(vcpu, holes[i]), 0u);
		wr(vcpu, APIC_ESR, 0);
		KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_ESR), (u32)APIC_ESR_ILLREGA);
		wr(vcpu, holes[i], ~0);
		wr(vcpu, APIC_ESR, 0);
		KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_ESR), (u32)APIC_ESR_ILLREGA);
	}
	wr(vcpu, APIC_ESR, 0);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_ESR), 0u);
}

static void mmio_when_not_there(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vcpu *vcpu = &fix->vcpu[1];

	set_mode(test, vcpu, X2APIC);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_LVR), ~0u);
	wr(vcpu, APIC_TASKPRI, 0x50);
	KUNIT_EXPECT_EQ(test, rdmsr_of(test, vcpu, APIC_TASKPRI), 0ull);
	set_mode(test, vcpu, DISABLED);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_LVR), ~0u);
	KUNIT_EXPECT_TRUE(test, wr_lapic_accepts_extint(vcpu));
}

struct msr_case {
	u32 offset;
	u64 data;
	int result;
};

static const struct msr_case msr_writes[] = {
	{ APIC_ID, 1, -EINVAL },
	{ APIC_LVR, 0x50014, -EINVAL },
	{ APIC_TASKPRI, 0xff, 0 },
	{ APIC_TASKPRI, 0x100, -EINVAL },
	{ APIC_TASKPRI, BIT_ULL(32), -EINVAL },
	{ APIC_TASKPRI, 0, 0 },
	{ APIC_ARBPRI, 0, -EINVAL },
	{ APIC_PROCPRI, 0, -EINVAL },
	{ APIC_EOI, 0, 0 },
	{ APIC_EOI, 1, -EINVAL },
	{ APIC_LDR, 2, -EINVAL },
	{ APIC_DFR, ~0u, -EINVAL },
	{ APIC_SPIV, SVR_ON, 0 },
	{ APIC_SPIV, APIC_SPIV_DIRECTED_EOI, -EINVAL },
	{ APIC_SPIV, BIT(10), -EINVAL },
	{ APIC_ISR, 0, -EINVAL },
	{ APIC_IRR + 0x70, 0, -EINVAL },
	{ APIC_ESR, 0, 0 },
	{ APIC_ESR, 1, -EINVAL },
	{ APIC_LVTCMCI, APIC_LVT_MASKED, -EINVAL },
	{ APIC_ICR, BIT(13), -EINVAL },
	{ APIC_ICR, BIT(16), -EINVAL },
	{ APIC_ICR, BIT(20), -EINVAL },
	{ APIC_ICR, APIC_ICR_BUSY | APIC_DEST_SELF | 0x41, 0 },
	{ APIC_ICR2, 0, -EINVAL },
	{ APIC_LVTT, APIC_LVT_TIMER_TSCDEADLINE | APIC_LVT_MASKED | 0x20, 0 },
	{ APIC_LVTT, BIT(8), -EINVAL },
	{ APIC_LVTT, APIC_SEND_PENDING | APIC_LVT_MASKED, 0 },
	{ APIC_LVT0, APIC_LVT_MASKED | APIC_LVT_REMOTE_IRR | APIC_DM_EXTINT, 0 },
	{ APIC_LVT0, BIT(17), -EINVAL },
	{ APIC_LVTPC, APIC_DM_NMI, 0 },
	{ APIC_LVTPC, APIC_LVT_LEVEL_TRIGGER, -EINVAL },
	{ APIC_LVTERR, APIC_DM_NMI, -EINVAL },
	{ APIC_TMICT, ~0u, 0 },
	{ APIC_TMICT, BIT_ULL(32), -EINVAL },
	{ APIC_TMCCT, 0, -EINVAL },
	{ APIC_TDCR, 0xb, 0 },
	{ APIC_TDCR, 4, -EINVAL },
	{ APIC_SELF_IPI, 0x42, 0 },
	{ APIC_SELF_IPI, 0x142, -EINVAL },
	{ 0x400, 0, -EINVAL },
	{ 0xff0, 0, -EINVAL },
};

static void msr_write_checks(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vcpu *vcpu = &fix->vcpu[1];
	const struct msr_case *c;

	KUNIT_EXPECT_EQ(test, wrmsr_to(vcpu, APIC_TASKPRI, 0), -EINVAL);
	set_mode(test, vcpu, X2APIC);
	for (c = msr_writes; c < msr_writes + ARRAY_SIZE(msr_writes); c++)
		KUNIT_EXPECT_EQ_MSG(test, wrmsr_to(vcpu, c->offset, c->data), c->result,
				    "register %#x, value %#llx", c->offset, c->data);
	KUNIT_EXPECT_TRUE(test, in_irr(vcpu, 0x41));
	KUNIT_EXPECT_TRUE(test, in_irr(vcpu, 0x42));
}

static void msr_read_checks(struct kunit *test)
{
	static const u32 bad[] = { APIC_ARBPRI, APIC_EOI, APIC_RRR, APIC_DFR, APIC_ICR2,
				   APIC_SELF_IPI, APIC_LVTCMCI, 0x0, 0x400, 0xff0 };
	struct fixture *fix = test->priv;
	struct wr_vcpu *vcpu = &fix->vcpu[3];
	unsigned int i;
	u64 data;

	KUNIT_EXPECT_EQ(test, wr_lapic_msr_read(vcpu, 0x802, &data), -EINVAL);
	set_mode(test, vcpu, X2APIC);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test, wr_lapic_msr_read(vcpu, 0x800 + (bad[i] >> 4), &data),
				    -EINVAL, "register %#x", bad[i]);
	KUNIT_EXPECT_EQ(test, rdmsr_of(test, vcpu, APIC_ID), 3ull);
	KUNIT_EXPECT_EQ(test, rdmsr_of(test, vcpu, APIC_LDR), 8ull);
	KUNIT_EXPECT_EQ(test, rdmsr_of(test, vcpu, APIC_SPIV), (u64)SVR_ON);
}

static void features_limit_bits(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vcpu *vcpu = &fix->vcpu[1];

	memset(vcpu->cpuid.caps, 0, sizeof(vcpu->cpuid.caps));
	wr(vcpu, APIC_LVTT, APIC_LVT_TIMER_TSCDEADLINE | 0x20);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_LVTT), 0x20u);
	KUNIT_EXPECT_EQ(test, wr_lapic_set_base(vcpu, X2APIC, true), -EINVAL);
}

struct base_case {
	u64 from, to;
	int guest, host;
};

static const struct base_case base_cases[] = {
	{ XAPIC, XAPIC, 0, 0 },
	{ XAPIC, X2APIC, 0, 0 },
	{ XAPIC, DISABLED, 0, 0 },
	{ XAPIC, BASE | WR_APIC_BASE_X2APIC, -EINVAL, -EINVAL },
	{ X2APIC, X2APIC, 0, 0 },
	{ X2APIC, XAPIC, -EINVAL, 0 },
	{ X2APIC, DISABLED, 0, 0 },
	{ X2APIC, BASE | WR_APIC_BASE_X2APIC, -EINVAL, -EINVAL },
	{ DISABLED, DISABLED, 0, 0 },
	{ DISABLED, XAPIC, 0, 0 },
	{ DISABLED, X2APIC, -EINVAL, 0 },
	{ DISABLED, BASE | WR_APIC_BASE_X2APIC, -EINVAL, -EINVAL },
	{ XAPIC, XAPIC | WR_APIC_BASE_BSP, 0, 0 },
	{ XAPIC, XAPIC | BIT_ULL(9), -EINVAL, -EINVAL },
	{ XAPIC, XAPIC | BIT_ULL(0), -EINVAL, -EINVAL },
	{ XAPIC, XAPIC | BIT_ULL(39), 0, 0 },
	{ XAPIC, XAPIC | BIT_ULL(40), -EINVAL, -EINVAL },
	{ XAPIC, XAPIC | BIT_ULL(63), -EINVAL, -EINVAL },
};

static void base_transitions(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vcpu *vcpu = &fix->vcpu[1];
	const struct base_case *c;
	int result;
	bool host;

	for (c = base_cases; c < base_cases + ARRAY_SIZE(base_cases); c++) {
		for (host = false;; host = true) {
			set_mode(test, vcpu, c->from);
			result = wr_lapic_set_base(vcpu, c->to, host);
			KUNIT_EXPECT_EQ_MSG(test, result, host ? c->host : c->guest,
					    "%#llx to %#llx, host %d", c->from, c->to, host);
			KUNIT_EXPECT_EQ(test, vcpu->apic_base, result ? c->from : c->to);
			if (host)
				break;
		}
	}
}

static void disabling_forgets(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vcpu *vcpu = &fix->vcpu[1];

	wr(vcpu, APIC_TASKPRI, 0x20);
	send_ipi(vcpu, 1, 0x51);
	set_mode(test, vcpu, DISABLED);
	KUNIT_EXPECT_EQ(test, wr_lapic_pending(vcpu), -1);
	send_ipi(&fix->vcpu[0], 1, 0x52);
	set_mode(test, vcpu, XAPIC);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_TASKPRI), 0u);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_SPIV), 0xffu);
	KUNIT_EXPECT_EQ(test, wr_lapic_pending(vcpu), -1);
}

static void priorities(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vcpu *vcpu = &fix->vcpu[0];

	KUNIT_EXPECT_EQ(test, wr_lapic_pending(vcpu), -1);
	send_ipi(vcpu, 0, 0x31);
	send_ipi(vcpu, 0, 0x45);
	send_ipi(vcpu, 0, 0x41);
	KUNIT_EXPECT_EQ(test, take_interrupt(vcpu), 0x45);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_PROCPRI), 0x40u);
	KUNIT_EXPECT_EQ(test, take_interrupt(vcpu), -1);
	send_ipi(vcpu, 0, 0x90);
	KUNIT_EXPECT_EQ(test, take_interrupt(vcpu), 0x90);
	wr(vcpu, APIC_EOI, 0);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_PROCPRI), 0x40u);
	wr(vcpu, APIC_EOI, 0);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_PROCPRI), 0u);
	KUNIT_EXPECT_EQ(test, take_interrupt(vcpu), 0x41);
	wr(vcpu, APIC_EOI, 0);
	KUNIT_EXPECT_EQ(test, take_interrupt(vcpu), 0x31);
	wr(vcpu, APIC_EOI, 0);
	KUNIT_EXPECT_EQ(test, take_interrupt(vcpu), -1);
	KUNIT_EXPECT_FALSE(test, wr_lapic_maybe_pending(vcpu->lapic));
	/* One too many does nothing. */
	wr(vcpu, APIC_EOI, 0);
	KUNIT_EXPECT_EQ(test, vcpu->lapic->isr_count, 0);
}

static void task_priority(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vcpu *vcpu = &fix->vcpu[0];

	KUNIT_EXPECT_EQ(test, wr_lapic_max_blocked_vector(vcpu), -1);
	send_ipi(vcpu, 0, 0x45);
	KUNIT_EXPECT_EQ(test, wr_lapic_max_blocked_vector(vcpu), -1);
	wr_lapic_set_cr8(vcpu, 4);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_TASKPRI), 0x40u);
	KUNIT_EXPECT_EQ(test, wr_lapic_pending(vcpu), -1);
	KUNIT_EXPECT_EQ(test, wr_lapic_max_blocked_vector(vcpu), 0x45);
	clear_bit(WR_REQ_EVENT, &vcpu->requests);
	wr(vcpu, APIC_TASKPRI, 0x3f);
	KUNIT_EXPECT_TRUE(test, test_bit(WR_REQ_EVENT, &vcpu->requests));
	KUNIT_EXPECT_EQ(test, wr_lapic_get_cr8(vcpu), 3ull);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_PROCPRI), 0x3fu);
	KUNIT_EXPECT_EQ(test, wr_lapic_max_blocked_vector(vcpu), -1);
	KUNIT_EXPECT_EQ(test, take_interrupt(vcpu), 0x45);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_PROCPRI), 0x40u);
	/* In service, not TPR, holds this one back. */
	send_ipi(vcpu, 0, 0x44);
	KUNIT_EXPECT_EQ(test, wr_lapic_max_blocked_vector(vcpu), -1);
}

static int send_level(struct fixture *fix, u32 dest, u8 vector, bool level, bool assert)
{
	struct wr_lapic_msg msg = {
		.dest = dest, .vector = vector, .level = level, .assert = assert,
	};

	return wr_lapic_deliver(&fix->vm, NULL, &msg);
}

static void eoi_to_userspace(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vcpu *vcpu = &fix->vcpu[0];

	fix->vm.irq.mode = WR_IRQCHIP_SPLIT;
	wr_lapic_reset(vcpu, false);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_LVR), 0x50014u | APIC_LVR_DIRECTED_EOI);
	wr(vcpu, APIC_SPIV, SVR_ON);

	/* Edge: nobody else is told. */
	KUNIT_EXPECT_EQ(test, send_level(fix, 0, 0x61, false, true), 1);
	KUNIT_EXPECT_EQ(test, take_interrupt(vcpu), 0x61);
	wr(vcpu, APIC_EOI, 0);
	KUNIT_EXPECT_FALSE(test, test_bit(WR_REQ_EOI_EXIT, &vcpu->requests));

	/* Level: TMR, and the EOI goes out. */
	KUNIT_EXPECT_EQ(test, send_level(fix, 0, 0x61, true, false), 0);
	KUNIT_EXPECT_EQ(test, send_level(fix, 0, 0x61, true, true), 1);
	KUNIT_EXPECT_EQ(test, send_level(fix, 0, 0x61, true, true), 0);
	KUNIT_EXPECT_EQ(test, take_interrupt(vcpu), 0x61);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_TMR + 0x30), 2u);
	wr(vcpu, APIC_EOI, 0);
	KUNIT_EXPECT_TRUE(test, wr_vcpu_take_request(vcpu, WR_REQ_EOI_EXIT));
	KUNIT_EXPECT_EQ(test, wr_lapic_eoi_vector(vcpu), 0x61);

	/* Level with directed EOI: the guest tells the IOAPIC itself. */
	wr(vcpu, APIC_SPIV, SVR_ON | APIC_SPIV_DIRECTED_EOI);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_SPIV), (u32)(SVR_ON | APIC_SPIV_DIRECTED_EOI));
	send_level(fix, 0, 0x61, true, true);
	KUNIT_EXPECT_EQ(test, take_interrupt(vcpu), 0x61);
	wr(vcpu, APIC_EOI, 0);
	KUNIT_EXPECT_FALSE(test, test_bit(WR_REQ_EOI_EXIT, &vcpu->requests));
}

static void software_disable(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vcpu *vcpu = &fix->vcpu[0];

	clear_bit(WR_REQ_EVENT, &vcpu->requests);
	wr(vcpu, APIC_LVT0, APIC_DM_EXTINT);
	KUNIT_EXPECT_TRUE(test, wr_vcpu_take_request(vcpu, WR_REQ_EVENT));
	wr(vcpu, APIC_LVTT, 0x20);
	send_ipi(vcpu, 0, 0x70);
	wr(vcpu, APIC_SPIV, 0xff);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_LVT0), (u32)(APIC_DM_EXTINT | APIC_LVT_MASKED));
	wr(vcpu, APIC_LVTT, 0x21);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_LVTT), (u32)(0x21 | APIC_LVT_MASKED));
	/* What came before is still delivered, nothing new is taken. */
	KUNIT_EXPECT_EQ(test, send_level(fix, 0, 0x71, false, true), 0);
	KUNIT_EXPECT_EQ(test, take_interrupt(vcpu), 0x70);
	wr(vcpu, APIC_EOI, 0);
	KUNIT_EXPECT_EQ(test, take_interrupt(vcpu), -1);
	wr(vcpu, APIC_SPIV, SVR_ON);
	wr(vcpu, APIC_LVTT, 0x21);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_LVTT), 0x21u);
}

static void physical_destinations(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vcpu *from = &fix->vcpu[1];

	send_ipi(from, 2, 0x50);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x50), BIT(2));
	send_ipi(from, 77, 0x50);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x50), 0ul);
	send_ipi(from, 0xff, 0x50);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x50), ALL_VCPUS);
	send_ipi(from, 3, APIC_DEST_SELF | 0x50);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x50), BIT(1));
	send_ipi(from, 3, APIC_DEST_ALLINC | 0x50);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x50), ALL_VCPUS);
	send_ipi(from, 3, APIC_DEST_ALLBUT | 0x50);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x50), ALL_VCPUS & ~BIT(1));
	set_mode(test, &fix->vcpu[2], DISABLED);
	send_ipi(from, 0xff, 0x50);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x50), ALL_VCPUS & ~BIT(2));

	KUNIT_EXPECT_EQ(test, send_level(fix, 0, 0x50, false, true), 1);
	KUNIT_EXPECT_EQ(test, send_level(fix, 0, 0x50, false, true), 0);
	KUNIT_EXPECT_EQ(test, send_level(fix, 2, 0x50, false, true), -1);
	KUNIT_EXPECT_EQ(test, send_level(fix, 254, 0x50, false, true), -1);
	KUNIT_EXPECT_EQ(test, send_level(fix, 0xff, 0x51, false, true), 3);
	KUNIT_EXPECT_EQ(test, send_level(fix, 0x12345678, 0x50, false, true), -1);
}

static void logical_destinations(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vcpu *from = &fix->vcpu[1];
	unsigned int i;

	for (i = 0; i < NR_VCPUS; i++)
		wr(&fix->vcpu[i], APIC_LDR, BIT(i) << 24);
	send_ipi(from, 0x5, APIC_DEST_LOGICAL | 0x50);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x50), 0x5ul);
	send_ipi(from, 0xff, APIC_DEST_LOGICAL | 0x50);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x50), ALL_VCPUS);

	/* Two clusters of two */
	for (i = 0; i < NR_VCPUS; i++) {
		wr(&fix->vcpu[i], APIC_DFR, 0);
		wr(&fix->vcpu[i], APIC_LDR, (i / 2 << 4 | BIT(i & 1)) << 24);
	}
	send_ipi(from, 0x13, APIC_DEST_LOGICAL | 0x50);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x50), 0xcul);
	send_ipi(from, 0x02, APIC_DEST_LOGICAL | 0x50);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x50), 0x2ul);
	send_ipi(from, 0x23, APIC_DEST_LOGICAL | 0x50);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x50), 0ul);
}

static void x2apic_destinations(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vcpu *from = &fix->vcpu[1];
	u64 logical = APIC_DEST_LOGICAL | 0x50;
	unsigned int i;

	for (i = 0; i < NR_VCPUS; i++)
		set_mode(test, &fix->vcpu[i], X2APIC);
	wrmsr_to(from, APIC_ICR, 3ull << 32 | 0x50);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x50), BIT(3));
	KUNIT_EXPECT_EQ(test, rdmsr_of(test, from, APIC_ICR), 3ull << 32 | 0x50);
	wrmsr_to(from, APIC_ICR, 0xffull << 32 | 0x50);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x50), 0ul);
	wrmsr_to(from, APIC_ICR, 0xffffffffull << 32 | 0x50);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x50), ALL_VCPUS);
	wrmsr_to(from, APIC_ICR, 0x9ull << 32 | logical);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x50), 0x9ul);
	wrmsr_to(from, APIC_ICR, 0x10009ull << 32 | logical);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x50), 0ul);
	wrmsr_to(from, APIC_ICR, 0xffff0009ull << 32 | logical);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x50), 0ul);
	wrmsr_to(from, APIC_ICR, 0xffffffffull << 32 | logical);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x50), ALL_VCPUS);

	/* From the IOAPIC 255 is all, unless userspace knows 32-bit ids. */
	KUNIT_EXPECT_EQ(test, send_level(fix, 0xff, 0x50, false, true), NR_VCPUS);
	fix->vm.irq.x2apic_api = KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK;
	KUNIT_EXPECT_EQ(test, send_level(fix, 0xff, 0x50, false, true), -1);
}

static void lowest_priority(struct kunit *test)
{
	struct fixture *fix = test->priv;
	unsigned long who, seen = 0;
	unsigned int vector;

	for (vector = 0x50; vector < 0x58; vector++) {
		send_ipi(&fix->vcpu[0], 0xff, APIC_DM_LOWEST | vector);
		who = who_got(fix, vector);
		KUNIT_EXPECT_EQ(test, hweight_long(who), 1ul);
		seen |= who;
	}
	KUNIT_EXPECT_EQ(test, seen, ALL_VCPUS);

	/* Who is disabled by software takes no part. */
	wr(&fix->vcpu[2], APIC_SPIV, 0xff);
	for (vector = 0x50; vector < 0x58; vector++) {
		send_ipi(&fix->vcpu[0], 0xff, APIC_DM_LOWEST | vector);
		who = who_got(fix, vector);
		KUNIT_EXPECT_EQ(test, hweight_long(who), 1ul);
		KUNIT_EXPECT_EQ(test, who & BIT(2), 0ul);
	}
}

static void illegal_vectors(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vcpu *vcpu = &fix->vcpu[1];

	wr(vcpu, APIC_LVTERR, 0xe0);
	send_ipi(vcpu, 1, 0x0f);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x0f), 0ul);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0xe0), BIT(1));
	/* Once until ESR is written */
	send_ipi(vcpu, 1, 0x0f);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0xe0), 0ul);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_ESR), 0u);
	wr(vcpu, APIC_ESR, 0);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_ESR), (u32)APIC_ESR_SENDILL);

	KUNIT_EXPECT_EQ(test, send_level(fix, 1, 0x01, false, true), 0);
	wr(vcpu, APIC_ESR, 0);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_ESR), (u32)APIC_ESR_RECVILL);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0xe0), BIT(1));

	/* An illegal vector for the error itself must end. */
	wr(vcpu, APIC_LVTERR, 0x02);
	send_ipi(vcpu, 1, 0x0f);
	wr(vcpu, APIC_ESR, 0);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_ESR), (u32)(APIC_ESR_SENDILL | APIC_ESR_RECVILL));
}

static void init_and_sipi(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vcpu *ap = &fix->vcpu[1];

	ap->mp_state = KVM_MP_STATE_UNINITIALIZED;
	KUNIT_EXPECT_FALSE(test, wr_lapic_has_events(ap));
	send_ipi(&fix->vcpu[0], 1, APIC_DM_STARTUP | 0x10);
	KUNIT_EXPECT_FALSE(test, wr_lapic_has_events(ap));
	send_ipi(&fix->vcpu[0], 1, APIC_DM_INIT | APIC_INT_LEVELTRIG | APIC_INT_ASSERT);
	KUNIT_EXPECT_TRUE(test, wr_lapic_has_events(ap));
	KUNIT_EXPECT_EQ(test, ap->lapic->state.events, BIT(WR_LAPIC_INIT));
	KUNIT_EXPECT_TRUE(test, wr_vcpu_take_request(ap, WR_REQ_EVENT));

	ap->lapic->state.events = 0;
	send_ipi(&fix->vcpu[0], 1, APIC_DM_INIT | APIC_INT_LEVELTRIG);
	KUNIT_EXPECT_EQ(test, ap->lapic->state.events, 0ul);
	ap->mp_state = KVM_MP_STATE_INIT_RECEIVED;
	send_ipi(&fix->vcpu[0], 1, APIC_DM_STARTUP | 0x9a);
	KUNIT_EXPECT_TRUE(test, wr_lapic_has_events(ap));
	KUNIT_EXPECT_EQ(test, ap->lapic->state.sipi_vector, 0x9a);

	/* The second SIPI finds it running, and is dropped rather than kept for later. */
	ap->mp_state = KVM_MP_STATE_RUNNABLE;
	KUNIT_EXPECT_TRUE(test, wr_lapic_has_events(ap));
	wr_lapic_take_events(ap);
	KUNIT_EXPECT_FALSE(test, wr_lapic_has_events(ap));
	KUNIT_EXPECT_EQ(test, ap->mp_state, (u32)KVM_MP_STATE_RUNNABLE);
}

static void nmi(struct kunit *test)
{
	struct fixture *fix = test->priv;
	unsigned int i;

	send_ipi(&fix->vcpu[0], 0, APIC_DEST_ALLBUT | APIC_DM_NMI);
	for (i = 0; i < NR_VCPUS; i++)
		KUNIT_EXPECT_EQ(test, atomic_read(&fix->vcpu[i].event.nmi.queued), i ? 1 : 0);
	/* SMI, remote read and reserved modes arrive nowhere. */
	send_ipi(&fix->vcpu[0], 1, APIC_DM_SMI | 0x50);
	send_ipi(&fix->vcpu[0], 1, APIC_DM_REMRD | 0x50);
	send_ipi(&fix->vcpu[0], 1, APIC_DM_EXTINT | 0x50);
	KUNIT_EXPECT_EQ(test, who_got(fix, 0x50), 0ul);
}

static void get_and_set(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vcpu *from = &fix->vcpu[1];
	struct kvm_lapic_state *state = kunit_kzalloc(test, sizeof(*state), GFP_KERNEL);
	u32 *reg = (u32 *)state->regs;

	KUNIT_ASSERT_NOT_NULL(test, state);
	send_ipi(from, 1, 0x81);
	KUNIT_EXPECT_EQ(test, take_interrupt(from), 0x81);
	send_ipi(from, 1, 0x91);
	wr(from, APIC_TASKPRI, 0x20);
	wr(from, APIC_LVTT, 0x40);
	wr(from, APIC_TMICT, ~0);
	wr_lapic_get(from, state);
	KUNIT_EXPECT_EQ(test, reg[APIC_ID / 4], 1u << 24);
	KUNIT_EXPECT_GT(test, reg[APIC_TMCCT / 4], 0u);

	wr_lapic_reset(from, false);
	/* What a guest could not have written is ignored. */
	reg[APIC_LVR / 4] = 0;
	reg[APIC_LVTERR / 4] = ~0;
	reg[APIC_PROCPRI / 4] = 0xff;
	reg[1] = 0x12345678;
	reg[APIC_TMCCT / 4] = 0x1000000;
	KUNIT_EXPECT_EQ(test, wr_lapic_set(from, state), 0);
	KUNIT_EXPECT_EQ(test, rd(from, APIC_LVR), 0x50014u);
	KUNIT_EXPECT_EQ(test, rd(from, APIC_LVTERR), 0x100ffu);
	KUNIT_EXPECT_EQ(test, rd(from, APIC_PROCPRI), 0x80u);
	KUNIT_EXPECT_EQ(test, *(u32 *)(from->lapic->regs + 4), 0u);
	KUNIT_EXPECT_LE(test, rd(from, APIC_TMCCT), 0x1000000u);
	KUNIT_EXPECT_GT(test, rd(from, APIC_TMCCT), 0u);
	KUNIT_EXPECT_EQ(test, take_interrupt(from), 0x91);
	KUNIT_EXPECT_EQ(test, from->lapic->isr_count, 2);
	wr(from, APIC_EOI, 0);
	wr(from, APIC_EOI, 0);
	KUNIT_EXPECT_EQ(test, rd(from, APIC_PROCPRI), 0x20u);

	/* Somebody else's */
	KUNIT_EXPECT_EQ(test, wr_lapic_set(&fix->vcpu[2], state), -EINVAL);
}

static void get_and_set_x2apic(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vcpu *vcpu = &fix->vcpu[3];
	struct kvm_lapic_state *state = kunit_kzalloc(test, sizeof(*state), GFP_KERNEL);
	u32 *reg = (u32 *)state->regs;

	KUNIT_ASSERT_NOT_NULL(test, state);
	set_mode(test, vcpu, X2APIC);
	KUNIT_EXPECT_EQ(test, wrmsr_to(vcpu, APIC_ICR, 0x12345678ull << 32 | 0x50), 0);
	wr_lapic_get(vcpu, state);
	KUNIT_EXPECT_EQ(test, reg[APIC_ID / 4], 3u << 24);
	KUNIT_EXPECT_EQ(test, reg[APIC_LDR / 4], 8u);
	KUNIT_EXPECT_EQ(test, reg[APIC_ICR2 / 4], 0x12345678u);
	reg[APIC_LDR / 4] = 0;
	KUNIT_EXPECT_EQ(test, wr_lapic_set(vcpu, state), 0);
	KUNIT_EXPECT_EQ(test, rdmsr_of(test, vcpu, APIC_LDR), 8ull);
	KUNIT_EXPECT_EQ(test, rdmsr_of(test, vcpu, APIC_ICR), 0x12345678ull << 32 | 0x50);

	fix->vm.irq.x2apic_api = KVM_X2APIC_API_USE_32BIT_IDS;
	KUNIT_EXPECT_EQ(test, wr_lapic_set(vcpu, state), -EINVAL);
	wr_lapic_get(vcpu, state);
	KUNIT_EXPECT_EQ(test, reg[APIC_ID / 4], 3u);
	KUNIT_EXPECT_EQ(test, wr_lapic_set(vcpu, state), 0);
}

#define STORM	20000

struct sender {
	struct fixture *fix;
	struct completion done;
	unsigned int sent;
};

static int send_storm(void *data)
{
	struct sender *sender = data;
	unsigned int i;

	for (i = 0; i < STORM; i++) {
		sender->sent += send_level(sender->fix, 0, 0x40 + i % 0xa0, false, true);
		if (i % 64 == 0)
			cond_resched();
	}
	complete(&sender->done);
	return 0;
}

/* Whatever was new to the sender is delivered, once. */
static void storm_loses_nothing(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct sender sender = { .fix = fix };
	unsigned int taken = 0;
	struct task_struct *task;
	bool done = false;

	init_completion(&sender.done);
	task = kthread_run(send_storm, &sender, "lapic_kunit");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	for (;;) {
		if (take_interrupt(&fix->vcpu[0]) >= 0) {
			taken++;
			wr(&fix->vcpu[0], APIC_EOI, 0);
			continue;
		}
		if (done)
			break;
		done = completion_done(&sender.done);
		cond_resched();
	}
	KUNIT_EXPECT_EQ(test, taken, sender.sent);
	KUNIT_EXPECT_FALSE(test, wr_lapic_maybe_pending(fix->vcpu[0].lapic));
}

static struct kunit_case lapic_cases[] = {
	KUNIT_CASE(reset_state),
	KUNIT_CASE(init_keeps_mode),
	KUNIT_CASE(mmio_access),
	KUNIT_CASE(mmio_illegal_register),
	KUNIT_CASE(mmio_when_not_there),
	KUNIT_CASE(msr_write_checks),
	KUNIT_CASE(msr_read_checks),
	KUNIT_CASE(features_limit_bits),
	KUNIT_CASE(base_transitions),
	KUNIT_CASE(disabling_forgets),
	KUNIT_CASE(priorities),
	KUNIT_CASE(task_priority),
	KUNIT_CASE(eoi_to_userspace),
	KUNIT_CASE(software_disable),
	KUNIT_CASE(physical_destinations),
	KUNIT_CASE(logical_destinations),
	KUNIT_CASE(x2apic_destinations),
	KUNIT_CASE(lowest_priority),
	KUNIT_CASE(illegal_vectors),
	KUNIT_CASE(init_and_sipi),
	KUNIT_CASE(nmi),
	KUNIT_CASE(get_and_set),
	KUNIT_CASE(get_and_set_x2apic),
	KUNIT_CASE(storm_loses_nothing),
	{}
};

struct kunit_suite wr_lapic_suite = {
	.name = "warren_lapic",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = lapic_cases,
};
