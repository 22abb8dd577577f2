// SPDX-License-Identifier: GPL-2.0-only
/*
 * The IOAPIC, with a local APIC that only counts.
 */
#include <kunit/test.h>
#include <linux/delay.h>

#include "irq/chips.h"

#define SELECT		0x00
#define WINDOW		0x10

#define LEVEL		BIT(15)
#define MASKED		BIT(16)
#define REMOTE_IRR	BIT(14)

struct fixture {
	struct wr_ioapic ioapic;
	struct wr_lapic_msg last;
	int sent;
	int answer;		/* what deliver() returns */
};

static int count_message(struct wr_ioapic *ioapic, const struct wr_lapic_msg *msg)
{
	struct fixture *fix = container_of(ioapic, struct fixture, ioapic);

	fix->last = *msg;
	fix->sent++;
	return fix->answer;
}

static u32 rd(struct wr_ioapic *ioapic, u32 reg)
{
	wr_ioapic_reg_write(ioapic, SELECT, reg);
	return wr_ioapic_reg_read(ioapic, WINDOW);
}

static void wr(struct wr_ioapic *ioapic, u32 reg, u32 value)
{
	wr_ioapic_reg_write(ioapic, SELECT, reg);
	wr_ioapic_reg_write(ioapic, WINDOW, value);
}

static u32 rd_entry(struct wr_ioapic *ioapic, u32 pin)
{
	return rd(ioapic, 0x10 + 2 * pin);
}

static void wr_entry(struct wr_ioapic *ioapic, u32 pin, u32 low)
{
	wr(ioapic, 0x10 + 2 * pin, low);
}

static int set(struct wr_ioapic *ioapic, u32 pin, int level)
{
	return wr_ioapic_set_irq(ioapic, pin, WR_IRQ_SOURCE_USER, level);
}

static int ioapic_setup(struct kunit *test)
{
	struct fixture *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fix);
	wr_ioapic_init(&fix->ioapic, NULL);
	fix->ioapic.deliver = count_message;
	fix->answer = 1;
	test->priv = fix;
	return 0;
}

static void ioapic_teardown(struct kunit *test)
{
	struct fixture *fix = test->priv;

	cancel_delayed_work_sync(&fix->ioapic.storm);
}

static void registers(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_ioapic *ioapic = &fix->ioapic;

	KUNIT_EXPECT_EQ(test, rd(ioapic, 1), 0x00170011u);
	wr(ioapic, 0, 0xffffffff);
	KUNIT_EXPECT_EQ(test, rd(ioapic, 0), 0x0f000000u);
	KUNIT_EXPECT_EQ(test, rd(ioapic, 2), 0x0f000000u);
	KUNIT_EXPECT_EQ(test, rd_entry(ioapic, 23), MASKED);
	/* No pin behind the last, and no EOI register in this version. */
	wr(ioapic, 0x40, 0xffffffff);
	KUNIT_EXPECT_EQ(test, rd(ioapic, 0x40), 0u);
	KUNIT_EXPECT_EQ(test, rd(ioapic, 0xff), 0u);
	wr_ioapic_reg_write(ioapic, 0x40, 0x31);
	KUNIT_EXPECT_EQ(test, wr_ioapic_reg_read(ioapic, 0x40), 0u);
	/* Delivery status and remote IRR are not written. */
	wr_entry(ioapic, 3, 0xffffffff);
	KUNIT_EXPECT_EQ(test, rd_entry(ioapic, 3), 0x0001afffu);
	wr(ioapic, 0x17, 0xffffffff);
	KUNIT_EXPECT_EQ(test, rd(ioapic, 0x17), 0xff000000u);
}

static void message(struct kunit *test)
{
	struct fixture *fix = test->priv;

	wr(&fix->ioapic, 0x15, 0x07000000);
	wr_entry(&fix->ioapic, 2, 0x31 | 1 << 8 | BIT(11));
	KUNIT_EXPECT_EQ(test, set(&fix->ioapic, 2, 1), 1);
	KUNIT_EXPECT_EQ(test, fix->last.vector, 0x31);
	KUNIT_EXPECT_EQ(test, fix->last.dest, 7u);
	KUNIT_EXPECT_EQ(test, fix->last.delivery_mode, 1);
	KUNIT_EXPECT_TRUE(test, fix->last.logical);
	KUNIT_EXPECT_FALSE(test, fix->last.level);
	/* ExtINT: the local APIC decides what to do with it. */
	wr_entry(&fix->ioapic, 0, 7 << 8);
	set(&fix->ioapic, 0, 1);
	KUNIT_EXPECT_EQ(test, fix->last.delivery_mode, 7);
}

