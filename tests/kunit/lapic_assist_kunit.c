// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC where hardware assists: the hardware here is a structure that notes what it was told, and the tests do to the
 * register page what it would.
 */
#include <kunit/test.h>

#include "compat.h"
#include "irq/lapic.h"
#include "lapic_fixture.h"

static struct {
	u8 irr, isr;
	unsigned long eoi_exit[4];
	unsigned int modes;
} told;

static void note_mode(struct wr_vcpu *vcpu)
{
	told.modes++;
}

static void note_sync(struct wr_vcpu *vcpu, u8 irr, u8 isr, const unsigned long *eoi_exit)
{
	told.irr = irr;
	told.isr = isr;
	memcpy(told.eoi_exit, eoi_exit, sizeof(told.eoi_exit));
}

static const struct wr_lapic_assist assist = { .mode = note_mode, .sync = note_sync };

static int assisted_init(struct kunit *test)
{
	int err = fixture_init(test);
	struct fixture *fix = test->priv;
	unsigned int i;

	for (i = 0; !err && i < NR_VCPUS; i++)
		fix->vcpu[i].lapic_assist = &assist;
	memset(&told, 0, sizeof(told));
	return err;
}

static int send(struct fixture *fix, u8 vector, bool level, bool wants_eoi)
{
	struct wr_lapic_msg msg = { .vector = vector, .level = level, .assert = true, .wants_eoi = wants_eoi };

	return wr_lapic_deliver(&fix->vm, NULL, &msg);
}

/* The hardware delivers: from IRR to ISR. */
static void hardware_takes(struct kunit *test, struct wr_vcpu *vcpu, u8 vector)
{
	KUNIT_EXPECT_TRUE(test, in_irr(vcpu, vector));
	clear_bit(vector & 31, wr_lapic_word(vcpu->lapic, APIC_IRR, vector));
	set_bit(vector & 31, wr_lapic_word(vcpu->lapic, APIC_ISR, vector));
}

static void arrival(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vcpu *vcpu = &fix->vcpu[0];

	vcpu->requests = 0;
	KUNIT_EXPECT_EQ(test, send(fix, 0x40, false, false), 1);
	KUNIT_EXPECT_EQ(test, send(fix, 0x91, false, false), 1);
	KUNIT_EXPECT_EQ(test, send(fix, 0x91, false, false), 0);
	/* The page may be the hardware's: nobody has touched it. */
	KUNIT_EXPECT_FALSE(test, in_irr(vcpu, 0x40));
	KUNIT_EXPECT_TRUE(test, test_bit(WR_REQ_EVENT, &vcpu->requests));

	wr_lapic_sync(vcpu, false);
	KUNIT_EXPECT_EQ(test, told.irr, 0x91);
	KUNIT_EXPECT_EQ(test, told.isr, 0);
	hardware_takes(test, vcpu, 0x91);
	wr_lapic_sync(vcpu, false);
	KUNIT_EXPECT_EQ(test, told.irr, 0x40);
	KUNIT_EXPECT_EQ(test, told.isr, 0x91);
	wr_lapic_sync(vcpu, true);
	KUNIT_EXPECT_EQ(test, told.irr, 0);
	KUNIT_EXPECT_EQ(test, told.isr, 0x91);

	/* What the hardware is about to take comes once more. */
	KUNIT_EXPECT_EQ(test, send(fix, 0x40, false, false), 0);
	hardware_takes(test, vcpu, 0x40);
	KUNIT_EXPECT_EQ(test, wr_lapic_pending(vcpu), 0x40);
}

