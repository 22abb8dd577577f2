// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 8259 pair as a guest programs it.
 */
#include <kunit/test.h>

#include "irq/chips.h"

#define MASTER		0x20
#define SLAVE		0xa0
#define ELCR		0x4d0
#define MASTER_BASE	0x30
#define SLAVE_BASE	0x38

#define EOI		0x20
#define EOI_OF(pin)	(0x60 | (pin))
#define READ_IRR	0x0a
#define READ_ISR	0x0b
#define POLL		0x0c

static void out(struct wr_pic *pic, u16 port, u8 value)
{
	wr_pic_port_write(pic, port, value);
}

/* As a PC's firmware and Linux do: edge, cascade on pin 2, 8086 mode. */
static void program(struct wr_pic *pic, u8 icw4)
{
	out(pic, MASTER, 0x11);
	out(pic, MASTER + 1, MASTER_BASE);
	out(pic, MASTER + 1, 0x04);
	out(pic, MASTER + 1, icw4);
	out(pic, SLAVE, 0x11);
	out(pic, SLAVE + 1, SLAVE_BASE);
	out(pic, SLAVE + 1, 0x02);
	out(pic, SLAVE + 1, 0x01);
}

static int raise(struct wr_pic *pic, u32 pin)
{
	return wr_pic_set_irq(pic, pin, WR_IRQ_SOURCE_USER, 1);
}

static int lower(struct wr_pic *pic, u32 pin)
{
	return wr_pic_set_irq(pic, pin, WR_IRQ_SOURCE_USER, 0);
}

static void pulse(struct wr_pic *pic, u32 pin)
{
	raise(pic, pin);
	lower(pic, pin);
}

static int pic_setup(struct kunit *test)
{
	struct wr_pic *pic = kunit_kzalloc(test, sizeof(*pic), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pic);
	wr_pic_init(pic, NULL);
	program(pic, 0x01);
	test->priv = pic;
	return 0;
}

static void edge_is_latched(struct kunit *test)
{
	struct wr_pic *pic = test->priv;

	KUNIT_EXPECT_FALSE(test, pic->output);
	KUNIT_EXPECT_EQ(test, raise(pic, 4), 1);
	KUNIT_EXPECT_TRUE(test, pic->output);
	lower(pic, 4);
	KUNIT_EXPECT_TRUE(test, pic->output);
	KUNIT_EXPECT_EQ(test, raise(pic, 4), 0);
	KUNIT_EXPECT_EQ(test, wr_pic_take_vector(pic), MASTER_BASE + 4);
	KUNIT_EXPECT_FALSE(test, pic->output);

	/* The line is still high: no new edge, so nothing after the EOI. */
	out(pic, MASTER, EOI);
	KUNIT_EXPECT_FALSE(test, pic->output);
	lower(pic, 4);
	raise(pic, 4);
	KUNIT_EXPECT_TRUE(test, pic->output);
}

static void level_follows_line(struct kunit *test)
{
	struct wr_pic *pic = test->priv;

	out(pic, ELCR, 0xff);
	out(pic, ELCR + 1, 0xff);
	KUNIT_EXPECT_EQ(test, wr_pic_port_read(pic, ELCR), 0xf8);
	KUNIT_EXPECT_EQ(test, wr_pic_port_read(pic, ELCR + 1), 0xde);
	raise(pic, 5);
	KUNIT_EXPECT_EQ(test, wr_pic_take_vector(pic), MASTER_BASE + 5);
	out(pic, MASTER, EOI);
	KUNIT_EXPECT_TRUE(test, pic->output);
	lower(pic, 5);
	KUNIT_EXPECT_FALSE(test, pic->output);
}

static void sources_are_ored(struct kunit *test)
{
	struct wr_pic *pic = test->priv;

	out(pic, ELCR, 0x20);
	raise(pic, 5);
	wr_pic_set_irq(pic, 5, WR_IRQ_SOURCE_RESAMPLE, 1);
	lower(pic, 5);
	KUNIT_EXPECT_TRUE(test, pic->output);
	wr_pic_set_irq(pic, 5, WR_IRQ_SOURCE_RESAMPLE, 0);
	KUNIT_EXPECT_FALSE(test, pic->output);
}

static void masked_and_unmasked(struct kunit *test)
{
	struct wr_pic *pic = test->priv;

	out(pic, MASTER + 1, 0x10);
	KUNIT_EXPECT_EQ(test, wr_pic_port_read(pic, MASTER + 1), 0x10);
	KUNIT_EXPECT_EQ(test, raise(pic, 4), -1);
	KUNIT_EXPECT_FALSE(test, pic->output);
	out(pic, MASTER + 1, 0);
	KUNIT_EXPECT_TRUE(test, pic->output);
}