static void edge(struct kunit *test)
{
	struct fixture *fix = test->priv;

	wr_entry(&fix->ioapic, 4, 0x41);
	KUNIT_EXPECT_EQ(test, set(&fix->ioapic, 4, 1), 1);
	KUNIT_EXPECT_EQ(test, set(&fix->ioapic, 4, 1), 0);
	KUNIT_EXPECT_EQ(test, fix->sent, 1);
	KUNIT_EXPECT_EQ(test, set(&fix->ioapic, 4, 0), 1);
	fix->answer = 0;
	KUNIT_EXPECT_EQ(test, set(&fix->ioapic, 4, 1), 0);
	KUNIT_EXPECT_EQ(test, fix->sent, 2);
	KUNIT_EXPECT_EQ(test, rd_entry(&fix->ioapic, 4), 0x41u);
}

static void masked_edge_is_lost(struct kunit *test)
{
	struct fixture *fix = test->priv;

	wr_entry(&fix->ioapic, 4, 0x41 | MASKED);
	KUNIT_EXPECT_EQ(test, set(&fix->ioapic, 4, 1), -1);
	wr_entry(&fix->ioapic, 4, 0x41);
	KUNIT_EXPECT_EQ(test, fix->sent, 0);
}

static void masked_level_is_kept(struct kunit *test)
{
	struct fixture *fix = test->priv;

	wr_entry(&fix->ioapic, 9, 0x51 | LEVEL | MASKED);
	KUNIT_EXPECT_EQ(test, set(&fix->ioapic, 9, 1), -1);
	wr_entry(&fix->ioapic, 9, 0x51 | LEVEL);
	KUNIT_EXPECT_EQ(test, fix->sent, 1);
	KUNIT_EXPECT_TRUE(test, fix->last.level);
}

static void level_until_eoi(struct kunit *test)
{
	struct fixture *fix = test->priv;

	wr_entry(&fix->ioapic, 9, 0x51 | LEVEL);
	KUNIT_EXPECT_EQ(test, set(&fix->ioapic, 9, 1), 1);
	KUNIT_EXPECT_EQ(test, rd_entry(&fix->ioapic, 9), 0x51 | LEVEL | REMOTE_IRR);
	KUNIT_EXPECT_EQ(test, set(&fix->ioapic, 9, 1), 0);
	/* An EOI of an edge with this vector does not end it, nor does another vector's. */
	wr_ioapic_eoi_vector(&fix->ioapic, 0x51, false);
	wr_ioapic_eoi_vector(&fix->ioapic, 0x52, true);
	KUNIT_EXPECT_EQ(test, fix->sent, 1);
	/* Still high: delivered again. */
	wr_ioapic_eoi_vector(&fix->ioapic, 0x51, true);
	KUNIT_EXPECT_EQ(test, fix->sent, 2);
	set(&fix->ioapic, 9, 0);
	wr_ioapic_eoi_vector(&fix->ioapic, 0x51, true);
	KUNIT_EXPECT_EQ(test, fix->sent, 2);
	KUNIT_EXPECT_EQ(test, rd_entry(&fix->ioapic, 9), 0x51 | LEVEL);
}

static void sources_are_ored(struct kunit *test)
{
	struct fixture *fix = test->priv;

	wr_entry(&fix->ioapic, 9, 0x51 | LEVEL);
	set(&fix->ioapic, 9, 1);
	wr_ioapic_set_irq(&fix->ioapic, 9, WR_IRQ_SOURCE_RESAMPLE, 1);
	set(&fix->ioapic, 9, 0);
	wr_ioapic_eoi_vector(&fix->ioapic, 0x51, true);
	KUNIT_EXPECT_EQ(test, fix->sent, 2);
	wr_ioapic_set_irq(&fix->ioapic, 9, WR_IRQ_SOURCE_RESAMPLE, 0);
	wr_ioapic_eoi_vector(&fix->ioapic, 0x51, true);
	KUNIT_EXPECT_EQ(test, fix->sent, 2);
}

static void edge_clears_remote_irr(struct kunit *test)
{
	struct fixture *fix = test->priv;

	wr_entry(&fix->ioapic, 9, 0x51 | LEVEL);
	set(&fix->ioapic, 9, 1);
	wr_entry(&fix->ioapic, 9, 0x51 | MASKED);
	KUNIT_EXPECT_EQ(test, rd_entry(&fix->ioapic, 9), 0x51 | MASKED);
	wr_entry(&fix->ioapic, 9, 0x51 | LEVEL);
	KUNIT_EXPECT_EQ(test, fix->sent, 2);
}