/* The hardware takes interrupts while the guest runs, but for those whose EOI it has yet to be told of. */
static void posting(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vcpu *vcpu = &fix->vcpu[0];
	DECLARE_BITMAP(posted, 256) = { };

	wr_lapic_post_to(vcpu, posted);
	vcpu->requests = 0;
	KUNIT_EXPECT_EQ(test, send(fix, 0x91, false, false), 1);
	KUNIT_EXPECT_EQ(test, send(fix, 0x91, false, false), 0);
	KUNIT_EXPECT_EQ(test, send(fix, 0x40, false, true), 1);
	KUNIT_EXPECT_EQ(test, send(fix, 0x41, true, false), 1);
	KUNIT_EXPECT_TRUE(test, test_bit(0x91, posted));
	KUNIT_EXPECT_EQ(test, bitmap_weight(posted, 256), 1);
	KUNIT_EXPECT_TRUE(test, test_bit(WR_REQ_EVENT, &vcpu->requests));

	/* Moved to IRR before the entry: the hardware will not find it, so somebody must tell. */
	vcpu->requests = 0;
	KUNIT_EXPECT_EQ(test, wr_lapic_pending(vcpu), 0x91);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(posted, 256));
	KUNIT_EXPECT_TRUE(test, test_bit(WR_REQ_EVENT, &vcpu->requests));

	send(fix, 0xa2, false, false);
	vcpu->requests = 0;
	wr_lapic_sync(vcpu, false);
	KUNIT_EXPECT_EQ(test, told.irr, 0xa2);
	KUNIT_EXPECT_FALSE(test, test_bit(WR_REQ_EVENT, &vcpu->requests));
}

static void eoi_exits(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vcpu *vcpu = &fix->vcpu[0];

	send(fix, 0x41, false, false);
	send(fix, 0x52, true, false);
	send(fix, 0x63, false, true);
	wr_lapic_sync(vcpu, false);
	KUNIT_EXPECT_FALSE(test, test_bit(0x41, told.eoi_exit));
	KUNIT_EXPECT_TRUE(test, test_bit(0x52, told.eoi_exit));
	KUNIT_EXPECT_TRUE(test, test_bit(0x63, told.eoi_exit));
	send(fix, 0x52, false, false);
	wr_lapic_sync(vcpu, false);
	KUNIT_EXPECT_FALSE(test, test_bit(0x52, told.eoi_exit));

	/* A split irqchip's IOAPIC hears of the EOI that exited. */
	fix->vm.irq.mode = WR_IRQCHIP_SPLIT;
	send(fix, 0x52, true, false);
	vcpu->requests = 0;
	wr_lapic_eoi_done(vcpu, 0x52);
	KUNIT_EXPECT_TRUE(test, test_bit(WR_REQ_EOI_EXIT, &vcpu->requests));
	KUNIT_EXPECT_EQ(test, wr_lapic_eoi_vector(vcpu), 0x52);
}

static void eoi_by_software(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vcpu *vcpu = &fix->vcpu[0];

	send(fix, 0x40, false, false);
	wr_lapic_sync(vcpu, false);
	hardware_takes(test, vcpu, 0x40);
	send(fix, 0x80, false, false);
	wr_lapic_sync(vcpu, false);
	hardware_takes(test, vcpu, 0x80);
	vcpu->requests = 0;
	wr(vcpu, APIC_EOI, 0);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_PROCPRI), 0x40u);
	/* The hardware thinks that 0x80 is in service until it is told. */
	KUNIT_EXPECT_TRUE(test, test_bit(WR_REQ_EVENT, &vcpu->requests));
	wr_lapic_sync(vcpu, false);
	KUNIT_EXPECT_EQ(test, told.isr, 0x40);
	wr(vcpu, APIC_EOI, 0);
	wr_lapic_sync(vcpu, false);
	KUNIT_EXPECT_EQ(test, told.isr, 0);
}

static void writes_by_hardware(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vcpu *vcpu = &fix->vcpu[0];

	/* An illegal vector for itself: an error, as without assistance. */
	wr_lapic_set_reg(vcpu->lapic, APIC_SELF_IPI, 3);
	wr_lapic_written(vcpu, APIC_SELF_IPI);
	wr(vcpu, APIC_ESR, 0);
	KUNIT_EXPECT_EQ(test, rd(vcpu, APIC_ESR), (u32)APIC_ESR_SENDILL);
	/* TPR by the hardware: nothing of it is kept elsewhere. */
	send(fix, 0x40, false, false);
	wr_lapic_set_reg(vcpu->lapic, APIC_TASKPRI, 0x50);
	wr_lapic_set_reg(vcpu->lapic, APIC_PROCPRI, 0x50);
	KUNIT_EXPECT_EQ(test, wr_lapic_pending(vcpu), -1);
	wr_lapic_set_cr8(vcpu, 0);
	KUNIT_EXPECT_EQ(test, wr_lapic_pending(vcpu), 0x40);
}