static void priorities_nest(struct kunit *test)
{
	struct wr_pic *pic = test->priv;

	pulse(pic, 4);
	pulse(pic, 6);
	KUNIT_EXPECT_EQ(test, wr_pic_take_vector(pic), MASTER_BASE + 4);
	KUNIT_EXPECT_FALSE(test, pic->output);
	pulse(pic, 1);
	KUNIT_EXPECT_TRUE(test, pic->output);
	KUNIT_EXPECT_EQ(test, wr_pic_take_vector(pic), MASTER_BASE + 1);
	out(pic, MASTER, READ_ISR);
	KUNIT_EXPECT_EQ(test, wr_pic_port_read(pic, MASTER), 0x12);
	out(pic, MASTER, READ_IRR);
	KUNIT_EXPECT_EQ(test, wr_pic_port_read(pic, MASTER), 0x40);
	out(pic, MASTER, EOI);
	out(pic, MASTER, EOI);
	KUNIT_EXPECT_EQ(test, wr_pic_take_vector(pic), MASTER_BASE + 6);
}

static void cascade(struct kunit *test)
{
	struct wr_pic *pic = test->priv;

	pulse(pic, 12);
	KUNIT_EXPECT_EQ(test, wr_pic_take_vector(pic), SLAVE_BASE + 4);
	KUNIT_EXPECT_EQ(test, pic->chip[0].isr, 0x04);
	KUNIT_EXPECT_EQ(test, pic->chip[1].isr, 0x10);
	/* Without special fully nested mode the master holds all of the slave back. */
	pulse(pic, 8);
	KUNIT_EXPECT_FALSE(test, pic->output);
	out(pic, SLAVE, EOI);
	out(pic, MASTER, EOI_OF(2));
	KUNIT_EXPECT_EQ(test, wr_pic_take_vector(pic), SLAVE_BASE + 0);
	KUNIT_EXPECT_EQ(test, raise(pic, 2), -1);
}

static void special_fully_nested(struct kunit *test)
{
	struct wr_pic *pic = test->priv;

	program(pic, 0x11);
	pulse(pic, 12);
	KUNIT_EXPECT_EQ(test, wr_pic_take_vector(pic), SLAVE_BASE + 4);
	pulse(pic, 8);
	KUNIT_EXPECT_TRUE(test, pic->output);
	KUNIT_EXPECT_EQ(test, wr_pic_take_vector(pic), SLAVE_BASE + 0);
	KUNIT_EXPECT_EQ(test, pic->chip[1].isr, 0x11);
}

static void special_mask(struct kunit *test)
{
	struct wr_pic *pic = test->priv;

	pulse(pic, 1);
	wr_pic_take_vector(pic);
	pulse(pic, 6);
	KUNIT_EXPECT_FALSE(test, pic->output);
	/* A handler that masks itself and sets special mask mode lets the lower ones in. */
	out(pic, MASTER + 1, 0x02);
	out(pic, MASTER, 0x68);
	KUNIT_EXPECT_TRUE(test, pic->output);
	KUNIT_EXPECT_EQ(test, wr_pic_take_vector(pic), MASTER_BASE + 6);
	/* The EOI is for what is not masked. */
	out(pic, MASTER, EOI);
	KUNIT_EXPECT_EQ(test, pic->chip[0].isr, 0x02);
	out(pic, MASTER, 0x48);
	KUNIT_EXPECT_EQ(test, pic->chip[0].special_mask, 0);
}

static void auto_eoi_and_rotation(struct kunit *test)
{
	struct wr_pic *pic = test->priv;

	program(pic, 0x03);
	out(pic, MASTER, 0x80);
	pulse(pic, 3);
	KUNIT_EXPECT_EQ(test, wr_pic_take_vector(pic), MASTER_BASE + 3);
	KUNIT_EXPECT_EQ(test, pic->chip[0].isr, 0);
	/* Now 3 is the lowest and 4 the highest. */
	pulse(pic, 3);
	pulse(pic, 7);
	pulse(pic, 0);
	KUNIT_EXPECT_EQ(test, wr_pic_take_vector(pic), MASTER_BASE + 7);
	KUNIT_EXPECT_EQ(test, wr_pic_take_vector(pic), MASTER_BASE + 0);
	KUNIT_EXPECT_EQ(test, wr_pic_take_vector(pic), MASTER_BASE + 3);
}