static void shared_vector(struct kunit *test)
{
	struct fixture *fix = test->priv;

	wr_entry(&fix->ioapic, 9, 0x51 | LEVEL);
	wr_entry(&fix->ioapic, 10, 0x51 | LEVEL);
	set(&fix->ioapic, 9, 1);
	set(&fix->ioapic, 10, 1);
	KUNIT_EXPECT_EQ(test, fix->sent, 2);
	wr_ioapic_eoi_vector(&fix->ioapic, 0x51, true);
	KUNIT_EXPECT_EQ(test, fix->sent, 4);
}

static void nobody_takes_it(struct kunit *test)
{
	struct fixture *fix = test->priv;

	/* Not accepted: the remote IRR stays clear, and the next try goes out. */
	fix->answer = -1;
	wr_entry(&fix->ioapic, 9, 0x51 | LEVEL);
	KUNIT_EXPECT_EQ(test, set(&fix->ioapic, 9, 1), -1);
	KUNIT_EXPECT_EQ(test, rd_entry(&fix->ioapic, 9), 0x51 | LEVEL);
	fix->answer = 1;
	KUNIT_EXPECT_EQ(test, set(&fix->ioapic, 9, 1), 1);
}

static void storm_is_slowed(struct kunit *test)
{
	struct fixture *fix = test->priv;
	int i, sent;

	wr_entry(&fix->ioapic, 9, 0x51 | LEVEL);
	set(&fix->ioapic, 9, 1);
	for (i = 0; i < WR_IOAPIC_MAX_EOIS; i++)
		wr_ioapic_eoi_vector(&fix->ioapic, 0x51, true);
	KUNIT_EXPECT_EQ(test, fix->sent, WR_IOAPIC_MAX_EOIS);
	sent = fix->sent;
	for (i = 0; i < 100 && READ_ONCE(fix->sent) == sent; i++)
		msleep(10);
	/* Late, but it comes. */
	KUNIT_EXPECT_EQ(test, fix->sent, sent + 1);
}

static void state_from_anywhere(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kvm_ioapic_state state, back;
	int i;

	wr_entry(&fix->ioapic, 4, 0x41);
	wr_entry(&fix->ioapic, 9, 0x51 | LEVEL | MASKED);
	set(&fix->ioapic, 4, 1);
	set(&fix->ioapic, 9, 1);
	wr_ioapic_get(&fix->ioapic, &state);
	/* The edge went out; the level is still wanted. */
	KUNIT_EXPECT_EQ(test, state.irr, BIT(9));
	KUNIT_EXPECT_EQ(test, state.base_address, 0xfec00000ull);
	state.redirtbl[9].fields.mask = 0;
	state.base_address = 0;
	wr_ioapic_set(&fix->ioapic, &state);
	KUNIT_EXPECT_EQ(test, fix->sent, 2);
	KUNIT_EXPECT_EQ(test, fix->last.vector, 0x51);

	for (i = 0; i < 256; i += 15) {
		memset(&state, i, sizeof(state));
		wr_ioapic_set(&fix->ioapic, &state);
		wr_ioapic_eoi_vector(&fix->ioapic, i, true);
		wr_ioapic_get(&fix->ioapic, &back);
		KUNIT_EXPECT_EQ(test, back.base_address, 0xfec00000ull);
		KUNIT_EXPECT_EQ(test, back.irr >> 24, 0u);
	}
}

static struct kunit_case ioapic_cases[] = {
	KUNIT_CASE(registers),
	KUNIT_CASE(message),
	KUNIT_CASE(edge),
	KUNIT_CASE(masked_edge_is_lost),
	KUNIT_CASE(masked_level_is_kept),
	KUNIT_CASE(level_until_eoi),
	KUNIT_CASE(sources_are_ored),
	KUNIT_CASE(edge_clears_remote_irr),
	KUNIT_CASE(shared_vector),
	KUNIT_CASE(nobody_takes_it),
	KUNIT_CASE(storm_is_slowed),
	KUNIT_CASE(state_from_anywhere),
	{}
};

struct kunit_suite wr_ioapic_suite = {
	.name = "warren_ioapic",
	.init = ioapic_setup,
	.exit = ioapic_teardown,
	.test_cases = ioapic_cases,
};