static void state(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vcpu *vcpu = &fix->vcpu[0];
	struct kvm_lapic_state *regs = kunit_kzalloc(test, sizeof(*regs), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, regs);
	send(fix, 0x40, false, false);
	wr_lapic_get(vcpu, regs);
	KUNIT_EXPECT_EQ(test, *(u32 *)(regs->regs + APIC_IRR + 0x20), 1u);

	/* What was under way before does not outlive what is set; who sent what is set, nobody knows. */
	send(fix, 0x71, false, false);
	KUNIT_EXPECT_EQ(test, wr_lapic_set(vcpu, regs), 0);
	wr_lapic_sync(vcpu, false);
	KUNIT_EXPECT_EQ(test, told.irr, 0x40);
	KUNIT_EXPECT_TRUE(test, bitmap_full(told.eoi_exit, 256));

	send(fix, 0x71, false, false);
	wr_lapic_reset(vcpu, true);
	wr_lapic_sync(vcpu, false);
	KUNIT_EXPECT_EQ(test, told.irr, 0);
}

static void modes(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vcpu *vcpu = &fix->vcpu[1];

	KUNIT_EXPECT_EQ(test, wr_lapic_set_base(vcpu, BASE | WR_APIC_BASE_MODE, true), 0);
	KUNIT_EXPECT_EQ(test, told.modes, 1u);
	KUNIT_EXPECT_EQ(test, wr_lapic_set_base(vcpu, BASE | WR_APIC_BASE_MODE, true), 0);
	KUNIT_EXPECT_EQ(test, told.modes, 1u);
	/* Off: what is in IRR stays there. */
	wr_lapic_set_reg(vcpu->lapic, APIC_IRR + 0x20, 1);
	vcpu->apic_base &= ~WR_APIC_BASE_MODE;
	wr_lapic_sync(vcpu, false);
	KUNIT_EXPECT_EQ(test, told.irr, 0);
}

static void plain_msrs(struct kunit *test)
{
	static const u32 not_plain[] = { APIC_EOI, APIC_ICR, APIC_ICR2, APIC_DFR, APIC_TMCCT, APIC_SELF_IPI, 0, 0x90 };
	int i;

	KUNIT_EXPECT_TRUE(test, wr_lapic_msr_is_plain(APIC_BASE_MSR + (APIC_TASKPRI >> 4)));
	KUNIT_EXPECT_TRUE(test, wr_lapic_msr_is_plain(APIC_BASE_MSR + (APIC_IRR >> 4) + 7));
	for (i = 0; i < ARRAY_SIZE(not_plain); i++)
		KUNIT_EXPECT_FALSE(test, wr_lapic_msr_is_plain(APIC_BASE_MSR + (not_plain[i] >> 4)));
	KUNIT_EXPECT_FALSE(test, wr_lapic_msr_is_plain(APIC_BASE_MSR - 1));
	KUNIT_EXPECT_FALSE(test, wr_lapic_msr_is_plain(APIC_BASE_MSR + 0x40));
}

static struct kunit_case assist_cases[] = {
	KUNIT_CASE(arrival),
	KUNIT_CASE(posting),
	KUNIT_CASE(eoi_exits),
	KUNIT_CASE(eoi_by_software),
	KUNIT_CASE(writes_by_hardware),
	KUNIT_CASE(state),
	KUNIT_CASE(modes),
	KUNIT_CASE(plain_msrs),
	{}
};

struct kunit_suite wr_lapic_assist_suite = {
	.name = "warren_lapic_assist",
	.init = assisted_init,
	.exit = fixture_exit,
	.test_cases = assist_cases,
};