static void rotation_by_eoi(struct kunit *test)
{
	struct wr_pic *pic = test->priv;

	out(pic, MASTER, 0xc0 | 4);
	pulse(pic, 4);
	pulse(pic, 5);
	KUNIT_EXPECT_EQ(test, wr_pic_take_vector(pic), MASTER_BASE + 5);
	out(pic, MASTER, 0xa0);
	KUNIT_EXPECT_EQ(test, pic->chip[0].priority_add, 6);
	KUNIT_EXPECT_EQ(test, wr_pic_take_vector(pic), MASTER_BASE + 4);
	out(pic, MASTER, 0xe0 | 4);
	KUNIT_EXPECT_EQ(test, pic->chip[0].priority_add, 5);
	KUNIT_EXPECT_EQ(test, pic->chip[0].isr, 0);
}

static void poll(struct kunit *test)
{
	struct wr_pic *pic = test->priv;

	out(pic, MASTER, POLL);
	KUNIT_EXPECT_EQ(test, wr_pic_port_read(pic, MASTER), 0);
	pulse(pic, 4);
	out(pic, MASTER, POLL);
	KUNIT_EXPECT_EQ(test, wr_pic_port_read(pic, MASTER), 0x84);
	KUNIT_EXPECT_FALSE(test, pic->output);
	KUNIT_EXPECT_EQ(test, pic->chip[0].isr, 0x10);
	KUNIT_EXPECT_EQ(test, wr_pic_port_read(pic, MASTER), 0);
}

static void spurious(struct kunit *test)
{
	struct wr_pic *pic = test->priv;

	out(pic, ELCR, 0x20);
	raise(pic, 5);
	lower(pic, 5);
	KUNIT_EXPECT_EQ(test, wr_pic_take_vector(pic), MASTER_BASE + 7);
	KUNIT_EXPECT_EQ(test, pic->chip[0].isr, 0);
}

static void initialization(struct kunit *test)
{
	struct wr_pic *pic = test->priv;

	out(pic, ELCR, 0x20);
	raise(pic, 5);
	pulse(pic, 4);
	out(pic, MASTER + 1, 0xff);
	out(pic, MASTER, 0x11);
	KUNIT_EXPECT_EQ(test, pic->chip[0].irr, 0x20);
	KUNIT_EXPECT_EQ(test, pic->chip[0].imr, 0);
	KUNIT_EXPECT_EQ(test, pic->chip[0].elcr, 0x20);
	/* One word only: no ICW3 when single, no ICW4 unless asked for. */
	out(pic, MASTER, 0x12);
	out(pic, MASTER + 1, 0x47);
	KUNIT_EXPECT_EQ(test, pic->chip[0].irq_base, 0x40);
	out(pic, MASTER + 1, 0xa5);
	KUNIT_EXPECT_EQ(test, pic->chip[0].imr, 0xa5);
}

static void state_from_anywhere(struct kunit *test)
{
	struct wr_pic *pic = test->priv;
	struct kvm_pic_state state, back;
	int i;

	raise(pic, 4);
	wr_pic_get(pic, &state, false);
	lower(pic, 4);
	wr_pic_take_vector(pic);
	wr_pic_set(pic, &state, false);
	KUNIT_EXPECT_EQ(test, wr_pic_take_vector(pic), MASTER_BASE + 4);

	for (i = 0; i < 256; i += 5) {
		memset(&state, i, sizeof(state));
		wr_pic_set(pic, &state, i & 1);
		raise(pic, i % 16);
		wr_pic_take_vector(pic);
		out(pic, i & 1 ? SLAVE : MASTER, i);
		wr_pic_get(pic, &back, i & 1);
		KUNIT_EXPECT_LT(test, back.priority_add, 8);
		KUNIT_EXPECT_EQ(test, back.elcr_mask, i & 1 ? 0xde : 0xf8);
	}
}

static struct kunit_case pic_cases[] = {
	KUNIT_CASE(edge_is_latched),
	KUNIT_CASE(level_follows_line),
	KUNIT_CASE(sources_are_ored),
	KUNIT_CASE(masked_and_unmasked),
	KUNIT_CASE(priorities_nest),
	KUNIT_CASE(cascade),
	KUNIT_CASE(special_fully_nested),
	KUNIT_CASE(special_mask),
	KUNIT_CASE(auto_eoi_and_rotation),
	KUNIT_CASE(rotation_by_eoi),
	KUNIT_CASE(poll),
	KUNIT_CASE(spurious),
	KUNIT_CASE(initialization),
	KUNIT_CASE(state_from_anywhere),
	{}
};

struct kunit_suite wr_pic_suite = {
	.name = "warren_pic",
	.init = pic_setup,
	.test_cases = pic_cases,
};
